//! The files that the store creates.

use std::fs;

use capsules_core::Storage;
use capsules_core::storage::SqliteStorage;

use super::{patient, place, value};
use crate::fixture::{all, assert_unbroken, fill};

#[test]
fn a_new_file_has_the_published_columns_and_our_layout() {
    let (_directory, path) = place();
    fill(&SqliteStorage::open(&path).unwrap(), 1);
    let columns: String = value(
        &path,
        "SELECT group_concat(name || ' ' || type || iif(\"notnull\", ' NOT NULL', '') \
         || iif(pk, ' PRIMARY KEY', ''), ', ') FROM pragma_table_info('capsules')",
    );
    assert_eq!(
        columns,
        "id VARCHAR(36) NOT NULL, type VARCHAR(20) NOT NULL, \
         sequence INTEGER NOT NULL PRIMARY KEY, previous_hash VARCHAR(64), data TEXT NOT NULL, \
         hash VARCHAR(64) NOT NULL, signature TEXT NOT NULL, signature_pq TEXT NOT NULL, \
         signed_at VARCHAR(40), signed_by VARCHAR(32), session_id VARCHAR(36), \
         tenant_id TEXT, domain VARCHAR(50)"
    );
    let table: String = value(
        &path,
        "SELECT sql FROM sqlite_schema WHERE name = 'capsules'",
    );
    assert!(table.contains("CONSTRAINT uq_capsule_id UNIQUE (id)"));
    assert_eq!(value::<i64>(&path, "PRAGMA page_size"), 16_384);
    assert_eq!(value::<String>(&path, "PRAGMA journal_mode"), "wal");
    assert_eq!(value::<i64>(&path, "PRAGMA user_version"), 1);
    assert_eq!(value::<i64>(&path, "PRAGMA application_id"), 0x4341_5053);
}

#[test]
fn records_survive_closing_and_opening() {
    let (_directory, path) = place();
    let store = SqliteStorage::open(&path).unwrap();
    let records = fill(&store, 3);
    store.close().unwrap();
    let store = SqliteStorage::open(&path).unwrap();
    assert_eq!(all(&store), records);
    fill(&store, 2);
    assert_eq!(assert_unbroken(&store), 5);
}

#[test]
fn closing_leaves_a_single_file() {
    let (directory, path) = place();
    let store = SqliteStorage::open(&path).unwrap();
    fill(&store, 3);
    all(&store);
    store.close().unwrap();
    assert_eq!(names(directory.path()), ["capsules.db"]);
}

#[test]
fn closing_moves_the_log_into_the_file_though_others_have_it_open() {
    let (directory, path) = place();
    let store = SqliteStorage::open(&path).unwrap();
    fill(&store, 3);
    let other = SqliteStorage::open(&path).unwrap();
    assert_eq!(all(&other).len(), 3);
    store.close().unwrap();
    let log = fs::metadata(directory.path().join("capsules.db-wal")).unwrap();
    assert_eq!(log.len(), 0);
    fill(&other, 1);
    assert_eq!(assert_unbroken(&other), 4);
}

#[test]
fn what_was_appended_is_there_for_others_before_it_is_closed() {
    let (_directory, path) = place();
    let store = SqliteStorage::open(&path).unwrap();
    let records = fill(&store, 3);
    assert_eq!(all(&SqliteStorage::open(&path).unwrap()), records);
    assert_eq!(value::<i64>(&path, "SELECT count(*) FROM capsules"), 3);
}

#[test]
fn missing_directories_are_made() {
    let (directory, _) = place();
    let path = directory.path().join("a/b/capsules.db");
    fill(&SqliteStorage::open(&path).unwrap(), 1);
    assert!(path.is_file());
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_what_is_made() {
    use std::os::unix::fs::PermissionsExt;

    let (directory, _) = place();
    let path = directory.path().join("made/capsules.db");
    let store = SqliteStorage::open(&path).unwrap();
    fill(&store, 1);
    let mode = |name: &str| {
        let path = directory.path().join("made").join(name);
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode(""), 0o700);
    for name in ["capsules.db", "capsules.db-wal", "capsules.db-shm"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    assert_eq!(
        names(&directory.path().join("made")).len(),
        3,
        "nothing else is left"
    );
}

#[test]
fn an_empty_file_is_taken_for_a_new_one() {
    let (_directory, path) = place();
    fs::write(&path, "").unwrap();
    fill(&SqliteStorage::open(&path).unwrap(), 1);
    assert_eq!(value::<i64>(&path, "PRAGMA page_size"), 16_384);
}

#[test]
fn names_with_special_characters_are_plain_names() {
    let (directory, _) = place();
    for name in [
        "a?mode=memory",
        "b%20c#d",
        ":memory:",
        "file:e",
        "ü 'f\"",
        "-g",
    ] {
        let path = directory.path().join(name);
        let store = SqliteStorage::open(&path).unwrap();
        fill(&store, 2);
        store.close().unwrap();
        assert!(path.is_file(), "{name}");
        assert_eq!(
            all(&SqliteStorage::open_read_only(&path).unwrap()).len(),
            2,
            "{name}"
        );
    }
}

#[test]
fn many_threads_may_create_one_file() {
    let (_directory, path) = place();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| fill(&patient().open(&path).unwrap(), 3));
        }
    });
    assert_eq!(assert_unbroken(&SqliteStorage::open(&path).unwrap()), 24);
}

fn names(directory: &std::path::Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn tidying_moves_the_log_into_the_file_beside_the_appends() {
    let (_directory, path) = place();
    let store = SqliteStorage::open(&path).unwrap();
    let length = || fs::metadata(&path).unwrap().len();
    let mut records = 0;
    while !store.is_untidy() {
        assert!(records < 1_000, "never untidy");
        records += fill(&store, 10).len();
    }
    let before = length();
    store.tidy().unwrap();
    assert!(!store.is_untidy());
    assert!(length() > before, "{before}");
    records += fill(&store, 10).len();
    assert_eq!(all(&store).len(), records);
    store.close().unwrap();
    store.tidy().unwrap();
    let directory = path.parent().unwrap();
    assert_eq!(fs::read_dir(directory).unwrap().count(), 1, "a log is left");
    assert_eq!(
        assert_unbroken(&SqliteStorage::open(&path).unwrap()),
        records
    );
}
