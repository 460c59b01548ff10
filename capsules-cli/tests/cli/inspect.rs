//! `inspect`.

use crate::support::{Home, data, fill_store};

fn home() -> Home {
    let home = Home::new();
    home.file("chain.json", data("chain.json"));
    home
}

#[test]
fn all_of_a_capsule_is_shown() {
    assert_eq!(
        home().run(["inspect", "chain.json", "--seq", "0"]).passed(),
        String::from_utf8(data("inspect-0.txt")).unwrap()
    );
}

#[test]
fn what_is_stored_cannot_steer_the_terminal() {
    let shown = home().run(["inspect", "chain.json", "--seq", "1"]).passed();
    assert!(
        shown.contains(r"GET https://green.example \u{1b}[31mred\u{1b}[0m"),
        "{shown}"
    );
    assert!(!shown.contains('\u{1b}'), "{shown}");
}

#[test]
fn a_capsule_is_found_by_its_id() {
    let id = "0199f3a0-3333-4a33-8a33-000000000003";
    let shown = home().run(["inspect", "chain.json", "--id", id]).passed();
    assert!(shown.starts_with("Capsule 2  system  pending\n"), "{shown}");
}

#[test]
fn stores_are_read_as_exports_are() {
    let home = home();
    let from_export = home.run(["inspect", "chain.json", "--seq", "1"]).passed();
    fill_store(&home.path().join("other.db"));
    for place in [&["--db", "other.db"][..], &["other.db"]] {
        for which in [
            &["--seq", "1"][..],
            &["--id", "0199F3A0-2222-4A22-8A22-000000000002"],
        ] {
            let args = [&["inspect"], place, which].concat();
            let from_store = home.run(args).passed();
            let (sections, links) = from_store.split_once("\nLinks\n").unwrap();
            assert_eq!(Some(sections), from_export.split("\nLinks\n").next());
            assert_eq!(
                links,
                "  after           \
                 3a22ff10020ff79c26852b4581fc083ea59397a1f5340297c1134f0747006870
                  0199f3a0-1111-4a11-8a11-000000000001  0 agent deploy-bot
  before          0199f3a0-3333-4a33-8a33-000000000003  2 system nightly
  parent          0199f3a0-1111-4a11-8a11-000000000001  0 agent deploy-bot
  URI             \
                 capsule://sha3_383241a8adaeb2e6b1015175d38712d2e121cfbc10c3f32a2d3477db1dcafe7e\n"
            );
        }
    }
    let first = home.run(["inspect", "other.db", "--seq", "0"]).passed();
    assert!(
        first.contains(
            "\n  children        0199f3a0-2222-4a22-8a22-000000000002  1 tool http_probe\n"
        ),
        "{first}"
    );
    let error = home
        .run(["inspect", "--db", "other.db", "--seq", "3"])
        .error();
    assert!(
        error.starts_with("error: no capsule with sequence 3 in "),
        "{error}"
    );
    assert_eq!(
        home.run(["inspect", "chain.json", "--db", "other.db"])
            .status,
        2
    );
}

#[test]
fn json_is_the_sealed_record_as_it_is_stored() {
    let home = home();
    let record = home
        .run(["inspect", "chain.json", "--seq", "1", "--json"])
        .passed();
    let shown: serde_json::Value = serde_json::from_str(&record).unwrap();
    let stored: serde_json::Value = serde_json::from_slice(&data("chain.json")).unwrap();
    assert_eq!(shown, stored[1]);
    assert!(
        home.pipe(record, &["inspect", "-"])
            .passed()
            .starts_with("Capsule 1  tool")
    );
}

#[test]
fn one_capsule_has_to_be_meant() {
    let home = home();
    home.file("none.json", "[]");
    for (args, message) in [
        (
            &["chain.json"][..],
            "chain.json holds several capsules; choose one with --seq or --id",
        ),
        (
            &["chain.json", "--seq", "3"],
            "no capsule with sequence 3 in chain.json",
        ),
        (
            &["chain.json", "--id", "0199f3a0-0000-4a33-8a33-000000000003"],
            "no capsule with id 0199f3a0-0000-4a33-8a33-000000000003 in chain.json",
        ),
        (&["none.json"], "no capsule at all in none.json"),
    ] {
        let error = home.run([&["inspect"], args].concat()).error();
        assert_eq!(error, format!("error: {message}\n"));
    }
    let both = [
        "inspect",
        "chain.json",
        "--seq",
        "0",
        "--id",
        "0199f3a0-0000-4a33-8a33-000000000003",
    ];
    assert_eq!(home.run(both).status, 2);
}

#[test]
fn damaged_exports_are_errors() {
    let home = home();
    home.file("cut.json", &data("chain.json")[..1000]);
    let error = home.run(["inspect", "cut.json", "--seq", "0"]).error();
    assert!(
        error.starts_with("error: cut.json: the export is damaged at byte 1000: "),
        "{error}"
    );
    home.file("other.json", r#"{"id":"x","type":"agent"}"#);
    let error = home.run(["inspect", "other.json"]).error();
    assert!(
        error.ends_with("; --json prints it as it is stored\n"),
        "{error}"
    );
    home.run(["inspect", "other.json", "--json"]).passed();
}

#[test]
fn a_changed_capsule_is_pointed_out() {
    let home = home();
    let verdict = |home: &Home, file: &str| {
        let shown = home.run(["inspect", file, "--seq", "1"]).passed();
        let line = shown
            .lines()
            .find(|line| line.starts_with("  verdict "))
            .unwrap();
        line["  verdict ".len()..].trim().to_owned()
    };
    assert_eq!(
        verdict(&home, "chain.json"),
        "✓ hash verifies, signature not checked: no key"
    );
    home.data_file("keyring.json", data("keyring.json"));
    assert_eq!(verdict(&home, "chain.json"), "✓ hash and signature verify");

    let chain = String::from_utf8(data("chain.json")).unwrap();
    home.file("changed.json", chain.replace("http_probe", "http_prone"));
    assert_eq!(
        verdict(&home, "changed.json"),
        "✗ the content has another hash than the record states"
    );
    home.file("resigned.json", chain.replace("d92a65003b", "d92a65003c"));
    assert_eq!(
        verdict(&home, "resigned.json"),
        "✗ the Ed25519 signature is not one of a trusted key"
    );
}

#[test]
fn a_capsule_is_named_in_every_way() {
    let home = home();
    fill_store(&home.path().join("other.db"));
    let json = |args: &[&str]| home.run([&["inspect", "--json"], args].concat()).passed();
    let record = json(&["other.db", "--seq", "1"]);
    let hash = "383241a8adae";
    let whole: serde_json::Value = serde_json::from_str(&record).unwrap();
    let whole = format!("capsule://x/sha3_{}", whole["hash"].as_str().unwrap());
    for name in [
        "0199f3a0-2",
        "0199F3A0-2222-4A22-8A22-000000000002",
        &format!("sha3_{hash}"),
        &whole,
        "capsule://any-chain/1",
        "capsule://0199f3a0-2222-4a22-8a22-000000000002",
    ] {
        assert_eq!(json(&["--db", "other.db", name]), record, "{name}");
        assert_eq!(json(&["other.db", "--id", name]), record, "{name}");
        let exported: serde_json::Value =
            serde_json::from_str(&json(&["chain.json", "--id", name])).unwrap();
        let stored: serde_json::Value = serde_json::from_str(&record).unwrap();
        assert_eq!(exported, stored, "{name}");
    }
}

#[test]
fn a_name_has_to_be_of_one_capsule() {
    let home = home();
    fill_store(&home.path().join("other.db"));
    for (args, message) in [
        (
            &["chain.json", "--id", "0199f3a0"][..],
            "several capsules whose id begins with 0199f3a0 in chain.json: \
             0199f3a0-1111-4a11-8a11-000000000001, 0199f3a0-2222-4a22-8a22-000000000002, \
             0199f3a0-3333-4a33-8a33-000000000003; give more digits\n",
        ),
        (
            &["other.db", "--id", "0199f3a0"],
            "0199f3a0-1111-4a11-8a11-000000000001; give more digits\n",
        ),
        (
            &["--db", "other.db", "0199f3a1"],
            "no capsule whose id begins with 0199f3a1 in ",
        ),
        (
            &["--db", "other.db", "sha3_ffff"],
            "no capsule whose hash begins with ffff in ",
        ),
        (
            &["--db", "other.db", "capsule://a/9"],
            "no capsule with sequence 9 in ",
        ),
        (&["--db", "other.db", "capsule://a"], "names no capsule"),
        (
            &["--db", "other.db", "--id", "019"],
            "4 or more of their first digits",
        ),
        (
            &["--db", "other.db", "0199f3a0", "--seq", "1"],
            "a capsule was named twice",
        ),
    ] {
        let error = home.run([&["inspect"], args].concat()).error();
        assert!(error.contains(message), "{args:?} {error}");
    }
}

#[test]
fn a_file_may_be_called_as_a_capsule_is() {
    let home = home();
    home.file("0199f3a0", data("chain.json"));
    let shown = home.run(["inspect", "0199f3a0", "--seq", "2"]).passed();
    assert!(shown.starts_with("Capsule 2  system"), "{shown}");
}

#[test]
fn a_fragment_shows_a_part() {
    let home = home();
    fill_store(&home.path().join("other.db"));
    let show = |fragment: &str, args: &[&str]| {
        let uri = format!("capsule://any/0#{fragment}");
        home.run([&["inspect", "--db", "other.db", &uri], args].concat())
    };
    for (fragment, text, json) in [
        (
            "execution/tool_calls/1/error",
            "connection reset",
            "\"connection reset\"",
        ),
        ("execution/tool_calls/0/duration_ms", "812", "812"),
        (
            "execution/tool_calls/0/result",
            "{\n  \"changed\": 4\n}",
            "{\"changed\":4}",
        ),
        ("outcome/metrics/p95_ms", "118.5", "118.5"),
    ] {
        assert_eq!(show(fragment, &[]).passed(), format!("{text}\n"));
        assert_eq!(show(fragment, &["--json"]).passed(), format!("{json}\n"));
    }
    let error = show("outcome/nothing", &[]).error();
    assert_eq!(
        error,
        "error: capsule 0199f3a0-1111-4a11-8a11-000000000001 has no field outcome/nothing\n"
    );
    let hostile = home.run([
        "inspect",
        "--db",
        "other.db",
        "capsule://a/1#trigger/request",
    ]);
    assert_eq!(
        hostile.passed(),
        "GET https://green.example \\u{1b}[31mred\\u{1b}[0m\n"
    );
}
