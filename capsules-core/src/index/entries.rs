//! What capsules are connected by.

use rusqlite::types::Value;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::{Index, IndexError, Place};
use crate::capsule::CapsuleType;
use crate::facts::Facts;
use crate::record::RecordRef;
use crate::sections::OutcomeStatus;
use crate::storage::Filter;
use crate::timestamp::Timestamp;

impl Index {
    /// The places of the capsules whose `parent_id` is this one, in their order, and no more than
    /// `limit`.
    ///
    /// # Errors
    ///
    /// [`IndexError::File`] when the index cannot be read.
    pub fn children(&self, parent: &Uuid, limit: usize) -> Result<Vec<Place>, IndexError> {
        self.places("parent", &parent.as_bytes()[..], limit)
    }

    /// The places of the capsules with this `trigger.correlation_id`, in their order, and no more
    /// than `limit`.
    ///
    /// # Errors
    ///
    /// [`IndexError::File`] when the index cannot be read.
    pub fn correlated(&self, correlation: &str, limit: usize) -> Result<Vec<Place>, IndexError> {
        self.places("correlation", correlation, limit)
    }

    fn places(
        &self,
        column: &str,
        value: impl rusqlite::ToSql,
        limit: usize,
    ) -> Result<Vec<Place>, IndexError> {
        let sql = format!("SELECT place FROM entries WHERE {column} = ? ORDER BY place LIMIT ?");
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let read = || {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![value, limit])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.extend(Place::of_row(&self.connection, row.get(0)?)?);
            }
            Ok(found)
        };
        read().map_err(|error| self.failed(&error))
    }
}

/// When a record was sealed, as it says. What says nothing comes before all others.
pub(super) fn sealed(signed_at: Option<&str>) -> i64 {
    let time = signed_at.and_then(|time| time.parse::<Timestamp>().ok());
    time.map_or(0, Timestamp::as_micros)
}

pub(super) fn insert(
    connection: &Connection,
    row: i64,
    record: &RecordRef<'_>,
    facts: &Facts<'_>,
) -> rusqlite::Result<()> {
    let columns = &record.columns;
    let parent = facts.parent();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO entries (place, sealed, began, type, status, tenant, domain, \
             session, correlation, parent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            row,
            sealed(record.signed_at),
            facts.began().map(Timestamp::as_micros),
            columns.kind,
            facts.status(),
            facts.tenant(columns),
            facts.domain(columns),
            columns.session_id,
            facts.correlation(),
            parent.as_ref().map(|id| &id.as_bytes()[..]),
        ])?;
    Ok(())
}

/// The terms of a filter that entries can answer, with their parameters. The rest is for whoever
/// reads the records.
pub(super) fn terms(filter: &Filter) -> Vec<(&'static str, Value)> {
    let micros = |time: Option<Timestamp>| time.map(|time| Value::Integer(time.as_micros()));
    let text = |text: Option<&str>| text.map(|text| Value::Text(text.to_owned()));
    let terms = [
        (
            "entries.type = ?",
            text(filter.kind.map(CapsuleType::as_str)),
        ),
        (
            "entries.status = ?",
            text(filter.status.as_ref().map(OutcomeStatus::as_str)),
        ),
        ("entries.tenant = ?", text(filter.tenant.as_deref())),
        (
            "(entries.tenant IS NULL) = ?",
            filter.without_tenant.then_some(Value::Integer(1)),
        ),
        ("entries.domain = ?", text(filter.domain.as_deref())),
        ("entries.session = ?", text(filter.session.as_deref())),
        ("entries.began >= ?", micros(filter.since)),
        ("entries.began < ?", micros(filter.until)),
    ];
    terms
        .into_iter()
        .filter_map(|(term, value)| Some((term, value?)))
        .collect()
}
