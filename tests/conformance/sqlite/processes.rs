//! Several processes on one file.

use std::env;
use std::thread;
use std::time::Duration;

use capsules_core::Storage;
use capsules_core::storage::SqliteStorage;
use rusqlite::Connection;

use super::{again, patient, place, value};
use crate::fixture::{all, assert_unbroken, capsule, try_append};

const FILE: &str = "CAPSULES_TEST_FILE";
const WRITER: &str = "CAPSULES_TEST_WRITER";
const WRITERS: usize = 4;
const APPENDS: usize = 30;

#[test]
fn processes_share_one_unbroken_chain() {
    if let (Some(file), Ok(writer)) = (env::var_os(FILE), env::var(WRITER)) {
        let store = patient().open(file).unwrap();
        for number in 0..APPENDS {
            try_append(
                &store,
                &[capsule(&format!("{writer}/{number}")), capsule("second")],
            )
            .unwrap();
        }
        return;
    }

    // They also race to create the file.
    let (_directory, path) = place();
    let mut writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            again("sqlite::processes::processes_share_one_unbroken_chain")
                .env(FILE, &path)
                .env(WRITER, writer.to_string())
                .spawn()
                .unwrap()
        })
        .collect();
    for writer in &mut writers {
        assert!(writer.wait().unwrap().success());
    }

    let store = SqliteStorage::open_read_only(&path).unwrap();
    assert_eq!(assert_unbroken(&store), WRITERS * APPENDS * 2);
    let sources: Vec<_> = all(&store)
        .iter()
        .map(|record| record.capsule().unwrap().trigger.source)
        .collect();
    for writer in 0..WRITERS {
        let of_one: Vec<_> = sources
            .iter()
            .filter(|source| source.starts_with(&format!("{writer}/")))
            .collect();
        let expected: Vec<_> = (0..APPENDS)
            .map(|number| format!("{writer}/{number}"))
            .collect();
        assert_eq!(
            of_one,
            expected.iter().collect::<Vec<_>>(),
            "each in its own order"
        );
    }
    assert!(store.head(None).unwrap().is_some());
}

/// It finds no table, and waits to make one; another process has made it in the meantime and never
/// lets go of the lock again for long enough.
#[test]
fn opening_needs_no_lock_where_another_process_has_made_the_table() {
    let (_template, made) = place();
    SqliteStorage::open(&made).unwrap().close().unwrap();
    let sql = "SELECT group_concat(sql, ';') FROM sqlite_schema WHERE sql IS NOT NULL";
    let schema: String = value(&made, sql);

    let (_directory, path) = place();
    let other = Connection::open(&path).unwrap();
    other
        .query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))
        .unwrap();
    other
        .execute_batch(&format!("BEGIN IMMEDIATE; {schema};"))
        .unwrap();
    let opening = thread::spawn({
        let path = path.clone();
        move || patient().open(path).map(drop)
    });
    // Until it waits. If it is late the test sees less, and does not fail.
    thread::sleep(Duration::from_millis(300));
    other.execute_batch("COMMIT; BEGIN IMMEDIATE").unwrap();
    opening.join().unwrap().unwrap();
}
