//! SQLite files that are locked, read-only, full, deleted, moved or replaced, for real.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use capsules::Capsules;
use capsules::storage::SqliteStorage;
use rusqlite::Connection;

use crate::support::{PATIENCE, assert_holds, record, settle, signer};

fn open(path: &Path) -> Capsules {
    Capsules::builder()
        .path(path)
        .signer(signer())
        .build()
        .unwrap()
}

#[track_caller]
fn assert_file_holds(path: &Path, expected: impl IntoIterator<Item = u32>) {
    assert_holds(&SqliteStorage::open_read_only(path).unwrap(), expected);
}

/// How long another connection holds the lock: `CAPSULES_TEST_LOCK_SECONDS`, else a little longer
/// than an append waits.
fn lock_time() -> Duration {
    let seconds = std::env::var("CAPSULES_TEST_LOCK_SECONDS");
    Duration::from_secs(seconds.map_or(6, |seconds| seconds.parse().unwrap()))
}

#[test]
fn a_locked_file_delays_and_loses_nothing() {
    let directory = capsules_tests::temp_dir();
    let path = directory.path().join("audit.db");
    let capsules = open(&path);
    record(&capsules, 0..5);
    settle(&capsules);

    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let started = Instant::now();
    for n in 5..50 {
        record(&capsules, [n]);
    }
    // The callers have nothing to do with the lock.
    assert!(started.elapsed() < Duration::from_secs(1));
    thread::sleep(lock_time());
    assert_eq!(capsules.stats().waiting, 45);
    other.execute_batch("ROLLBACK").unwrap();
    settle(&capsules);
    let stats = capsules.close(PATIENCE).unwrap();
    assert!(stats.store_errors > 0, "{stats:?}");
    assert!(stats.last_error.unwrap().contains("locked"));
    assert_file_holds(&path, 0..50);
}

#[test]
#[cfg(unix)]
fn a_deleted_file_is_noticed_and_recording_goes_on_in_a_new_one() {
    let directory = capsules_tests::temp_dir();
    let path = directory.path().join("audit.db");
    let capsules = open(&path);
    record(&capsules, 0..5);
    settle(&capsules);
    assert_eq!(capsules.count(capsules::Filter::new()).wait().unwrap(), 5);

    fs::remove_file(&path).unwrap();
    record(&capsules, 5..10);
    settle(&capsules);
    assert_eq!(capsules.count(capsules::Filter::new()).wait().unwrap(), 5);
    let stats = capsules.stats();
    assert_eq!((stats.store_errors, stats.committed), (1, 10));
    let error = stats.last_error.unwrap();
    assert!(error.contains("was deleted or replaced"), "{error}");

    // With everything that SQLite keeps beside it.
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(directory.path().join(format!("audit.db{suffix}"))).unwrap();
    }
    record(&capsules, 10..20);
    settle(&capsules);
    let stats = capsules.close(PATIENCE).unwrap();
    assert_eq!((stats.store_errors, stats.waiting), (2, 0));
    assert_file_holds(&path, 10..20);
}

#[test]
#[cfg(unix)]
fn a_file_that_is_moved_away_keeps_its_chain() {
    let directory = capsules_tests::temp_dir();
    let path = directory.path().join("audit.db");
    let moved = directory.path().join("audit-2025.db");
    let capsules = open(&path);
    record(&capsules, 0..5);
    settle(&capsules);
    fs::rename(&path, &moved).unwrap();
    record(&capsules, 5..10);
    settle(&capsules);
    assert_file_holds(&moved, 0..5);
    capsules.close(PATIENCE).unwrap();
    assert_file_holds(&path, 5..10);
}

#[test]
#[cfg(unix)]
fn a_file_that_is_replaced_is_continued() {
    let directory = capsules_tests::temp_dir();
    let path = directory.path().join("audit.db");
    let other = directory.path().join("other.db");
    let capsules = open(&other);
    record(&capsules, 100..103);
    capsules.close(PATIENCE).unwrap();

    let capsules = open(&path);
    record(&capsules, 0..5);
    settle(&capsules);
    for suffix in ["-wal", "-shm"] {
        fs::remove_file(directory.path().join(format!("audit.db{suffix}"))).unwrap();
    }
    fs::rename(&other, &path).unwrap();
    record(&capsules, 5..10);
    settle(&capsules);
    let stats = capsules.close(PATIENCE).unwrap();
    assert_eq!(stats.store_errors, 1);
    assert_file_holds(&path, (100..103).chain(5..10));
}
