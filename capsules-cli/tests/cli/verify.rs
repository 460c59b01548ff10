//! `verify`.

use serde_json::{Value, json};

use crate::support::{Home, Ran, data, fill_store};

/// The public keys of the two epochs in `tests/data/keyring.json`.
const FIRST: &str = "5d53c171e6550cc6b8c5ae040c84af6d3c621ccb4516011e246f9840f0b2fda6";
const SECOND: &str = "1ebab0aab7c50c4f88ca4b4eb8cbcf2c7cb1b024768bc621ad2012aecf9228ee";

/// A home with the keyring, the store and an export of one chain.
fn home() -> Home {
    let home = Home::new();
    home.data_file("keyring.json", data("keyring.json"));
    fill_store(&home.path().join(".quantumpipes/capsules.db"));
    home.file("chain.json", data("chain.json"));
    home
}

/// An export in which a record was changed.
fn tampered(change: impl FnOnce(&mut Value)) -> String {
    let mut chain = serde_json::from_slice(&data("chain.json")).unwrap();
    change(&mut chain);
    chain.to_string()
}

fn report(ran: &Ran) -> Value {
    assert_eq!(ran.stderr, "");
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn the_default_store_passes() {
    let home = home();
    let dir = home.path().join(".quantumpipes").display().to_string();
    let printed = home.run(["verify", "--signatures"]).passed();
    assert_eq!(
        printed.replace(&dir, "DIR"),
        "\
Verification of DIR/capsules.db
  level           signatures (sequences, links, contents and signatures)
  capsules        3

  ✓ links         passed       3 capsules
  ✓ content       passed       3 capsules
  ✓ signatures    passed       3 capsules
  · post-quantum  not checked  not asked for
  ✓ columns       passed       3 capsules
  ✓ tenant        passed       2 capsules
  ✓ time order    passed       3 capsules
  ✓ epochs        passed       3 capsules

PASS  3 capsules verified
"
    );
}

#[test]
fn a_failure_is_shown_with_its_surroundings() {
    let home = home();
    let changed = tampered(|chain| chain[1]["outcome"]["error"] = json!("none"));
    home.file("changed.json", changed);
    let ran = home.run(["verify", "changed.json", "--full"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
    assert_eq!(
        ran.stdout,
        "\
Verification of changed.json
  level           full (sequences, links and contents)
  capsules        3

  · links         not checked  the verification ended at sequence 1
  ✗ content       failed       capsule 1 0199f3a0-2222-4a22-8a22-000000000002, field hash
                               Content hash mismatch at sequence 1
  · signatures    not checked  not part of the level full
  · post-quantum  not checked  not part of the level full
  · columns       not checked  the records come from an export, which has no columns
  · tenant        not checked  the records come from an export, which has no columns
  · time order    not checked  the verification ended at sequence 1
  · epochs        not checked  not part of the level full

   SEQ  ID                                    PREVIOUS HASH  HASH
     0  0199f3a0-1111-4a11-8a11-000000000001  none           3a22ff10020f
>    1  0199f3a0-2222-4a22-8a22-000000000002  3a22ff10020f   383241a8adae
     2  0199f3a0-3333-4a33-8a33-000000000003  383241a8adae   dedca7233ffd

FAIL  1 of 3 capsules verified
"
    );
}

#[test]
fn what_a_pass_leaves_open_is_said() {
    let home = home();
    for (level, conclusion) in [
        (
            "--structural",
            "PASS  3 capsules verified; contents and signatures were not checked (--full, \
             --signatures)\n",
        ),
        (
            "--full",
            "PASS  3 capsules verified; signatures were not checked (--signatures)\n",
        ),
        ("--signatures", "PASS  3 capsules verified\n"),
    ] {
        let printed = home.run(["verify", "chain.json", level]).passed();
        assert!(printed.ends_with(&format!("\n\n{conclusion}")), "{printed}");
    }
    assert_eq!(
        home.run(["verify", "chain.json"]).passed(),
        home.run(["verify", "chain.json", "--structural"]).passed()
    );
}

#[test]
fn json_has_the_keys_of_other_implementations_and_the_checks() {
    let home = home();
    let passed = home.run(["verify", "--json"]);
    assert_eq!(passed.status, 0);
    assert!(
        passed.stdout.starts_with(
            "{\n  \"valid\": true,\n  \"level\": \"structural\",\n  \"capsules_verified\": 3,\n  \
             \"total_capsules\": 3,\n  \"errors\": [],\n  \"checks\": {\n"
        ),
        "{}",
        passed.stdout
    );

    let gap = tampered(|chain| chain[2]["sequence"] = json!(5));
    let failed = home.pipe(gap, &["verify", "-", "--json"]);
    assert_eq!(failed.status, 1);
    let report = report(&failed);
    assert_eq!(
        report["errors"],
        json!([{
            "sequence": 2,
            "capsule_id": "0199f3a0-3333-4a33-8a33-000000000003",
            "error": "Sequence gap: expected 2, got 5",
        }])
    );
    assert_eq!(report["capsules_verified"], 2);
    assert_eq!(report["checks"]["links"]["verdict"], "failed");
    assert_eq!(report["checks"]["signatures"]["verdict"], "not_checked");
}

#[test]
fn each_level_finds_what_is_its_to_find() {
    let home = home();
    let relinked = tampered(|chain| chain[2]["previous_hash"] = json!("00".repeat(32)));
    let edited = tampered(|chain| chain[2]["domain"] = json!("sales"));
    let resigned = tampered(|chain| chain[2]["signature"] = chain[1]["signature"].clone());
    for (export, statuses) in [
        (relinked, [1, 1, 1]),
        (edited, [0, 1, 1]),
        (resigned, [0, 0, 1]),
    ] {
        home.file("export.json", export);
        let levels = ["--structural", "--full", "--signatures"];
        let run = |level| home.run(["verify", "export.json", level]).status;
        assert_eq!(levels.map(run), statuses);
    }
}

#[test]
fn a_public_key_is_enough() {
    let home = Home::new();
    let chain: Value = serde_json::from_slice(&data("chain.json")).unwrap();
    let lines = format!("{}\n{}\n", chain[0], chain[1]);
    home.file("first.pub", format!("{FIRST}\n"));
    home.file("lines.jsonl", lines);
    let upper = FIRST.to_uppercase();
    for (args, status) in [
        (["--pubkey", FIRST], 0),
        (["--pubkey", &upper], 0),
        (["--pubkey-file", "first.pub"], 0),
        (["--pubkey", SECOND], 1),
    ] {
        let ran = home.run([&["verify", "lines.jsonl", "--json"], &args[..]].concat());
        assert_eq!(ran.status, status, "{args:?}");
        assert_eq!(report(&ran)["level"], "signatures");
    }
    // The explicit level gives way to the key, as in other implementations.
    let ran = home.run(["verify", "lines.jsonl", "--structural", "--pubkey", SECOND]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.stdout.contains(
            "Signature verification failed at sequence 0: the Ed25519 signature is not one of a \
             trusted key\n"
        ),
        "{}",
        ran.stdout
    );
}

#[test]
fn verification_makes_neither_keys_nor_stores() {
    let home = Home::new();
    home.file("chain.json", data("chain.json"));
    let error = home.run(["verify", "chain.json", "--signatures"]).error();
    assert!(error.starts_with("error: there is no key in "), "{error}");
    assert!(
        error.contains("--pubkey") && error.contains("--data-dir"),
        "{error}"
    );
    let error = home.run(["verify"]).error();
    assert!(error.starts_with("error: there is no store at "), "{error}");
    home.run(["verify", "--db", "none.db"]).error();
    let files: Vec<_> = std::fs::read_dir(home.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
}

#[test]
fn quiet_answers_with_the_status_alone() {
    let home = home();
    home.file(
        "gap.json",
        tampered(|chain| chain[0]["sequence"] = json!(1)),
    );
    for (file, status) in [("chain.json", 0), ("gap.json", 1)] {
        let ran = home.run(["verify", file, "--quiet"]);
        let silent = Ran {
            status,
            stdout: String::new(),
            stderr: String::new(),
        };
        assert_eq!(ran, silent);
    }
    assert_eq!(home.run(["verify", "none.json", "--quiet"]).status, 2);
}

#[test]
fn an_empty_chain_is_valid() {
    let ran = Home::new().pipe("[]", &["verify", "-", "--json"]);
    assert_eq!(ran.status, 0);
    assert_eq!(report(&ran)["capsules_verified"], 0);
}

#[test]
fn what_cannot_be_verified_is_an_error() {
    let home = home();
    home.file("cut.json", &data("chain.json")[..1000]);
    home.file("short.pub", "00");
    home.file("key.ml.pub", [0; 10]);
    for (args, message) in [
        (&["none.json"][..], "cannot read none.json: "),
        (
            &["."],
            "cannot read .: it is a directory; name a file, or a data directory with --data-dir",
        ),
        (
            &["cut.json"],
            "cut.json: the export is damaged at byte 1000: ",
        ),
        (&["--db", "chain.json"], "it is not a SQLite database"),
        (
            &["--pg", "u:secret@db/x"],
            "is not a URL postgresql://USER@HOST/DATABASE",
        ),
        (
            &["--pubkey", "xyz"],
            "--pubkey: `xyz` is not an Ed25519 public key",
        ),
        (
            &["--pubkey-file", "short.pub"],
            "short.pub: `00` is not an Ed25519 public key",
        ),
        (&["--pubkey-file", "none.pub"], "cannot read none.pub: "),
        (
            &["--pq-pubkey-file", "key.ml.pub"],
            "key.ml.pub: an ML-DSA-65 key in the encoding of FIPS 204 has 1952 bytes, this has 10",
        ),
        (&["chain.json", "--db", "x.db"], "cannot be used with"),
        (&["--full", "--structural"], "cannot be used with"),
        (
            &["--pubkey", FIRST, "--pubkey-file", "short.pub"],
            "cannot be used with",
        ),
    ] {
        let error = home.run([&["verify"], args].concat()).error();
        assert!(error.contains(message), "{args:?}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn a_post_quantum_key_demands_its_signatures() {
    let home = home();
    home.file("key.ml.pub", [0; 1952]);
    let ran = home.run(["verify", "--pq-pubkey-file", "key.ml.pub", "--json"]);
    assert_eq!(ran.status, 1);
    let report = report(&ran);
    assert_eq!(report["level"], "signatures");
    assert_eq!(report["checks"]["post_quantum"]["verdict"], "failed");
}

#[test]
fn the_verdict_survives_a_reader_that_leaves() {
    let home = home();
    home.file(
        "gap.json",
        tampered(|chain| chain[0]["sequence"] = json!(1)),
    );
    let mut command = home.command();
    command
        .args(["verify", "gap.json"])
        .stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_trusted_head_shows_what_was_cut_or_replaced() {
    let home = home();
    let chain: Value = serde_json::from_slice(&data("chain.json")).unwrap();
    let hash = |place: usize| chain[place]["hash"].as_str().unwrap();
    let other = "ab".repeat(32);
    for source in [&[] as &[&str], &["chain.json"]] {
        for (since, status, total, errors) in [
            (format!("1:{}", hash(1)), 0, 1, json!([])),
            (format!("2:{}", hash(2)), 0, 0, json!([])),
            (
                format!("1:{other}"),
                1,
                1,
                json!([{
                    "sequence": 1,
                    "capsule_id": chain[1]["id"],
                    "error": format!(
                        "Trusted head not found: sequence 1 has the hash {}, not {other}",
                        hash(1)
                    ),
                }]),
            ),
            (
                format!("3:{other}"),
                1,
                0,
                json!([{
                    "sequence": 3,
                    "capsule_id": "",
                    "error": format!(
                        "Trusted head not found: the chain ends before sequence 3 ({other})"
                    ),
                }]),
            ),
        ] {
            let options = ["verify", "--signatures", "--json", "--since", &since];
            let ran = home.run([&options, source].concat());
            assert_eq!(ran.status, status, "{since}: {ran:?}");
            let report = report(&ran);
            assert_eq!(report["total_capsules"], total, "{since}");
            assert_eq!(report["errors"], errors, "{since}");
        }
    }
    let malformed = home.run(["verify", "--since", "1:xyz"]);
    assert_eq!(malformed.status, 2);
}

#[test]
fn a_checkpoint_is_written_when_the_chain_passes_and_continued_from() {
    let home = home();
    let chain: Value = serde_json::from_slice(&data("chain.json")).unwrap();
    home.file("short.json", json!([chain[0], chain[1]]).to_string());
    let write = ["--signatures", "--write-checkpoint", "c.json"];
    home.run([&["verify", "short.json"], &write[..]].concat())
        .passed();
    let file = std::fs::read(home.path().join("c.json")).unwrap();
    let kept: Value = serde_json::from_slice(&file).unwrap();
    assert_eq!(kept["sequence"], 1);
    assert_eq!(kept["hash"], chain[1]["hash"]);
    assert_eq!(kept["signature"], chain[1]["signature"]);
    assert_eq!(kept["public_key"], FIRST);

    // What came since, and on from there in place.
    for (total, sequence) in [(1, 2), (0, 2)] {
        let go_on = ["verify", "--since", "c.json", "--json"];
        let ran = home.run([&go_on, &write[..]].concat());
        assert_eq!(ran.status, 0, "{ran:?}");
        assert_eq!(report(&ran)["total_capsules"], total);
        let file = std::fs::read(home.path().join("c.json")).unwrap();
        let kept: Value = serde_json::from_slice(&file).unwrap();
        assert_eq!(kept["sequence"], sequence);
    }

    // Cut, and no longer passing: the file stays.
    let before = std::fs::read(home.path().join("c.json")).unwrap();
    let ran = home.run([&["verify", "short.json", "--since", "c.json"], &write[..]].concat());
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.stdout.contains("Trusted head not found"), "{ran:?}");
    home.file(
        "gap.json",
        tampered(|chain| chain[2]["sequence"] = json!(7)),
    );
    assert_eq!(
        home.run([&["verify", "gap.json"], &write[..]].concat())
            .status,
        1
    );
    assert_eq!(std::fs::read(home.path().join("c.json")).unwrap(), before);
    let files = std::fs::read_dir(home.path()).unwrap().count();
    assert_eq!(files, 5, "nothing is left over");
}

#[test]
fn what_is_no_checkpoint_is_an_error() {
    let home = home();
    home.run(["verify", "--full", "--write-checkpoint", "full.json"])
        .passed();
    home.file("text", "sequence 7");
    for (args, message) in [
        (&["--since", "none"][..], "cannot read none: "),
        (
            &["--since", "text"],
            "cannot continue from text: not a checkpoint: ",
        ),
        (
            &["--since", "full.json", "--signatures"],
            "up to there the chain was verified at the level full only",
        ),
        (
            &["--write-checkpoint", "none/c.json"],
            "cannot write none/c.json: ",
        ),
        (
            &["--write-checkpoint", ".quantumpipes/capsules.db"],
            "is a store; choose another file",
        ),
        (&["--threads", "0"], "invalid value '0'"),
    ] {
        let error = home.run([&["verify"], args].concat()).error();
        assert!(error.contains(message), "{args:?}: {error}");
    }
    let ran = home.pipe("[]", &["verify", "-", "--write-checkpoint", "empty.json"]);
    assert_eq!(ran.status, 0);
    assert_eq!(
        ran.stderr,
        "note: no checkpoint was written: the chain is empty\n"
    );
    assert!(!home.path().join("empty.json").exists());
    home.run(["verify", "--signatures", "--threads", "1"])
        .passed();
}
