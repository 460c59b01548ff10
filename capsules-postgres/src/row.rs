//! Rows of the table.

use capsules_core::Head;
use capsules_core::{ColumnsRef, RecordRef};
use tokio_postgres::Row;

use crate::failure::Failure;

/// What [`read`] expects of a query's rows. The place's type differs between tables.
pub(crate) const COLUMNS: &str = "c.id, c.type, c.sequence::int8 AS place, c.previous_hash, \
                                  c.data, c.hash, c.signature, c.signature_pq, c.signed_at, \
                                  c.signed_by, c.session_id, c.tenant_id, c.domain";

pub(crate) fn read(row: &Row) -> Result<RecordRef<'_>, Failure> {
    Ok(RecordRef {
        content: row.try_get(4)?,
        hash: row.try_get(5)?,
        signature: row.try_get(6)?,
        signature_pq: row.try_get::<_, Option<_>>(7)?.unwrap_or_default(),
        signed_at: row.try_get(8)?,
        signed_by: row.try_get(9)?,
        columns: ColumnsRef {
            id: row.try_get(0)?,
            kind: row.try_get(1)?,
            sequence: row.try_get(2)?,
            previous_hash: row.try_get(3)?,
            session_id: row.try_get(10)?,
            tenant_id: row.try_get(11)?,
            domain: row.try_get(12)?,
        },
    })
}

/// Reads a chain's head from its place and hash.
pub(crate) fn head(sequence: i64, hash: String) -> Result<Head, Failure> {
    match u64::try_from(sequence) {
        Ok(place) if sequence < i64::MAX => Ok(Head {
            sequence: place,
            hash,
        }),
        _ => Err(Failure::found(format!(
            "the last record has sequence {sequence}, after which no chain continues"
        ))),
    }
}
