//! Files that other tools made, and that they go on writing.

use std::path::Path;
use std::time::Duration;

use capsules_core::storage::{SqliteOptions, SqliteStorage};
use capsules_core::{CapsuleType, Filter, SealedRecord, Storage};
use rusqlite::{Connection, ErrorCode, params};

use super::{PATIENCE, execute, patient, place, value};
use crate::fixture::{all, append, assert_unbroken, capsule, fill, follow, head_of};

/// The file as the Python implementation makes it.
pub(super) const PYTHON: &str = "
    CREATE TABLE capsules (
        id VARCHAR(36) NOT NULL,
        type VARCHAR(20) NOT NULL,
        sequence INTEGER NOT NULL,
        previous_hash VARCHAR(64),
        data TEXT NOT NULL,
        hash VARCHAR(64) NOT NULL,
        signature TEXT NOT NULL,
        signature_pq TEXT NOT NULL,
        signed_at VARCHAR(40),
        signed_by VARCHAR(32),
        session_id VARCHAR(36),
        PRIMARY KEY (id),
        CONSTRAINT uq_capsule_sequence UNIQUE (sequence)
    );
    CREATE INDEX ix_capsules_sequence ON capsules (sequence);
    CREATE INDEX ix_capsules_hash ON capsules (hash);
    CREATE INDEX ix_capsules_session_id ON capsules (session_id);";

/// Inserts as other tools do: their columns by name, without a lock.
fn insert(connection: &Connection, record: &SealedRecord) -> rusqlite::Result<usize> {
    let columns = &record.columns;
    connection.execute(
        "INSERT INTO capsules (id, type, sequence, previous_hash, data, hash, signature, \
         signature_pq, signed_at, signed_by, session_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            columns.id,
            columns.kind,
            columns.sequence,
            columns.previous_hash,
            record.content,
            record.hash,
            record.signature,
            record.signature_pq,
            record.signed_at,
            record.signed_by,
            columns.session_id,
        ],
    )
}

/// Three records of a tenant, as another tool stores them.
fn made_by_another_tool(path: &Path) -> Vec<SealedRecord> {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(PYTHON).unwrap();
    let capsules = [1, 2, 3].map(|number| {
        let mut capsule = capsule(&format!("foreign {number}"));
        capsule.set_tenant_id(Some("acme"));
        capsule.context.session_id = Some(format!("session {number}"));
        capsule
    });
    let records = follow(None, &capsules);
    for record in &records {
        insert(&connection, record).unwrap();
    }
    records
}

/// The records as a store gives them whose table does not hold tenant and domain.
fn without_added_columns(records: &[SealedRecord]) -> Vec<SealedRecord> {
    let mut records = records.to_vec();
    for record in &mut records {
        record.columns.tenant_id = None;
        record.columns.domain = None;
    }
    records
}

#[test]
fn the_file_of_another_tool_is_continued() {
    let (_directory, path) = place();
    let records = made_by_another_tool(&path);
    let store = SqliteStorage::open(&path).unwrap();
    assert_eq!(all(&store), without_added_columns(&records));
    fill(&store, 2);
    assert_eq!(assert_unbroken(&store), 5);
    assert_eq!(
        store
            .get_by_hash(&records[1].hash)
            .unwrap()
            .unwrap()
            .columns
            .sequence,
        1
    );
}

#[test]
fn only_the_missing_columns_are_added() {
    let (_directory, path) = place();
    made_by_another_tool(&path);
    let schema = "SELECT group_concat(name || coalesce(sql, ''), ';') FROM \
                  (SELECT * FROM sqlite_schema WHERE type = 'index' ORDER BY name)";
    let indexes: String = value(&path, schema);
    fill(&SqliteStorage::open(&path).unwrap(), 2);
    assert_eq!(value::<String>(&path, schema), indexes);
    assert_eq!(value::<i64>(&path, "PRAGMA page_size"), 4_096);
    assert_eq!(value::<i64>(&path, "PRAGMA user_version"), 0);
    assert_eq!(value::<i64>(&path, "PRAGMA application_id"), 0);
    let columns: String = value(
        &path,
        "SELECT group_concat(name) FROM pragma_table_info('capsules')",
    );
    assert!(
        columns.ends_with(",session_id,tenant_id,domain"),
        "{columns}"
    );
}

#[test]
fn its_tenants_and_domains_are_found_in_the_content() {
    let (_directory, path) = place();
    made_by_another_tool(&path);
    let acme = Filter::new().tenant("acme");
    // Before the columns are added, and after.
    for store in [
        SqliteStorage::open_read_only(&path).unwrap(),
        SqliteStorage::open(&path).unwrap(),
        SqliteStorage::open_read_only(&path).unwrap(),
    ] {
        for (filter, count) in [
            (acme.clone(), 3),
            (acme.clone().domain("agents"), 3),
            (acme.clone().kind(CapsuleType::Tool).session("session 2"), 1),
            (Filter::new().domain("agents"), 3),
            (Filter::new().tenant("other"), 0),
            (Filter::new().domain("other"), 0),
        ] {
            assert_eq!(store.count(&filter).unwrap(), count, "{filter:?}");
            assert_eq!(
                store.list(&filter).unwrap().len() as u64,
                count,
                "{filter:?}"
            );
        }
    }
}

#[test]
fn new_records_carry_the_added_columns() {
    let (_directory, path) = place();
    made_by_another_tool(&path);
    let store = SqliteStorage::open(&path).unwrap();
    let mut ours = capsule("ours");
    ours.set_tenant_id(Some("acme"));
    let records = append(&store, &[ours]);
    assert_eq!(all(&store)[3], records[0]);
    assert_eq!(store.count(&Filter::new().tenant("acme")).unwrap(), 4);
}

#[test]
fn a_tool_that_has_the_file_open_goes_on_writing() {
    let (_directory, path) = place();
    let last = made_by_another_tool(&path).pop().unwrap();
    // The statement and the connection are older than the added columns.
    let other = Connection::open(&path).unwrap();
    let mut count = other.prepare("SELECT count(*) FROM capsules").unwrap();
    assert_eq!(count.query_row([], |row| row.get(0)), Ok(3));

    let store = SqliteStorage::open(&path).unwrap();
    let theirs = follow(Some(&head_of(&last)), &[capsule("theirs")]).remove(0);
    insert(&other, &theirs).unwrap();
    fill(&store, 1);
    let theirs = follow(store.head(None).unwrap().as_ref(), &[capsule("theirs")]).remove(0);
    insert(&other, &theirs).unwrap();
    assert_eq!(count.query_row([], |row| row.get(0)), Ok(6));
    assert_eq!(assert_unbroken(&store), 6);
}

#[test]
fn a_foreign_writer_without_a_lock_never_makes_us_fork() {
    let (_directory, path) = place();
    made_by_another_tool(&path);
    let store = patient().open(&path).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..100 {
                fill(&store, 1);
            }
        });
        let other = Connection::open(&path).unwrap();
        other.busy_timeout(PATIENCE).unwrap();
        for number in 0..100 {
            // Its place may be taken between reading the head and inserting.
            loop {
                let head = store.head(None).unwrap();
                let record = follow(head.as_ref(), &[capsule(&format!("{number}"))]).remove(0);
                match insert(&other, &record) {
                    Ok(_) => break,
                    Err(error) => assert_eq!(
                        error.sqlite_error_code(),
                        Some(ErrorCode::ConstraintViolation)
                    ),
                }
            }
        }
    });
    assert_eq!(assert_unbroken(&store), 203);
}

#[test]
fn several_may_add_the_columns_at_once() {
    let (_directory, path) = place();
    made_by_another_tool(&path);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| fill(&patient().open(&path).unwrap(), 1));
        }
    });
    assert_eq!(assert_unbroken(&SqliteStorage::open(&path).unwrap()), 11);
}

#[test]
fn a_file_that_cannot_be_switched_to_a_write_ahead_log_is_used_as_it_is() {
    let (_directory, path) = place();
    made_by_another_tool(&path);
    execute(
        &path,
        "ALTER TABLE capsules ADD tenant_id TEXT; ALTER TABLE capsules ADD domain TEXT",
    );
    let reader = Connection::open(&path).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM capsules")
        .unwrap();

    let quick = SqliteOptions::new().busy_timeout(Duration::from_millis(50));
    let store = quick.open(&path).unwrap();
    reader.execute_batch("COMMIT").unwrap();
    fill(&store, 2);
    assert_eq!(assert_unbroken(&store), 5);
    assert_eq!(value::<String>(&path, "PRAGMA journal_mode"), "delete");
}
