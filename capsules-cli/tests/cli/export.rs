//! `export`.

use capsules_core::export::Records;
use capsules_core::storage::SqliteStorage;
use capsules_core::{SealedRecord, Storage};
use capsules_tests::python;
use serde_json::Value;

use crate::support::{Home, data, fill_store};

const KEY: &str = "1ebab0aab7c50c4f88ca4b4eb8cbcf2c7cb1b024768bc621ad2012aecf9228ee";

fn home() -> Home {
    let home = Home::new();
    home.data_file("keyring.json", data("keyring.json"));
    fill_store(&home.path().join(".quantumpipes/capsules.db"));
    home
}

fn records(export: impl AsRef<[u8]>) -> Vec<SealedRecord> {
    Records::new(export.as_ref())
        .collect::<Result<_, _>>()
        .unwrap()
}

fn read(home: &Home, name: &str) -> String {
    std::fs::read_to_string(home.path().join(name)).unwrap()
}

#[test]
fn an_export_is_what_was_stored_and_verifies() {
    let home = home();
    let stored = records(data("chain.json"));
    let array = home.run(["export"]).passed();
    assert_eq!(records(&array), stored);
    assert!(serde_json::from_str::<Vec<Value>>(&array).is_ok());
    let lines = home.run(["export", "--format", "jsonl"]).passed();
    assert_eq!(lines.lines().count(), 3);
    assert_eq!(records(&lines), stored);
    for export in [array, lines] {
        let verified = home.pipe(export, &["verify", "-", "--signatures", "--json"]);
        assert!(verified.passed().contains("\"capsules_verified\": 3"));
    }
}

#[test]
fn the_python_command_verifies_an_export() {
    if python::interpreter().is_none() {
        return;
    }
    let home = home();
    home.run(["export", "-o", "audit.json"]).passed();
    let file = home.path().join("audit.json");
    let file = file.to_str().unwrap();
    for args in [
        &["verify", "--signatures", file][..],
        &["verify", "--full", file, "--json"],
    ] {
        let output = python::capsule(&home.path().join(".quantumpipes"), args);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            python::transcript(&output)
        );
    }
}

#[test]
fn every_filter_selects_and_a_selection_is_called_one() {
    let home = home();
    for (filter, sequences) in [
        (&["--type", "tool"][..], &[1][..]),
        (&["--tenant", "acme"], &[0, 1]),
        (&["--domain", "ops"], &[2]),
        (&["--session", "session-abc"], &[0, 1]),
        (&["--status", "success"], &[0]),
        (&["--since", "2026-01-15T12:00:02"], &[1, 2]),
        (&["--until", "2026-01-15T13:00:02+01:00"], &[0]),
        (&["--status", "blocked"], &[]),
    ] {
        let ran = home.run([&["export"], filter].concat());
        let found: Vec<_> = records(&ran.stdout)
            .iter()
            .map(|record| record.columns.sequence)
            .collect();
        assert_eq!((ran.status, &*found), (0, sequences), "{filter:?}");
        assert!(ran.stderr.contains("a selection is no chain"), "{ran:?}");
    }
}

#[test]
fn a_piece_of_the_chain_is_a_chain() {
    let home = home();
    for (bounds, sequences) in [
        (&["--from", "1"][..], &[1, 2][..]),
        (&["--to", "1"], &[0, 1]),
        (&["--from", "1", "--to", "1"], &[1]),
        (&["--from", "3"], &[]),
    ] {
        let export = home.run([&["export"], bounds].concat()).passed();
        let found: Vec<_> = records(export)
            .iter()
            .map(|record| record.columns.sequence)
            .collect();
        assert_eq!(found, sequences, "{bounds:?}");
    }
}

#[test]
fn the_ending_of_a_file_chooses_the_form() {
    let home = home();
    for (name, begin) in [
        ("a.json", "[\n{"),
        ("a.jsonl", "{\""),
        ("a.ndjson", "{\""),
        ("a.csv", "sequence,"),
        ("a", "[\n{"),
    ] {
        let ran = home.run(["export", "--output", name]);
        assert_eq!(ran.status, 0, "{ran:?}");
        assert_eq!(ran.stdout, format!("Exported 3 capsules to {name}\n"));
        assert!(read(&home, name).starts_with(begin), "{name}");
    }
    home.run(["export", "-o", "b.csv", "--format", "jsonl"])
        .passed();
    assert!(read(&home, "b.csv").starts_with("{\""));
}

#[test]
fn json_says_what_a_file_holds() {
    let home = home();
    let args = ["export", "--json", "--from", "1", "-o", "a.jsonl"];
    let answer: Value = serde_json::from_str(&home.run(args).passed()).unwrap();
    let expected = serde_json::json!({
        "exported": 2, "format": "jsonl", "path": "a.jsonl", "chain": true,
        "first_sequence": 1, "last_sequence": 2,
    });
    assert_eq!(answer, expected);
    let error = home.run(["export", "--json"]).error();
    assert!(error.contains("name one with --output"), "{error}");
}

/// The content of a store is damaged after the first records were written.
#[test]
fn a_file_appears_whole_or_not_at_all() {
    let home = home();
    let store = SqliteStorage::open(home.path().join("a.db")).unwrap();
    let [mut first, ..] = <[_; 3]>::try_from(records(data("chain.json"))).unwrap();
    first.content = "{".to_owned();
    store
        .append(None, &mut |_| Ok(vec![first.clone()]))
        .unwrap();
    store.close().unwrap();
    home.file("old.json", "old");
    let before = std::fs::read_dir(home.path()).unwrap().count();
    for name in ["new.json", "old.json"] {
        let error = home.run(["export", "--db", "a.db", "-o", name]).error();
        assert!(error.contains("is not a capsule"), "{error}");
    }
    assert_eq!(read(&home, "old.json"), "old");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), before);
}

#[test]
fn a_store_is_not_replaced_and_a_directory_has_to_be_there() {
    let home = home();
    let error = home
        .run(["export", "-o", ".quantumpipes/capsules.db"])
        .error();
    assert!(error.contains("is a store; choose another file"), "{error}");
    let error = home.run(["export", "-o", "none/a.json"]).error();
    assert_eq!(
        error,
        "error: cannot write none/a.json: there is no directory none\n"
    );
    assert_eq!(records(home.run(["export"]).passed()).len(), 3);
}

#[cfg(unix)]
#[test]
fn files_are_their_owners_alone_links_are_followed_and_devices_kept() {
    use std::os::unix::fs::PermissionsExt;

    let home = home();
    std::os::unix::fs::symlink("target.json", home.path().join("link.json")).unwrap();
    home.file("target.json", "old");
    home.run(["export", "-o", "link.json"]).passed();
    assert_eq!(records(read(&home, "target.json")).len(), 3);
    let target = home.path().join("target.json");
    assert_eq!(
        target.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(home.path().join("link.json").is_symlink());

    home.run(["export", "-o", "/dev/null"]).passed();
    assert!(!std::path::Path::new("/dev/null").is_file());
}

#[test]
fn a_spreadsheet_gets_text_and_the_warning_that_it_proves_nothing() {
    let home = Home::new();
    let mut record = records(data("chain.json")).remove(0);
    record.content = record
        .content
        .replace("Deploy version 2.4", "=HYPERLINK(A1)");
    let store = SqliteStorage::open(home.path().join("a.db")).unwrap();
    store
        .append(None, &mut |_| Ok(vec![record.clone()]))
        .unwrap();
    store.close().unwrap();
    let ran = home.run(["export", "--db", "a.db", "--format", "csv"]);
    assert!(ran.stderr.contains("CSV cannot be verified"), "{ran:?}");
    let mut reader = csv::Reader::from_reader(ran.stdout.as_bytes());
    let titles = reader.headers().unwrap().clone();
    let row = reader.records().next().unwrap().unwrap();
    let cell = |title| &row[titles.iter().position(|t| t == title).unwrap()];
    assert!(cell("request").starts_with("'=HYPERLINK"), "{row:?}");
    assert_eq!(cell("hash"), record.hash);
    assert_eq!(
        ["sequence", "type", "status", "tenant_id", "verifiable"].map(cell),
        ["0", "agent", "success", "acme", "no"]
    );
}

#[test]
fn a_chain_goes_from_store_to_store() {
    let home = home();
    let export = home.run(["export"]).passed();
    let imported = home.pipe(export, &["import", "-", "--db", "copy.db"]);
    assert_eq!(imported.passed(), "Imported 3 capsules into copy.db\n");
    let verified = home.run(["verify", "--db", "copy.db", "--signatures", "--json"]);
    assert!(verified.passed().contains("\"valid\": true"));
    let again = home.run(["export", "--db", "copy.db"]).passed();
    assert_eq!(records(again), records(data("chain.json")));
    // The key of the last epoch did not sign the first capsule.
    home.file("all.json", data("chain.json"));
    let ran = home.run(["import", "all.json", "--db", "b.db", "--pubkey", KEY]);
    assert_eq!(ran.status, 1, "{ran:?}");
}
