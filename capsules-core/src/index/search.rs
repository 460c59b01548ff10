//! Full-text search.

use std::ops::Range;

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::file::TOKENIZER;
use super::{Field, Index, IndexError, Query, entries};
use crate::facts::Facts;
use crate::record::SealedRecord;
use crate::storage::{Filter, Storage, record_at};

/// A capsule that has what was searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Match {
    /// The record, as it is stored now.
    pub record: SealedRecord,
    /// The fields that have it.
    pub snippets: Vec<Snippet>,
}

/// What stands around the words that were searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snippet {
    /// The field that it stands in.
    pub field: Field,
    /// A piece of the field, with `…` where something is left away. Control characters are
    /// spaces.
    pub text: String,
    /// Where the words are in it, in bytes.
    pub highlights: Vec<Range<usize>>,
}

impl Index {
    /// The capsules that have what the query says and that the filter selects, in the filter's
    /// order and no more than its limit. Every one is read from the store and compared with query
    /// and filter again. [`update`](Self::update) the index first.
    ///
    /// # Errors
    ///
    /// [`IndexError::Query`] when a [`Query::raw`] is malformed, [`IndexError::Store`] when the
    /// store cannot be read, [`IndexError::File`] when the index cannot.
    pub fn search(
        &self,
        query: &Query,
        filter: &Filter,
        storage: &dyn Storage,
    ) -> Result<Vec<Match>, IndexError> {
        let chain = storage.chain_of(filter.tenant.as_deref());
        let probe = Probe::new(query)?;
        let failed = |error: rusqlite::Error| self.failed(&error);
        let (sql, parameters) = statement(query, filter);
        let mut statement = self.connection.prepare(&sql).map_err(failed)?;
        let mut rows = statement
            .query(params_from_iter(parameters))
            .map_err(failed)?;

        let limit = usize::try_from(filter.limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        let mut passed = 0;
        let mut matches = Vec::new();
        while matches.len() < limit
            && let Some(row) = rows.next().map_err(failed)?
        {
            let sequence: i64 = row.get(0).map_err(failed)?;
            let Ok(sequence) = u64::try_from(sequence) else {
                continue;
            };
            let Some(record) = record_at(storage, chain, sequence)? else {
                continue;
            };
            if !filter.selects(&record) {
                continue;
            }
            let Some(snippets) = probe.snippets(&record).map_err(failed)? else {
                continue;
            };
            if passed < filter.offset {
                passed += 1;
                continue;
            }
            matches.push(Match { record, snippets });
        }
        Ok(matches)
    }
}

/// The statement that gives the places, with its parameters.
fn statement(query: &Query, filter: &Filter) -> (String, Vec<Value>) {
    let mut sql = "SELECT texts.rowid FROM texts".to_owned();
    let terms = entries::terms(filter);
    if !terms.is_empty() {
        // In this order, whatever SQLite thinks of it.
        sql += " CROSS JOIN entries ON entries.sequence = texts.rowid";
    }
    sql += " WHERE texts MATCH ?";
    let mut parameters = vec![Value::Text(query.to_string())];
    let integer = |n: Option<u64>| n.map(|n| Value::Integer(i64::try_from(n).unwrap_or(i64::MAX)));
    let places = [
        ("texts.rowid > ?", integer(filter.after)),
        ("texts.rowid < ?", integer(filter.before)),
    ];
    let places = places.into_iter().filter_map(|(term, n)| Some((term, n?)));
    for (term, value) in places.chain(terms) {
        sql = sql + " AND " + term;
        parameters.push(value);
    }
    let order = if filter.oldest_first { "ASC" } else { "DESC" };
    sql = sql + " ORDER BY texts.rowid " + order;
    (sql, parameters)
}

/// An index of one record at a time, which has its texts: it decides whether the record has what
/// the query says, and where.
struct Probe<'q> {
    connection: Connection,
    query: &'q Query,
}

/// Around the words of a snippet. They are in no text, whose control characters are replaced.
const OPEN: char = '\u{2}';
const CLOSE: char = '\u{3}';
/// The length of a snippet, in words.
const WORDS: u8 = 16;

impl<'q> Probe<'q> {
    fn new(query: &'q Query) -> Result<Self, IndexError> {
        let make = || {
            let connection = Connection::open_in_memory()?;
            connection.execute_batch(&format!(
                "CREATE VIRTUAL TABLE probe USING fts5 (request, summary, error, {TOKENIZER})"
            ))?;
            Ok(connection)
        };
        let connection = make().map_err(|error: rusqlite::Error| IndexError::of(&error, None))?;
        let probe = Self { connection, query };
        // On an empty table it can only fail for the query.
        probe
            .run()
            .map(|_| probe)
            .map_err(|error| IndexError::Query {
                query: query.to_string(),
                reason: error.to_string(),
            })
    }

    /// Where the record has what the query says; nothing where it has not.
    fn snippets(&self, record: &SealedRecord) -> rusqlite::Result<Option<Vec<Snippet>>> {
        let Some(facts) = Facts::read(&record.content) else {
            return Ok(None);
        };
        let plain = |text: &str| text.replace(char::is_control, " ");
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO probe (rowid, request, summary, error) VALUES (1, ?, ?, ?)",
            )?
            .execute(params![
                plain(facts.request()),
                plain(facts.summary()),
                plain(facts.error().unwrap_or_default()),
            ])?;
        self.run()
    }

    fn run(&self) -> rusqlite::Result<Option<Vec<Snippet>>> {
        let marks = (OPEN.to_string(), CLOSE.to_string());
        let mut statement = self.connection.prepare_cached(
            "SELECT snippet(probe, 0, ?2, ?3, '…', ?4), snippet(probe, 1, ?2, ?3, '…', ?4), \
             snippet(probe, 2, ?2, ?3, '…', ?4) FROM probe WHERE probe MATCH ?1",
        )?;
        let mut rows = statement.query(params![self.query.to_string(), marks.0, marks.1, WORDS])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let mut snippets = Vec::new();
        for (column, field) in Field::ALL.into_iter().enumerate() {
            let snippet = Snippet::read(field, row.get_ref(column)?.as_str()?);
            if !snippet.highlights.is_empty() {
                snippets.push(snippet);
            }
        }
        Ok(Some(snippets))
    }
}

impl Snippet {
    fn read(field: Field, marked: &str) -> Self {
        let mut text = String::with_capacity(marked.len());
        let mut highlights: Vec<Range<usize>> = Vec::new();
        for c in marked.chars() {
            match c {
                OPEN => highlights.push(text.len()..text.len()),
                CLOSE => {
                    if let Some(highlight) = highlights.last_mut() {
                        highlight.end = text.len();
                    }
                }
                c => text.push(c),
            }
        }
        Self {
            field,
            text,
            highlights,
        }
    }
}
