//! The sessions that capsules name.

use rusqlite::params_from_iter;
use rusqlite::types::Value;

use super::{Index, IndexError, entries};
use crate::storage::Filter;
use crate::timestamp::Timestamp;

/// A session, as the index has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// Its id.
    pub id: String,
    /// How many capsules name it.
    pub count: u64,
    /// How many of them have the status `failure`.
    pub failures: u64,
    /// When its earliest action began.
    pub first: Option<Timestamp>,
    /// When its latest action began.
    pub last: Option<Timestamp>,
}

impl Index {
    /// The sessions of the capsules that the filter selects, the one with the latest action first,
    /// and no more than the filter's limit. Their figures are the index's and are not compared with
    /// the store. [`update`](Self::update) the index first.
    ///
    /// # Errors
    ///
    /// [`IndexError::File`] when the index cannot be read.
    pub fn sessions(&self, filter: &Filter) -> Result<Vec<Session>, IndexError> {
        let mut sql = "SELECT session, count(*), sum(status = 'failure'), min(began), max(began) \
                       FROM entries WHERE session <> ''"
            .to_owned();
        let mut parameters = Vec::new();
        for (term, value) in entries::terms(filter) {
            sql = sql + " AND " + term;
            parameters.push(value);
        }
        sql += " GROUP BY session ORDER BY max(began) DESC, max(rowid) DESC LIMIT ?";
        let limit = filter.limit.unwrap_or(u64::MAX);
        parameters.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
        let read = || {
            let time = |micros: Option<i64>| micros.and_then(Timestamp::from_micros);
            self.connection
                .prepare_cached(&sql)?
                .query_map(params_from_iter(parameters), |row| {
                    Ok(Session {
                        id: row.get(0)?,
                        count: row.get(1).map(i64::unsigned_abs)?,
                        failures: row.get::<_, Option<i64>>(2)?.unwrap_or(0).unsigned_abs(),
                        first: time(row.get(3)?),
                        last: time(row.get(4)?),
                    })
                })?
                .collect::<Result<Vec<_>, _>>()
        };
        read().map_err(|error| self.failed(&error))
    }
}
