//! Reading without leaving a trace.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, SystemTime};

use capsules_core::storage::SqliteStorage;
use capsules_core::{Filter, Storage};

#[cfg(unix)]
use super::{as_ordinary_user, set_mode};
use super::{assert_says, execute, place, value};
use crate::fixture::{all, assert_unbroken, fill};

/// Every file of a directory, with its content and time.
fn snapshot(directory: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let modified = entry.metadata().unwrap().modified().unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, (fs::read(entry.path()).unwrap(), modified))
        })
        .collect()
}

fn use_everything(store: &SqliteStorage) {
    let records = all(store);
    store.head(None).unwrap();
    store.list(&Filter::new().tenant("x")).unwrap();
    store.count(&Filter::new()).unwrap();
    store.get_by_hash(&records[0].hash).unwrap().unwrap();
    store.close().unwrap();
}

#[test]
fn nothing_is_written_or_created() {
    for journal in ["WAL", "DELETE"] {
        let (directory, path) = place();
        let store = SqliteStorage::open(&path).unwrap();
        fill(&store, 5);
        store.close().unwrap();
        assert_eq!(
            value::<String>(&path, &format!("PRAGMA journal_mode = {journal}")),
            journal.to_lowercase()
        );

        let before = snapshot(directory.path());
        use_everything(&SqliteStorage::open_read_only(&path).unwrap());
        drop(SqliteStorage::open_read_only(&path).unwrap());
        assert_eq!(snapshot(directory.path()), before, "{journal}");
    }
}

#[test]
fn a_file_that_is_being_written_is_read_up_to_date() {
    let (_directory, path) = place();
    let writer = SqliteStorage::open(&path).unwrap();
    let reader = SqliteStorage::open_read_only(&path).unwrap();
    for expected in 1..=5 {
        fill(&writer, 1);
        assert_eq!(assert_unbroken(&reader), expected);
    }
    writer.close().unwrap();
    assert_eq!(assert_unbroken(&reader), 5);
}

#[test]
fn a_writer_that_comes_later_is_noticed() {
    let (_directory, path) = place();
    let writer = SqliteStorage::open(&path).unwrap();
    fill(&writer, 5);
    writer.close().unwrap();

    let reader = SqliteStorage::open_read_only(&path).unwrap();
    assert_eq!(assert_unbroken(&reader), 5);
    let writer = SqliteStorage::open(&path).unwrap();
    fill(&writer, 1);
    assert_eq!(assert_unbroken(&reader), 6);
    writer.close().unwrap();
    assert_eq!(assert_unbroken(&reader), 6);
}

#[test]
fn a_change_under_a_running_scan_is_an_error_and_not_a_verdict() {
    let (_directory, path) = place();
    let writer = SqliteStorage::open(&path).unwrap();
    fill(&writer, 5);
    writer.close().unwrap();
    // The clock of the file system is coarse.
    std::thread::sleep(Duration::from_millis(20));

    let reader = SqliteStorage::open_read_only(&path).unwrap();
    let scanned = reader.scan(None, 0, &mut |record| {
        if record.columns.sequence == 2 {
            execute(
                &path,
                "UPDATE capsules SET hash = 'x'; PRAGMA wal_checkpoint(TRUNCATE)",
            );
        }
        ControlFlow::Continue(())
    });
    assert_says(scanned, &path, &["was written while it was read", "again"]);
    assert_eq!(all(&reader)[4].hash, "x");
}

#[test]
fn appends_beside_a_running_scan_do_not_disturb_it() {
    let (_directory, path) = place();
    let writer = SqliteStorage::open(&path).unwrap();
    fill(&writer, 5);
    let reader = SqliteStorage::open_read_only(&path).unwrap();
    let mut seen = 0;
    reader
        .scan(None, 0, &mut |_| {
            fill(&writer, 1);
            seen += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(seen, 5);
    assert_eq!(assert_unbroken(&reader), 10);
}

#[cfg(unix)]
#[test]
fn a_file_in_a_directory_that_is_read_only() {
    as_ordinary_user(
        "sqlite::read_only::a_file_in_a_directory_that_is_read_only",
        || {
            for journal in ["WAL", "DELETE"] {
                let (directory, path) = place();
                let writer = SqliteStorage::open(&path).unwrap();
                fill(&writer, 5);
                writer.close().unwrap();
                value::<String>(&path, &format!("PRAGMA journal_mode = {journal}"));
                set_mode(&path, 0o400);
                set_mode(directory.path(), 0o500);
                let store = SqliteStorage::open_read_only(&path).unwrap();
                assert_eq!(assert_unbroken(&store), 5);
                use_everything(&store);
                set_mode(directory.path(), 0o700);
            }
        },
    );
}

#[cfg(unix)]
#[test]
fn a_log_that_cannot_be_read_where_it_lies() {
    as_ordinary_user(
        "sqlite::read_only::a_log_that_cannot_be_read_where_it_lies",
        || {
            let (directory, path) = place();
            let writer = SqliteStorage::open(&path).unwrap();
            fill(&writer, 5);
            // A copy that was taken while the file was being written, without the shared memory.
            let copy = directory.path().join("copy");
            fs::create_dir(&copy).unwrap();
            for name in ["capsules.db", "capsules.db-wal"] {
                fs::copy(directory.path().join(name), copy.join(name)).unwrap();
            }
            let path = copy.join("capsules.db");
            set_mode(&copy, 0o500);
            assert_says(
                SqliteStorage::open_read_only(&path),
                &path,
                &["write-ahead log", "writable"],
            );
            set_mode(&copy, 0o700);
            assert_eq!(
                assert_unbroken(&SqliteStorage::open_read_only(&path).unwrap()),
                5
            );
        },
    );
}
