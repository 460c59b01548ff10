//! SQLite files that are locked, corrupt, deleted, moved or replaced, for real.

use std::fs;
#[cfg(unix)]
use std::io::Write;
use std::path::Path;
#[cfg(unix)]
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use capsules::Capsules;
use capsules::storage::SqliteStorage;
use rusqlite::Connection;

#[cfg(unix)]
use crate::program::{Obedient, PROGRAM};
#[cfg(unix)]
use crate::support::recovered_chain;
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
    // The callers have nothing to do with the lock, for which an append waits five seconds.
    assert!(started.elapsed() < PATIENCE);
    let deadline = Instant::now() + PATIENCE;
    while capsules.stats().store_errors == 0 {
        assert!(Instant::now() < deadline, "no append gives up");
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(capsules.stats().waiting, 45);
    other.execute_batch("ROLLBACK").unwrap();
    settle(&capsules);
    let stats = capsules.close(PATIENCE).unwrap();
    assert!(stats.store_errors > 0, "{stats:?}");
    assert!(stats.last_error.unwrap().contains("locked"));
    assert_file_holds(&path, 0..50);
}

/// The programs record to the default store of the directory.
#[cfg(unix)]
fn start(data: &Path) -> Obedient {
    let mut command = Command::new(PROGRAM);
    command.arg(data);
    Obedient::start(command, data)
}

#[cfg(unix)]
fn recorded(data: &Path) -> Vec<String> {
    let chain = recovered_chain(data).into_iter();
    chain.map(|capsule| capsule.id.to_string()).collect()
}

#[test]
#[cfg(unix)]
fn a_file_that_another_process_locks_for_ten_seconds_delays_and_loses_nothing() {
    let data = capsules_tests::temp_dir();
    let mut program = start(data.path());
    program.tell("calls 3");
    program.tell("settle");

    let mut holder = start(data.path());
    holder.tell("hold");
    let held = Instant::now();
    // The callers have nothing to do with the lock.
    let stats = program.tell("calls 20");
    assert_eq!((stats.committed, stats.waiting), (3, 20), "{stats:?}");
    let stats = program.wait_until(|stats| stats.store_errors > 0);
    assert_eq!((stats.committed, stats.waiting), (3, 20), "{stats:?}");
    thread::sleep(Duration::from_secs(10).saturating_sub(held.elapsed()));
    holder.tell("let go");
    assert_eq!(program.tell("settle").committed, 23);
    program.tell("calls 2");
    let ids = program.end();
    holder.end();
    assert_eq!(recorded(data.path()), ids);
}

#[test]
#[cfg(unix)]
fn what_a_file_that_becomes_corrupt_cannot_take_is_recovered_into_the_next() {
    let data = capsules_tests::temp_dir();
    let file = data.path().join("capsules.db");
    let mut program = start(data.path());
    program.tell("calls 3");
    program.tell("settle");
    // What another process has written is read before anything is appended.
    let mut other = start(data.path());
    other.tell("calls 1");
    other.end();

    let garble = |name: &str| {
        let path = data.path().join(name);
        let garbage = vec![0x5a; fs::read(&path).unwrap().len()];
        let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.write_all(&garbage).unwrap();
        garbage
    };
    let garbage = garble("capsules.db");
    garble("capsules.db-wal");
    let stats = program.tell("calls 5");
    assert_eq!((stats.committed, stats.failed), (3, 0), "{stats:?}");
    let stats = program.wait_until(|stats| stats.store_errors > 1);
    assert_eq!((stats.committed, stats.waiting), (3, 5), "{stats:?}");
    let ids = program.end();
    assert_eq!(fs::read(&file).unwrap(), garbage, "the file is evidence");

    for suffix in ["", "-wal", "-shm"] {
        let name = format!("capsules.db{suffix}");
        let _ = fs::rename(
            data.path().join(&name),
            data.path().join(format!("corrupt-{name}")),
        );
    }
    assert_eq!(recorded(data.path()), ids[3..]);
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
