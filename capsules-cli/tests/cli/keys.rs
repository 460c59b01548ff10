//! `keys`.

use crate::support::{Home, data};

/// The public key of the active epoch in `tests/data/keyring.json`.
const ACTIVE: &str = "1ebab0aab7c50c4f88ca4b4eb8cbcf2c7cb1b024768bc621ad2012aecf9228ee\n";

#[test]
fn info_shows_every_epoch() {
    let home = Home::new();
    home.data_file("keyring.json", data("keyring.json"));
    let printed = home.run(["keys", "info"]).passed();
    let dir = home.path().join(".quantumpipes").display().to_string();
    assert_eq!(
        printed.replace(&dir, "DIR"),
        "\
Keys
  keyring         DIR/keyring.json
  private key     none in DIR/key
  signs with      qp_key_1eba (epoch 1)
  public key      1ebab0aab7c50c4f88ca4b4eb8cbcf2c7cb1b024768bc621ad2012aecf9228ee

EPOCH  FINGERPRINT  STATUS   BEGAN                ENDED
    0  qp_key_5d53  retired  2026-11-21T09:50:17  2026-11-21T09:50:17
    1  qp_key_1eba  active   2026-11-21T09:50:17
"
    );
}

#[test]
fn looking_at_keys_makes_none() {
    let home = Home::new();
    assert!(
        home.run(["keys", "info"])
            .passed()
            .contains("There are no keys yet.")
    );
    let error = home.run(["keys", "export-public"]).error();
    assert!(error.starts_with("error: there is no key in "), "{error}");
    assert!(
        error.ends_with("; `capsules keys rotate` makes the first\n"),
        "{error}"
    );
    assert!(!home.path().join(".quantumpipes").exists());
}

#[test]
fn rotation_retires_the_key_and_names_both() {
    let home = Home::new();
    let first = home.run(["keys", "rotate"]).passed();
    assert!(
        first.contains("(epoch 0)") && !first.contains("retired"),
        "{first}"
    );
    let before = home.run(["keys", "export-public"]).passed();

    let second = home.run(["keys", "rotate"]).passed();
    let after = home.run(["keys", "export-public"]).passed();
    for (label, key, epoch) in [
        ("retired         ", before, "(epoch 0)"),
        ("signs now       ", after, "(epoch 1)"),
    ] {
        // A fingerprint has more than four digits when two keys begin with the same four.
        let begins = format!("  {label}qp_key_{}", &key[..4]);
        let is_it = |line: &str| line.starts_with(&begins) && line.ends_with(epoch);
        assert!(second.lines().any(is_it), "{begins}: {second}");
    }
}

#[test]
fn the_data_directory_can_be_chosen() {
    let home = Home::new();
    home.file("keyring.json", data("keyring.json"));
    let by_option = ["keys", "export-public", "--data-dir", "."];
    assert_eq!(home.run(by_option).passed(), ACTIVE);
    let by_option = ["keys", "--data-dir", ".", "export-public"];
    assert_eq!(home.run(by_option).passed(), ACTIVE);
    let mut by_variable = home.command();
    by_variable
        .args(["keys", "export-public"])
        .env("QUANTUMPIPES_DATA_DIR", home.path());
    assert_eq!(crate::support::Ran::of(&mut by_variable).passed(), ACTIVE);

    let error = home.run(["keys", "info", "--data-dir", "a/../b"]).error();
    assert!(
        error.starts_with("error: the data directory a/../b must not contain `..`"),
        "{error}"
    );
}

#[test]
fn a_damaged_keyring_is_an_error() {
    let home = Home::new();
    home.data_file("keyring.json", "{");
    for action in ["info", "rotate", "export-public"] {
        let error = home.run(["keys", action]).error();
        assert!(
            error.contains("keyring.json cannot be understood"),
            "{error}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_pointed_out() {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    let home = Home::new();
    home.run(["keys", "rotate"]).passed();
    let warning = "other users can read it: run chmod 600 ";
    assert!(!home.run(["keys", "info"]).passed().contains(warning));
    let key = home.path().join(".quantumpipes/key");
    std::fs::set_permissions(key, Permissions::from_mode(0o644)).unwrap();
    assert!(home.run(["keys", "info"]).passed().contains(warning));
}

/// The seed of `RFC_PUBLIC`, from RFC 8410, section 10.3, and its public key from 10.1.
const RFC_PRIVATE: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
const RFC_PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";
const RFC_PUBLIC_HEX: &str = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";

fn data_dir(home: &Home, name: &str) -> std::path::PathBuf {
    home.path().join(".quantumpipes").join(name)
}

#[test]
fn a_private_key_is_taken_over_and_given_back() {
    let home = Home::new();
    home.file("private.pem", RFC_PRIVATE);
    home.file("public.pem", RFC_PUBLIC);
    let import = ["keys", "import", "--private", "private.pem"];
    let pair = [&import[..], &["--public", "public.pem"]].concat();
    assert!(
        home.run(&pair)
            .passed()
            .contains("signs now       qp_key_19bf (epoch 0)")
    );
    assert_eq!(
        home.run(["keys", "export"]).passed(),
        format!("{RFC_PUBLIC_HEX}\n")
    );
    assert_eq!(
        home.run(["keys", "export", "--format", "pem"]).passed(),
        RFC_PUBLIC
    );

    for (name, content) in [
        ("again.pem", RFC_PRIVATE.as_bytes().to_vec()),
        ("again.raw", std::fs::read(data_dir(&home, "key")).unwrap()),
    ] {
        let format = name.split_once('.').unwrap().1;
        let ran = home.run([
            "keys",
            "export",
            "--private",
            "-o",
            name,
            "--format",
            format,
        ]);
        assert_eq!((ran.status, ran.stdout.as_str()), (0, ""));
        assert!(
            ran.stderr.contains("whoever has it can sign"),
            "{}",
            ran.stderr
        );
        assert_eq!(std::fs::read(home.path().join(name)).unwrap(), content);
        // The same key once more needs no rotation.
        let before = std::fs::read(data_dir(&home, "keyring.json")).unwrap();
        home.run(["keys", "import", "--private", name]).passed();
        assert_eq!(
            std::fs::read(data_dir(&home, "keyring.json")).unwrap(),
            before
        );
        // And it is never written over another file.
        let error = home
            .run(["keys", "export", "--private", "-o", name])
            .error();
        assert!(
            error.starts_with(&format!("error: cannot write {name}: ")),
            "{error}"
        );
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = home
            .path()
            .join("again.pem")
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_private_key_is_replaced_on_demand_only() {
    let home = Home::new();
    home.run(["keys", "rotate"]).passed();
    let own = std::fs::read(data_dir(&home, "key")).unwrap();
    let public = home.run(["keys", "export"]).passed();
    home.file("private.pem", RFC_PRIVATE);
    let import = ["keys", "import", "--private", "private.pem"];
    let error = home.run(import).error();
    assert!(error.contains("--rotate retires it"), "{error}");
    assert_eq!(std::fs::read(data_dir(&home, "key")).unwrap(), own);

    let other = [&import[..], &["--rotate", "--public", public.trim()]].concat();
    let error = home.run(&other).error();
    assert!(error.contains("belongs to the public key 19bf"), "{error}");
    assert_eq!(std::fs::read(data_dir(&home, "key")).unwrap(), own);

    let rotated = home
        .run([&import[..], &["--rotate", "--json"]].concat())
        .passed();
    let rotated: serde_json::Value = serde_json::from_str(&rotated).unwrap();
    assert_eq!(rotated["retired"]["public_key_hex"], public.trim());
    assert_eq!(rotated["active"]["public_key_hex"], RFC_PUBLIC_HEX);
    assert_eq!(
        home.run(["keys", "export", "--epoch", "0"]).passed(),
        public
    );
}

#[test]
fn somebody_elses_keys_verify_in_a_directory_of_their_own() {
    let signer = Home::new();
    signer.run(["keys", "rotate"]).passed();
    signer.run(["keys", "export", "-o", "early.json"]).passed();
    signer.run(["keys", "rotate"]).passed();
    signer
        .run(["keys", "export", "-o", "keyring.json"])
        .passed();
    let early = signer.path().join("early.json");
    let keyring = signer.path().join("keyring.json");
    let written = std::fs::read_to_string(&keyring).unwrap();
    assert_eq!(
        written,
        std::fs::read_to_string(data_dir(&signer, "keyring.json")).unwrap()
    );

    let auditor = Home::new();
    let import = |file: &std::path::Path, directory: &str| {
        let file = file.to_str().unwrap();
        auditor.run(["keys", "import", file, "--data-dir", directory])
    };
    import(&early, "signer").passed();
    import(&keyring, "signer").passed();
    assert!(!auditor.path().join("signer/key").exists());
    let error = import(&early, "signer").error();
    assert!(error.contains("which would be lost"), "{error}");

    auditor
        .run(["keys", "rotate", "--data-dir", "own"])
        .passed();
    let error = import(&keyring, "own").error();
    assert!(error.contains("choose another data directory"), "{error}");
    // A single key will do.
    let ran = auditor.pipe(RFC_PUBLIC, &["keys", "import", "-", "--data-dir", "single"]);
    assert!(ran.passed().contains("qp_key_19bf (epoch 0)"));
}

#[test]
fn a_chain_of_several_epochs_is_verified_with_the_keyring() {
    let home = Home::new();
    home.file("chain.json", data("chain.json"));
    home.file("ring.json", data("keyring.json"));
    let active = home.file("active.hex", ACTIVE);
    let by_keyring = home.run(["verify", "chain.json", "--keyring", "ring.json", "--json"]);
    let one_key = home.run(["verify", "chain.json", "--pubkey-file", active, "--json"]);
    assert_eq!((by_keyring.status, one_key.status), (0, 1));
    let error = home
        .run(["verify", "chain.json", "--keyring", "chain.json"])
        .error();
    assert!(
        error.starts_with("error: chain.json: it is no keyring: "),
        "{error}"
    );
}

#[test]
fn a_keyring_may_be_younger_than_its_first_key() {
    let home = Home::new();
    home.file("chain.json", data("chain.json"));
    for (epoch_began, verdict) in [
        ("\"created_at\": \"2026-11-21T09:50:17.178540", "passed"),
        ("\"created_at\": \"2026-11-21T09:50:17.222216", "failed"),
    ] {
        let ring = String::from_utf8(data("keyring.json")).unwrap();
        let ring = ring.replace(epoch_began, "\"created_at\": \"2099-01-01T00:00:00");
        home.file("ring.json", ring);
        let shown = home.run([
            "verify",
            "chain.json",
            "--signatures",
            "--keyring",
            "ring.json",
        ]);
        let epochs = shown.stdout.lines().find(|line| line.contains("epochs"));
        assert!(
            epochs.is_some_and(|line| line.contains(verdict)),
            "{shown:?}"
        );
    }
}

#[test]
fn keys_are_compared() {
    let home = Home::new();
    home.data_file("keyring.json", data("keyring.json"));
    home.file("rfc.pem", RFC_PUBLIC);
    home.file("active.hex", ACTIVE);
    for (key, options, status) in [
        (ACTIVE.trim(), &[][..], 0),
        ("active.hex", &["--active"], 0),
        ("qp_key_1eba", &["--active"], 0),
        ("qp_key_5d53", &[], 0),
        ("qp_key_5d53", &["--active"], 1),
        ("rfc.pem", &[], 1),
        (RFC_PUBLIC_HEX, &[], 1),
        ("qp_key_ffff", &[], 1),
        ("none.pem", &[], 2),
        ("qp_key_1", &[], 2),
    ] {
        let check = [&["keys", "check", key], options].concat();
        let ran = home.run(&check);
        assert_eq!(ran.status, status, "{check:?} {ran:?}");
        let short = ran.stderr.contains("compare the whole key");
        assert_eq!(
            short,
            status == 0 && key.starts_with("qp_key_"),
            "{check:?} {ran:?}"
        );
        if status < 2 {
            let answer = home.run([&check[..], &["--json"]].concat()).stdout;
            let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(answer["same"], status == 0, "{check:?}");
        }
    }
    let shown = home.run(["keys", "check", "qp_key_5d53"]).stdout;
    assert_eq!(shown, "Same as qp_key_5d53 (epoch 0), which is retired\n");
}

#[test]
fn what_is_no_key_is_an_error() {
    let home = Home::new();
    home.file("private.pem", RFC_PRIVATE);
    home.file("public.pem", RFC_PUBLIC);
    home.file("half", &ACTIVE[..32]);
    home.file("binary", [0xff; 40]);
    home.file("empty", "");
    for (args, message) in [
        (
            &["private.pem"][..],
            "it is a private key; give the public one",
        ),
        (&["half"], "it must have 64 hexadecimal digits"),
        (&["binary"], "it is no key in PEM"),
        (&["empty"], "it must have 64 hexadecimal digits"),
        (
            &["--private", "public.pem"],
            "its PEM holds no Ed25519 private key",
        ),
        (&["--private", "half"], "it is no private key in PEM"),
        (&["--private", "binary"], "it is no private key in PEM"),
        (&["--private", "none"], "cannot read none: "),
        (&["."], "cannot read .: "),
    ] {
        let error = home.run([&["keys", "import"], args].concat()).error();
        assert!(error.contains(message), "{args:?} {error}");
    }
    assert!(!home.path().join(".quantumpipes").exists());
    let error = home
        .run(["keys", "export", "--private", "-o", "key.pem"])
        .error();
    assert!(error.contains("there is no key in "), "{error}");
    home.run(["keys", "rotate"]).passed();
    let error = home
        .run(["keys", "export", "--private", "-o", "key.json"])
        .error();
    assert!(
        error.contains("a keyring holds public keys only"),
        "{error}"
    );
    let error = home.run(["keys", "export", "--epoch", "7"]).error();
    assert!(error.contains("there is no epoch 7"), "{error}");
    let error = home
        .run(["keys", "export", "--pq", "-o", "key.pub"])
        .error();
    assert!(
        error.contains("there is no ML-DSA-65 public key"),
        "{error}"
    );
}

#[cfg(feature = "pq")]
#[test]
fn post_quantum_keys_are_made_once() {
    let home = Home::new();
    let made = home.run(["keys", "rotate", "--pq", "--json"]).passed();
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    assert_eq!(made["post_quantum"]["secret_key"], true);
    home.run(["keys", "export", "--pq", "-o", "signer.ml.pub"])
        .passed();
    let exported = std::fs::read(home.path().join("signer.ml.pub")).unwrap();
    assert_eq!(
        exported,
        std::fs::read(data_dir(&home, "key.ml.pub")).unwrap()
    );
    let error = home.run(["keys", "rotate", "--pq"]).error();
    assert!(error.contains("there are ML-DSA-65 keys in "), "{error}");
    let info = home.run(["keys", "info"]).passed();
    assert!(
        info.contains(made["post_quantum"]["sha3_256"].as_str().unwrap()),
        "{info}"
    );
    let shown = home.run(["doctor"]).passed();
    assert!(
        shown.contains("the secret and the public key belong together"),
        "{shown}"
    );
}

#[cfg(not(feature = "pq"))]
#[test]
fn post_quantum_keys_need_the_feature() {
    let home = Home::new();
    let error = home.run(["keys", "rotate", "--pq"]).error();
    assert!(error.contains("build it with the feature `pq`"), "{error}");
    assert!(!home.path().join(".quantumpipes").exists());
}
