//! What cannot be opened or written says what it is and what to do.

use std::fs;
use std::time::Duration;

use capsules_core::storage::{SqliteOptions, SqliteStorage};
use capsules_core::{Storage, StorageError};
use rusqlite::Connection;

#[cfg(unix)]
use super::{as_ordinary_user, set_mode};
use super::{assert_says, execute, patient, place};
use crate::fixture::{assert_unbroken, capsule, fill, try_append};

fn quick() -> SqliteOptions {
    SqliteOptions::new().busy_timeout(Duration::from_millis(50))
}

#[test]
fn a_directory_in_place_of_the_file() {
    let (_directory, path) = place();
    fs::create_dir(&path).unwrap();
    assert_says(
        SqliteStorage::open(&path),
        &path,
        &["cannot open", "is a directory"],
    );
    assert_says(
        SqliteStorage::open_read_only(&path),
        &path,
        &["cannot open", "is a directory"],
    );
}

#[test]
fn a_file_in_place_of_the_directory() {
    let (directory, _) = place();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let path = file.join("capsules.db");
    assert_says(SqliteStorage::open(&path), &path, &["cannot open"]);
}

#[test]
fn something_that_is_not_a_database() {
    let (_directory, path) = place();
    fs::write(&path, "a text that is certainly not a database".repeat(50)).unwrap();
    assert_says(
        SqliteStorage::open(&path),
        &path,
        &["is not a SQLite database"],
    );
    assert_says(
        SqliteStorage::open_read_only(&path),
        &path,
        &["is not a SQLite database"],
    );
    assert!(fs::read_to_string(&path).unwrap().starts_with("a text"));
}

#[test]
fn a_database_that_is_cut_short() {
    let (_directory, path) = place();
    fill(&SqliteStorage::open(&path).unwrap(), 100);
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(3 * 16_384).unwrap();
    for opened in [
        SqliteStorage::open(&path),
        SqliteStorage::open_read_only(&path),
    ] {
        assert_says(opened, &path, &["cannot open", "damaged"]);
    }
}

#[test]
fn a_database_with_damaged_pages() {
    let (_directory, path) = place();
    fill(&SqliteStorage::open(&path).unwrap(), 100);
    let mut bytes = fs::read(&path).unwrap();
    // Behind the roots of the table and its indexes.
    bytes[6 * 16_384..].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let store = SqliteStorage::open_read_only(&path).unwrap();
    let scanned = store.scan(None, 0, &mut |_| std::ops::ControlFlow::Continue(()));
    assert_says(scanned, &path, &["cannot read", "damaged"]);
}

#[test]
fn a_schema_of_a_newer_version() {
    let (_directory, path) = place();
    drop(SqliteStorage::open(&path).unwrap());
    execute(&path, "PRAGMA user_version = 7");
    for opened in [
        SqliteStorage::open(&path),
        SqliteStorage::open_read_only(&path),
    ] {
        assert_says(
            opened,
            &path,
            &["newer version", "schema 7", "knows 1", "update"],
        );
    }
    // Another application's own numbering says nothing about ours.
    execute(&path, "PRAGMA application_id = 12345");
    fill(&SqliteStorage::open(&path).unwrap(), 1);
}

#[test]
fn a_table_without_the_expected_columns() {
    let (_directory, path) = place();
    execute(
        &path,
        "CREATE TABLE capsules (id, type, sequence, data, hash, signed_at, signed_by)",
    );
    for opened in [
        SqliteStorage::open(&path),
        SqliteStorage::open_read_only(&path),
    ] {
        assert_says(
            opened,
            &path,
            &["lacks the columns previous_hash, signature, signature_pq, session_id"],
        );
    }
}

#[test]
fn the_database_of_another_application() {
    let (_directory, path) = place();
    execute(&path, "CREATE TABLE users (id)");
    let before = fs::read(&path).unwrap();
    for opened in [
        SqliteStorage::open(&path),
        SqliteStorage::open_read_only(&path),
    ] {
        assert_says(opened, &path, &["has no table `capsules`", "another path"]);
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_that_is_not_there_is_not_made_for_reading() {
    let (directory, path) = place();
    assert_says(
        SqliteStorage::open_read_only(&path),
        &path,
        &["no such file"],
    );
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn an_empty_file_holds_nothing_to_read() {
    let (_directory, path) = place();
    fs::write(&path, "").unwrap();
    assert_says(SqliteStorage::open_read_only(&path), &path, &["is empty"]);
}

#[test]
fn a_store_that_is_read_only_takes_no_records() {
    let (_directory, path) = place();
    fill(&SqliteStorage::open(&path).unwrap(), 1);
    let store = SqliteStorage::open_read_only(&path).unwrap();
    let appended = try_append(&store, &[capsule("x")]);
    assert_says(appended, &path, &["cannot write", "opened read-only"]);
}

#[test]
fn a_lock_that_is_held_too_long() {
    let (_directory, path) = place();
    let store = quick().open(&path).unwrap();
    fill(&store, 1);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();

    let mut sealed = false;
    let error = store
        .append(None, &mut |_| {
            sealed = true;
            Ok(Vec::new())
        })
        .unwrap_err();
    assert!(matches!(&error, StorageError::Locked { .. }), "{error}");
    assert!(!sealed, "nothing is sealed on a head that may move");
    // Reading goes on.
    assert_eq!(assert_unbroken(&store), 1);

    other.execute_batch("ROLLBACK").unwrap();
    fill(&store, 1);
    assert_eq!(assert_unbroken(&store), 2);
}

#[test]
fn a_lock_that_is_let_go_in_time() {
    let (_directory, path) = place();
    let store = patient().open(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let appended = scope.spawn(|| fill(&store, 1));
        std::thread::sleep(Duration::from_millis(100));
        assert!(!appended.is_finished());
        other.execute_batch("ROLLBACK").unwrap();
    });
    assert_eq!(assert_unbroken(&store), 1);
}

#[test]
fn a_lock_that_is_held_while_opening() {
    let (_directory, path) = place();
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE capsules (id); BEGIN EXCLUSIVE")
        .unwrap();
    let error = quick().open(&path).unwrap_err();
    assert!(matches!(&error, StorageError::Locked { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn a_directory_that_is_read_only() {
    as_ordinary_user("sqlite::errors::a_directory_that_is_read_only", || {
        let (directory, path) = place();
        set_mode(directory.path(), 0o500);
        assert_says(
            SqliteStorage::open(&path),
            &path,
            &["cannot be created", "writable"],
        );
        let below = directory.path().join("below/capsules.db");
        assert_says(
            SqliteStorage::open(&below),
            &below,
            &["cannot be created", "writable"],
        );
        set_mode(directory.path(), 0o700);

        // The file can be written, its write-ahead log beside it cannot.
        drop(SqliteStorage::open(&path).unwrap());
        set_mode(directory.path(), 0o500);
        assert_says(
            SqliteStorage::open(&path),
            &path,
            &["cannot open", "directory"],
        );
        set_mode(directory.path(), 0o700);
    });
}

#[cfg(unix)]
#[test]
fn a_file_that_is_read_only() {
    as_ordinary_user("sqlite::errors::a_file_that_is_read_only", || {
        let (_directory, path) = place();
        drop(SqliteStorage::open(&path).unwrap());
        set_mode(&path, 0o400);
        assert_says(
            SqliteStorage::open(&path),
            &path,
            &["read-only", "permissions"],
        );
        set_mode(&path, 0o000);
        assert_says(SqliteStorage::open(&path), &path, &["cannot open"]);
        assert_says(
            SqliteStorage::open_read_only(&path),
            &path,
            &["cannot open"],
        );
    });
}
