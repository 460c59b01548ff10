//! Rows of the table `capsules`.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::failure::Failure;
use crate::chain::Head;
use crate::record::{ColumnsRef, MAX_RECORD_BYTES, RecordRef, SealedRecord};

/// The columns that every file has, in the order in which they are read.
pub(super) const REQUIRED: [&str; 11] = [
    "id",
    "type",
    "sequence",
    "previous_hash",
    "data",
    "hash",
    "signature",
    "signature_pq",
    "signed_at",
    "signed_by",
    "session_id",
];

/// The columns that other tools do not know, read after [`REQUIRED`].
pub(super) const ADDED: [&str; 2] = ["tenant_id", "domain"];

/// Reads a row of [`REQUIRED`] and [`ADDED`] columns. A file may hold any type in any column.
pub(super) fn read(row: &Row<'_>) -> Result<SealedRecord, Failure> {
    Ok(read_ref(row)?.to_owned())
}

/// As [`read`], without a copy.
pub(super) fn read_ref<'r>(row: &'r Row<'_>) -> Result<RecordRef<'r>, Failure> {
    Ok(RecordRef {
        content: content(row, 4)?,
        hash: text(row, 5)?,
        signature: text(row, 6)?,
        signature_pq: optional_text(row, 7)?.unwrap_or_default(),
        signed_at: optional_text(row, 8)?,
        signed_by: optional_text(row, 9)?,
        columns: ColumnsRef {
            id: text(row, 0)?,
            kind: text(row, 1)?,
            sequence: integer(row, 2)?,
            previous_hash: optional_text(row, 3)?,
            session_id: optional_text(row, 10)?,
            tenant_id: optional_text(row, 11)?,
            domain: optional_text(row, 12)?,
        },
    })
}

/// The columns that [`read_linked`] reads, and the id for what it says of a row that it cannot read.
pub(super) const LINKED: &str = "id, sequence, data, hash";

/// What places a record in a chain, and nothing else, without a copy.
pub(super) fn read_linked<'r>(row: &'r Row<'_>) -> Result<RecordRef<'r>, Failure> {
    Ok(RecordRef {
        content: content(row, 2)?,
        hash: text(row, 3)?,
        columns: ColumnsRef {
            sequence: integer(row, 1)?,
            ..ColumnsRef::default()
        },
        ..RecordRef::default()
    })
}

/// The record that ends the chain.
pub(super) fn read_head(connection: &Connection) -> Result<Option<Head>, Failure> {
    let mut statement = connection
        .prepare_cached("SELECT sequence, hash FROM capsules ORDER BY sequence DESC LIMIT 1")?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let sequence = integer(row, 0)?;
    match u64::try_from(sequence) {
        Ok(head) if sequence < i64::MAX => Ok(Some(Head {
            sequence: head,
            hash: text(row, 1)?.to_owned(),
        })),
        _ => Err(Failure::found(format!(
            "the last record has sequence {sequence}, after which no chain continues"
        ))),
    }
}

/// Inserts a record, whatever the table says about conflicts.
pub(super) fn insert(
    connection: &Connection,
    record: &SealedRecord,
    tenant: Option<&str>,
) -> Result<(), Failure> {
    let columns = &record.columns;
    connection
        .prepare_cached(
            "INSERT OR ABORT INTO capsules (id, type, sequence, previous_hash, data, hash, \
             signature, signature_pq, signed_at, signed_by, session_id, tenant_id, domain) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
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
            columns.tenant_id.as_deref().or(tenant),
            columns.domain,
        ])?;
    Ok(())
}

fn integer(row: &Row<'_>, column: usize) -> Result<i64, Failure> {
    match row.get_ref(column)? {
        ValueRef::Integer(value) => Ok(value),
        other => Err(unexpected(row, column, other, "an integer")),
    }
}

/// So many bytes are more than any column but the content needs. A hostile file must not make every
/// column of a row as large as a record.
const MAX_COLUMN_BYTES: usize = 1 << 20;

fn content<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r str, Failure> {
    text_up_to(MAX_RECORD_BYTES, row, column)?
        .ok_or_else(|| unexpected(row, column, ValueRef::Null, "text"))
}

fn text<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r str, Failure> {
    optional_text(row, column)?.ok_or_else(|| unexpected(row, column, ValueRef::Null, "text"))
}

fn optional_text<'r>(row: &'r Row<'_>, column: usize) -> Result<Option<&'r str>, Failure> {
    text_up_to(MAX_COLUMN_BYTES, row, column)
}

fn text_up_to<'r>(
    most: usize,
    row: &'r Row<'_>,
    column: usize,
) -> Result<Option<&'r str>, Failure> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        ValueRef::Text(bytes) if bytes.len() > most => Err(Failure::found(format!(
            "column `{}` of a record holds {} bytes, more than {most}",
            row.as_ref().column_name(column).unwrap_or_default(),
            bytes.len()
        ))),
        value @ ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(unexpected(row, column, value, "UTF-8")),
        },
        other => Err(unexpected(row, column, other, "text")),
    }
}

/// Names the row by its sequence and id, as far as these can be read.
fn unexpected(row: &Row<'_>, column: usize, found: ValueRef<'_>, expected: &str) -> Failure {
    let name = |column: &str| match row.get_ref(column) {
        Ok(ValueRef::Integer(value)) => value.to_string(),
        Ok(ValueRef::Text(text)) if text.len() <= 64 => String::from_utf8_lossy(text).into_owned(),
        _ => "unknown".to_owned(),
    };
    Failure::found(format!(
        "column `{}` of the record with sequence {} and id {} holds {} instead of {expected}",
        row.as_ref().column_name(column).unwrap_or_default(),
        name("sequence"),
        name("id"),
        match found {
            ValueRef::Null => "NULL",
            ValueRef::Integer(_) => "an integer",
            ValueRef::Real(_) => "a floating-point number",
            ValueRef::Text(_) => "text",
            ValueRef::Blob(_) => "a BLOB",
        },
    ))
}

/// The first row of a query for one record.
pub(super) fn read_one(
    connection: &Connection,
    sql: &str,
    parameter: &str,
) -> Result<Option<SealedRecord>, Failure> {
    connection
        .prepare_cached(sql)?
        .query_row([parameter], |row| Ok(read(row)))
        .optional()?
        .transpose()
}
