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
            assert_eq!(home.run(args).passed(), from_export);
        }
    }
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
