//! `doctor`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use capsules::{Capsules, audit};
use capsules_core::storage::SqliteStorage;
use capsules_core::{Filter, SealedRecord, Storage};
use serde_json::Value;

use crate::recover::Store;
use crate::support::{Home, Ran, fill_store};

#[audit(type = "tool")]
fn act(_n: u32) {}

/// A home whose default store has so many capsules.
fn recorded(capsules: u32) -> Home {
    let home = Home::new();
    let instance = Capsules::builder()
        .data_dir(home.path().join(".quantumpipes"))
        .build()
        .unwrap();
    instance.scope_sync(|| (0..capsules).for_each(act));
    instance.close(Duration::from_secs(60)).unwrap();
    home
}

/// Stores the same capsules in a new store, after something was done to them.
fn restore(home: &Home, change: impl Fn(&mut SealedRecord)) {
    let path = home.path().join(".quantumpipes/capsules.db");
    let store = SqliteStorage::open(&path).unwrap();
    let mut records = store.list(&Filter::new().oldest_first()).unwrap();
    store.close().unwrap();
    fs::remove_file(&path).unwrap();
    records.iter_mut().for_each(change);
    let store = SqliteStorage::open(&path).unwrap();
    store.append(None, &mut |_| Ok(records.clone())).unwrap();
    store.close().unwrap();
}

/// What a check says that was not ok.
fn complaints(ran: &Ran) -> Vec<(String, String, String, String)> {
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = answer["checks"].as_array().unwrap();
    checks
        .iter()
        .filter(|check| check["verdict"] != "ok")
        .map(|check| {
            (
                text(&check["check"]),
                text(&check["verdict"]),
                text(&check["message"]),
                text(&check["remedy"]),
            )
        })
        .collect()
}

/// Every file below a directory, with its bytes.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.append(&mut self::files(&path));
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

#[test]
fn a_new_user_is_healthy_and_nothing_is_made() {
    let home = Home::new();
    let shown = home.run(["doctor"]).passed();
    assert!(shown.contains("6 ways of tampering told"), "{shown}");
    assert!(shown.ends_with("\nHEALTHY\n"), "{shown}");
    assert_eq!(files(home.path()), BTreeMap::new());
    assert!(!home.path().join(".quantumpipes").exists());
}

#[test]
fn a_store_in_order_is_healthy_and_left_as_it_is() {
    let home = recorded(1_005);
    let before = files(home.path());
    let ran = home.run(["doctor", "--json"]);
    assert_eq!(complaints(&ran), []);
    let answer: Value = serde_json::from_str(&ran.passed()).unwrap();
    assert_eq!(answer["healthy"], true);
    assert_eq!(answer["version"], env!("CARGO_PKG_VERSION"));
    let message = |check: &str| {
        let checks = answer["checks"].as_array().unwrap();
        let found = checks.iter().find(|found| found["check"] == check).unwrap();
        found["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(message("chain"), "1,005 capsules without a gap");
    assert_eq!(
        message("signatures"),
        "content, columns and signatures of the newest 1,000 capsules hold"
    );
    assert_eq!(files(home.path()), before);
}

/// Does something to a home, and expects one complaint: its check, verdict, message and remedy.
#[track_caller]
fn assert_complaint(home: &Home, check: &str, verdict: &str, message: &str, remedy: &str) {
    let ran = home.run(["doctor", "--json"]);
    let found = complaints(&ran);
    let failed = found.iter().any(|found| found.1 == "failed");
    assert_eq!(ran.status, i32::from(failed), "{ran:?}");
    let is_it = |found: &&(String, String, String, String)| {
        found.0 == check
            && found.1 == verdict
            && found.2.contains(message)
            && found.3.contains(remedy)
    };
    assert!(
        found.iter().any(|found| is_it(&found)),
        "{check}: {found:?}"
    );
}

#[test]
fn keys_that_are_not_in_order_are_told() {
    let key = |home: &Home, name: &str| home.path().join(".quantumpipes").join(name);

    let home = recorded(1);
    fs::write(key(&home, "key"), [7; 32]).unwrap();
    assert_complaint(&home, "private key", "warning", "not the key", "backup");
    fs::write(key(&home, "key"), [7; 31]).unwrap();
    assert_complaint(
        &home,
        "private key",
        "failed",
        "31 bytes",
        "restore it from a backup",
    );
    fs::remove_file(key(&home, "key")).unwrap();
    assert_complaint(
        &home,
        "private key",
        "warning",
        "there is none",
        "restore it",
    );
    fs::write(key(&home, "key.next"), [7; 32]).unwrap();
    assert_complaint(
        &home,
        "private key",
        "warning",
        "was interrupted",
        "nothing is lost",
    );

    let keyring = fs::read_to_string(key(&home, "keyring.json")).unwrap();
    let retired = keyring.replace("\"active\"", "\"retired\"");
    fs::write(key(&home, "keyring.json"), retired).unwrap();
    assert_complaint(&home, "keyring", "warning", "0 active epochs", "backup");
    let later = keyring.replace("\"created_at\": \"2", "\"created_at\": \"9");
    fs::write(key(&home, "keyring.json"), later).unwrap();
    assert_complaint(
        &home,
        "keyring",
        "warning",
        "epoch 0 has a time in the future",
        "clock",
    );
    fs::write(key(&home, "keyring.json"), "{").unwrap();
    assert_complaint(
        &home,
        "keyring",
        "failed",
        "cannot be understood",
        "restore it",
    );

    fs::write(key(&home, "key.ml.pub"), [7; 100]).unwrap();
    assert_complaint(
        &home,
        "post-quantum key",
        "failed",
        "100 bytes",
        "restore it",
    );
    fs::remove_file(key(&home, "key.ml.pub")).unwrap();
    fs::write(key(&home, "key.ml"), [7; 4032]).unwrap();
    assert_complaint(
        &home,
        "post-quantum key",
        "warning",
        "is missing",
        "keys rotate --pq",
    );
}

#[cfg(unix)]
#[test]
fn files_that_others_can_get_at_are_told() {
    use std::os::unix::fs::PermissionsExt;

    let home = recorded(1);
    let path = |name: &str| home.path().join(".quantumpipes").join(name);
    for (name, mode, check, verdict) in [
        ("", 0o755, "data directory", "warning"),
        ("", 0o770, "data directory", "failed"),
        ("key", 0o604, "private key", "failed"),
        ("keyring.json", 0o666, "keyring", "failed"),
        ("capsules.db", 0o644, "store", "warning"),
        ("capsules.db", 0o622, "store", "failed"),
    ] {
        let path = path(name).components().collect::<PathBuf>();
        let before = path.metadata().unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let shown = path.to_string_lossy().into_owned();
        assert_complaint(&home, check, verdict, "other users", &shown);
        fs::set_permissions(&path, before).unwrap();
    }
    fs::set_permissions(path("key"), fs::Permissions::from_mode(0o640)).unwrap();
    assert_complaint(
        &home,
        "private key",
        "warning",
        "the group of ",
        "chmod 600 ",
    );
    fs::set_permissions(path("key"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(complaints(&home.run(["doctor", "--json"])), []);
}

#[test]
fn a_store_that_was_tampered_with_is_told() {
    let home = recorded(3);
    restore(&home, |record| {
        record.content = record.content.replace("\"success\"", "\"failure\"");
    });
    let remedy = "keep a copy of the store as it is; capsules verify --signatures --db ";
    assert_complaint(
        &home,
        "signatures",
        "failed",
        "Content hash mismatch",
        remedy,
    );

    let home = recorded(3);
    restore(&home, |record| record.signature = "ab".repeat(64));
    assert_complaint(&home, "signatures", "failed", "capsule 0 ", remedy);

    let home = recorded(0);
    home.data_file(
        "capsules.db",
        "no database, but longer than a header would be",
    );
    assert_complaint(
        &home,
        "store",
        "failed",
        "cannot open the capsule store",
        "keep a copy",
    );
    let home = Home::new();
    home.file(".quantumpipes", "no directory");
    assert_complaint(
        &home,
        "data directory",
        "failed",
        "is no directory",
        "--data-dir",
    );
}

#[test]
fn times_that_cannot_be_are_told() {
    let home = recorded(2);
    restore(&home, |record| {
        if record.columns.sequence == 0 {
            record.signed_at = Some("2999-01-01T00:00:00+00:00".to_owned());
        }
    });
    assert_complaint(
        &home,
        "clock",
        "failed",
        "capsule 0 was sealed at 2999-01-01",
        "clock",
    );
    assert_complaint(&home, "clock", "warning", "ran backwards 1 time", "clocks");
}

#[test]
fn waiting_journals_are_told() {
    let store = Store::new(".quantumpipes/capsules.db");
    store.leave_journal(2, false);
    let message = " waits with 2 capsules and 0 actions that had started";
    assert_complaint(
        &store.home,
        "journals",
        "warning",
        message,
        "capsules recover",
    );
}

#[test]
fn a_store_without_its_keys_cannot_be_checked_whole() {
    let home = Home::new();
    fill_store(&home.path().join("a b.db"));
    let ran = home.run(["doctor", "--json", "--db", "a b.db"]);
    let found = complaints(&ran);
    let said: Vec<_> = found
        .iter()
        .map(|(check, verdict, ..)| (check.as_str(), verdict.as_str()))
        .collect();
    assert_eq!(said, [("signatures", "not_checked")]);
    let shown = home.run(["doctor", "--db", "a b.db"]).passed();
    assert!(
        shown.contains("signatures        not checked: there is no key"),
        "{shown}"
    );
}

#[test]
fn without_a_home_there_is_no_answer() {
    let home = Home::new();
    let mut command = home.command();
    command.arg("doctor").env("QUANTUMPIPES_DATA_DIR", "a/../b");
    let error = Ran::of(&mut command).error();
    assert!(error.contains("must not contain `..`"), "{error}");
}
