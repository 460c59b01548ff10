//! The places of records, as an index numbers them.
//!
//! A row's number is made of its chain's number and the place in the chain, so that the rows of a
//! chain follow each other in its order. The chain without a tenant is number 0: of a store that
//! keeps a single chain, rows have the numbers of their places.

use rusqlite::{Connection, OptionalExtension};

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The chain, as [`Storage::chains`](crate::Storage::chains) names it.
    pub chain: Option<String>,
    /// The place in the chain.
    pub sequence: u64,
}

/// Of the place in the chain.
const BITS: u32 = 40;
/// The place in the chain of a row's number.
pub(super) const PLACE: i64 = (1 << BITS) - 1;
/// More chains than this have no rows.
const MOST_CHAINS: i64 = 1 << (62 - BITS);

/// The number of a record's row; nothing for what is no place, or cannot be numbered.
pub(super) fn row(chain: i64, sequence: i64) -> Option<i64> {
    let is_numbered = (0..=PLACE).contains(&sequence) && (0..MOST_CHAINS).contains(&chain);
    is_numbered.then_some(chain << BITS | sequence)
}

/// The first and the last number that a row of the chain can have.
pub(super) fn rows(chain: i64) -> (i64, i64) {
    let first = chain.min(MOST_CHAINS) << BITS;
    (first, first | PLACE)
}

impl Place {
    /// What a row's number says; nothing when the chain is not known.
    pub(super) fn of_row(connection: &Connection, row: i64) -> rusqlite::Result<Option<Self>> {
        let (number, sequence) = (row >> BITS, (row & PLACE).unsigned_abs());
        let chain = if number == 0 {
            None
        } else {
            let tenant = connection
                .prepare_cached("SELECT tenant FROM chains WHERE number = ?")?
                .query_row([number], |row| row.get(0))
                .optional()?;
            match tenant {
                Some(tenant) => Some(tenant),
                None => return Ok(None),
            }
        };
        Ok(Some(Self { chain, sequence }))
    }
}

/// The number of a chain; nothing when no record of it was indexed.
pub(super) fn number(
    connection: &Connection,
    chain: Option<&str>,
) -> rusqlite::Result<Option<i64>> {
    let Some(tenant) = chain else {
        return Ok(Some(0));
    };
    connection
        .prepare_cached("SELECT number FROM chains WHERE tenant = ?")?
        .query_row([tenant], |row| row.get(0))
        .optional()
}

/// The number of a chain, which gets one if it has none.
pub(super) fn number_or_new(connection: &Connection, chain: Option<&str>) -> rusqlite::Result<i64> {
    if let Some(number) = number(connection, chain)? {
        return Ok(number);
    }
    connection.execute("INSERT INTO chains (tenant) VALUES (?)", [chain])?;
    Ok(connection.last_insert_rowid())
}
