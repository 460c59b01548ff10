//! Full-text search.

use std::ops::Range;

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::file::TOKENIZER;
use super::{Field, Index, IndexError, Place, Query, entries, places, zones};
use crate::facts::Facts;
use crate::record::SealedRecord;
use crate::storage::{Filter, Storage, StorageError};

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
        let probe = Probe::new(query)?;
        let failed = |error: rusqlite::Error| self.failed(&error);
        let Some(scope) = self.scope(filter, storage)? else {
            return Ok(Vec::new());
        };
        let (sql, parameters) = statement(query, filter, &scope);
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
            let row = row.get(0).map_err(failed)?;
            let Some(place) = Place::of_row(&self.connection, row).map_err(failed)? else {
                continue;
            };
            let Some(record) = storage.record_at(place.chain.as_deref(), place.sequence)? else {
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

    /// How many capsules have what the query says and are selected by the filter; its limit, offset
    /// and cursor are ignored. The index alone is asked, and nothing is compared with the store.
    /// [`update`](Self::update) the index first.
    ///
    /// # Errors
    ///
    /// [`IndexError::Query`] when a [`Query::raw`] is malformed, [`IndexError::Store`] when the
    /// store cannot be read, [`IndexError::File`] when the index cannot.
    pub fn count(
        &self,
        query: &Query,
        filter: &Filter,
        storage: &dyn Storage,
    ) -> Result<u64, IndexError> {
        Probe::new(query)?;
        let mut filter = filter.clone();
        filter.beyond = None;
        let Some(scope) = self.scope(&filter, storage)? else {
            return Ok(0);
        };
        let (sql, parameters) = statement(query, &filter, &scope);
        let count = || {
            let mut statement = self
                .connection
                .prepare(&format!("SELECT count(*) FROM ({sql})"))?;
            statement.query_row(params_from_iter(parameters), |row| row.get(0))
        };
        count()
            .map(i64::unsigned_abs)
            .map_err(|error| self.failed(&error))
    }
}

impl Index {
    /// Which rows are in question; none where none can be.
    fn scope(&self, filter: &Filter, storage: &dyn Storage) -> Result<Option<Scope>, IndexError> {
        let failed = |error: rusqlite::Error| self.failed(&error);
        let chains = filter.chains(storage)?;
        let chain = match chains.as_slice() {
            [] => return Ok(None),
            [one] => match places::number(&self.connection, one.as_deref()).map_err(failed)? {
                Some(number) => Some(number),
                None => return Ok(None),
            },
            _ => None,
        };
        let (first, last) = places::rows(chain.unwrap_or_default());
        let mut scope = Scope {
            chain,
            cursor: None,
            rows: zones::narrow(&self.connection, (first, last), filter).map_err(failed)?,
        };
        if let Some(id) = &filter.beyond {
            let record = match id.parse() {
                Ok(id) => storage.get(&id)?,
                Err(_) => None,
            };
            let cursor = match &record {
                Some(record) => self.cursor(record, storage).map_err(failed)?,
                None => None,
            };
            let (sealed, row) =
                cursor
                    .filter(|(_, row)| scope.contains(*row))
                    .ok_or_else(|| StorageError::NoCursor {
                        id: id.clone(),
                        location: storage.location(),
                    })?;
            scope.cursor = Some((sealed, row));
        }
        Ok(Some(scope))
    }

    /// When a record was sealed, and the number of its row.
    fn cursor(
        &self,
        record: &SealedRecord,
        storage: &dyn Storage,
    ) -> rusqlite::Result<Option<(i64, i64)>> {
        let chain = storage.chain_of(record.columns.tenant_id.as_deref());
        let number = places::number(&self.connection, chain)?;
        let row = number.and_then(|number| places::row(number, record.columns.sequence));
        Ok(row.map(|row| (entries::sealed(record.signed_at.as_deref()), row)))
    }
}

/// Which rows a search is about.
struct Scope {
    /// All chains without one.
    chain: Option<i64>,
    /// The row to go on from, and when its record was sealed.
    cursor: Option<(i64, i64)>,
    /// Of one chain, the first and the last row that its zones leave.
    rows: (i64, i64),
}

impl Scope {
    /// The first and the last row of a chain that its zones, the filter's places and the cursor leave.
    fn range(&self, chain: i64, filter: &Filter) -> (i64, i64) {
        let (start, _) = places::rows(chain);
        let (mut first, mut last) = self.rows;
        let row = |place: u64| {
            let place = i64::try_from(place).map_or(places::PLACE, |n| n.min(places::PLACE));
            start | place
        };
        if let Some(after) = filter.after {
            first = first.max(row(after).saturating_add(1));
        }
        if let Some(before) = filter.before {
            last = last.min(row(before).saturating_sub(1));
        }
        match self.cursor {
            Some((_, cursor)) if filter.oldest_first => first = first.max(cursor.saturating_add(1)),
            Some((_, cursor)) => last = last.min(cursor.saturating_sub(1)),
            None => {}
        }
        (first, last)
    }

    fn contains(&self, row: i64) -> bool {
        self.chain.is_none_or(|chain| {
            let (first, last) = places::rows(chain);
            (first..=last).contains(&row)
        })
    }
}

/// The statement that gives the rows in their order, with its parameters: those of one chain by
/// their places, which needs no sorting, and those of several by the time of sealing.
fn statement(query: &Query, filter: &Filter, scope: &Scope) -> (String, Vec<Value>) {
    let order = if filter.oldest_first { "ASC" } else { "DESC" };
    let terms = entries::terms(filter);
    let mut sql = "SELECT texts.rowid FROM texts".to_owned();
    if !terms.is_empty() || scope.chain.is_none() {
        // In this order, whatever SQLite thinks of it.
        sql += " CROSS JOIN entries ON entries.place = texts.rowid";
    }
    sql += " WHERE texts MATCH ?";
    let mut parameters = vec![Value::Text(query.to_string())];
    let mut by = "texts.rowid";
    match scope.chain {
        Some(chain) => {
            let (first, last) = scope.range(chain, filter);
            sql += " AND texts.rowid BETWEEN ? AND ?";
            parameters.extend([first.into(), last.into()]);
        }
        None => {
            by = "entries.sealed, texts.rowid";
            for (place, comparison) in [(filter.after, '>'), (filter.before, '<')] {
                if let Some(place) = place {
                    sql += &format!(" AND (texts.rowid & {}) {comparison} ?", places::PLACE);
                    parameters.push(i64::try_from(place).unwrap_or(i64::MAX).into());
                }
            }
            if let Some((sealed, row)) = scope.cursor {
                let beyond = if filter.oldest_first { '>' } else { '<' };
                sql += &format!(" AND ({by}) {beyond} (?, ?)");
                parameters.extend([sealed.into(), row.into()]);
            }
        }
    }
    for (term, value) in terms {
        sql = sql + " AND " + term;
        parameters.push(value);
    }
    let by = by.replace(',', &format!(" {order},"));
    sql = format!("{sql} ORDER BY {by} {order}");
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
