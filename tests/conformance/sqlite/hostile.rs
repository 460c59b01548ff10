//! Files that were made to mislead or to break the reader.

use std::ops::ControlFlow;
use std::path::Path;

use capsules_core::storage::SqliteStorage;
use capsules_core::{Filter, Storage, StorageError};

use super::foreign::PYTHON;
use super::{assert_says, execute, place, value};
use crate::fixture::{all, assert_torn, assert_unbroken, capsule, fill, tear, try_append};

/// A file with three records and this done to it.
fn tampered(path: &Path, sql: &str) -> SqliteStorage {
    fill(&SqliteStorage::open(path).unwrap(), 3);
    execute(path, sql);
    SqliteStorage::open(path).unwrap()
}

fn scan(store: &SqliteStorage) -> Result<Vec<i64>, StorageError> {
    let mut sequences = Vec::new();
    store.scan(None, 0, &mut |record| {
        sequences.push(record.columns.sequence);
        ControlFlow::Continue(())
    })?;
    Ok(sequences)
}

#[test]
fn values_of_the_wrong_type_are_named() {
    for (change, column, found) in [
        (
            "sequence = x'00'",
            "sequence",
            "a BLOB instead of an integer",
        ),
        (
            "sequence = 1.5",
            "sequence",
            "a floating-point number instead of an integer",
        ),
        ("sequence = 'one'", "sequence", "text instead of an integer"),
        ("data = x'7b7d'", "data", "a BLOB instead of text"),
        (
            "data = CAST(x'ff' AS TEXT)",
            "data",
            "text instead of UTF-8",
        ),
        ("hash = x'00'", "hash", "a BLOB instead of text"),
        ("signature = x'00'", "signature", "a BLOB instead of text"),
        (
            "signature_pq = x'00'",
            "signature_pq",
            "a BLOB instead of text",
        ),
        ("signed_at = x'00'", "signed_at", "a BLOB instead of text"),
        ("signed_by = x'00'", "signed_by", "a BLOB instead of text"),
        (
            "previous_hash = x'00'",
            "previous_hash",
            "a BLOB instead of text",
        ),
        ("session_id = x'00'", "session_id", "a BLOB instead of text"),
        ("tenant_id = x'00'", "tenant_id", "a BLOB instead of text"),
        ("domain = x'00'", "domain", "a BLOB instead of text"),
        ("type = x'00'", "type", "a BLOB instead of text"),
        ("id = x'00'", "id", "a BLOB instead of text"),
    ] {
        let (_directory, path) = place();
        // In the files that we create a sequence cannot but be an integer.
        execute(&path, PYTHON);
        let store = tampered(
            &path,
            &format!("UPDATE capsules SET {change} WHERE sequence = 1"),
        );
        let parts = ["cannot read", &format!("column `{column}`"), found];
        assert_says(scan(&store), &path, &parts);
        assert_says(store.list(&Filter::new()), &path, &parts);
        assert_eq!(store.count(&Filter::new()).unwrap(), 3);
    }
}

#[test]
fn an_error_names_the_record() {
    let (_directory, path) = place();
    let store = tampered(&path, "UPDATE capsules SET hash = x'00' WHERE sequence = 1");
    let id: String = value(&path, "SELECT id FROM capsules WHERE sequence = 1");
    assert_says(scan(&store), &path, &["sequence 1", &id]);
}

#[test]
fn null_is_refused_where_the_table_allows_it_by_mistake() {
    let (_directory, path) = place();
    execute(
        &path,
        "CREATE TABLE capsules (id, type, sequence, previous_hash, data, hash, signature, \
         signature_pq, signed_at, signed_by, session_id); \
         INSERT INTO capsules (id, type, sequence, data, hash) VALUES ('a', 'tool', 0, '{}', 'h')",
    );
    let store = SqliteStorage::open(&path).unwrap();
    assert_says(
        scan(&store),
        &path,
        &["`signature`", "NULL instead of text"],
    );
    execute(&path, "UPDATE capsules SET signature = 's'");
    assert_eq!(all(&store)[0].signature_pq, "");
    execute(&path, "UPDATE capsules SET sequence = NULL");
    assert_says(
        scan(&store),
        &path,
        &["`sequence`", "NULL instead of an integer"],
    );
}

#[test]
fn a_head_that_no_chain_continues_from_is_refused() {
    for sequence in ["x'00'", "'text'", "9223372036854775807"] {
        let (_directory, path) = place();
        execute(&path, PYTHON);
        let store = tampered(
            &path,
            &format!("UPDATE capsules SET sequence = {sequence} WHERE sequence = 2"),
        );
        assert_says(store.head(None), &path, &["sequence"]);
        assert_says(
            try_append(&store, &[capsule("x")]),
            &path,
            &["cannot write", "sequence"],
        );
        assert_eq!(store.count(&Filter::new()).unwrap(), 3);
    }
    let (_directory, path) = place();
    let store = tampered(&path, "UPDATE capsules SET sequence = -1 - sequence");
    assert_says(store.head(None), &path, &["sequence -1"]);
}

#[test]
fn a_scan_from_the_start_finds_negative_sequences() {
    let (_directory, path) = place();
    let store = tampered(
        &path,
        "UPDATE capsules SET sequence = -5 WHERE sequence = 2",
    );
    assert_eq!(scan(&store).unwrap(), [-5, 0, 1]);
}

#[test]
fn triggers_do_not_run() {
    let (_directory, path) = place();
    let store = tampered(
        &path,
        "CREATE TRIGGER swallow BEFORE INSERT ON capsules BEGIN SELECT RAISE(IGNORE); END; \
         CREATE TRIGGER alter_it AFTER INSERT ON capsules \
         BEGIN UPDATE capsules SET data = 'altered'; END;",
    );
    fill(&store, 2);
    assert_eq!(assert_unbroken(&store), 5);
    assert!(all(&store).iter().all(|record| record.content != "altered"));
}

#[test]
fn a_conflict_clause_of_the_table_does_not_replace_or_drop_records() {
    for clause in ["REPLACE", "IGNORE"] {
        let (_directory, path) = place();
        execute(
            &path,
            &format!(
                "CREATE TABLE capsules (id VARCHAR(36) PRIMARY KEY ON CONFLICT {clause}, type, \
                 sequence INTEGER UNIQUE ON CONFLICT {clause}, previous_hash, data, hash, \
                 signature, signature_pq, signed_at, signed_by, session_id)"
            ),
        );
        let store = SqliteStorage::open(&path).unwrap();
        let one = capsule("one");
        try_append(&store, std::slice::from_ref(&one)).unwrap();
        let again = try_append(&store, &[one]);
        assert!(
            matches!(again, Err(StorageError::Duplicate { .. })),
            "{clause}: {again:?}"
        );
        assert_eq!(assert_unbroken(&store), 1);
    }
}

#[test]
fn a_view_or_virtual_table_is_not_a_store() {
    for (sql, kind) in [
        ("CREATE VIEW capsules AS SELECT 1 AS id", "view"),
        ("CREATE VIRTUAL TABLE capsules USING fts5(id)", "virtual"),
    ] {
        let (_directory, path) = place();
        execute(&path, sql);
        assert_says(
            SqliteStorage::open(&path),
            &path,
            &["instead of a table", kind],
        );
    }
}

#[test]
fn an_index_of_our_name_that_is_another_is_no_panic() {
    let (_directory, path) = place();
    let store = tampered(
        &path,
        "DROP INDEX ix_capsules_catalogue; \
         CREATE INDEX ix_capsules_catalogue ON capsules (id) WHERE type = 'kill'",
    );
    assert_says(
        store.list(&Filter::new().tenant("x")),
        &path,
        &["cannot read"],
    );
    assert_eq!(assert_unbroken(&store), 3);
}

#[test]
fn a_place_of_a_torn_chain_has_its_own_record_or_none() {
    let (_directory, path) = place();
    assert_torn(&tampered(&path, &tear("capsules")));
}
