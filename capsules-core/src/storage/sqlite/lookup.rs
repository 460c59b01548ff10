//! Queries that have to read through the chain, on all cores.
//!
//! The chain is cut into ranges of sequences, in the order of the query. The first one often has
//! all that a page asks for and is read alone; the others are read by several threads, each with a
//! connection of its own, until enough was found. Connections that begin a moment apart see
//! different ends of the chain, but only one range has the end.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use rusqlite::{Connection, params_from_iter};

use super::failure::Failure;
use super::query::{self, Query};
use super::readers::{KEPT, Readers};
use super::row;
use super::schema::Layout;
use crate::record::SealedRecord;
use crate::storage::{Filter, StorageError};

/// How many sequences a range has: a few milliseconds' work, far more than starting a query is.
const LENGTH: u64 = 1 << 16;

/// A query over the whole chain.
pub(super) struct Lookup<'a> {
    readers: &'a Readers,
    layout: &'a Layout,
    filter: &'a Filter,
    /// The place of the record to go on from.
    cursor: Option<i64>,
    /// How many sequences a range has.
    length: u64,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(
        readers: &'a Readers,
        layout: &'a Layout,
        filter: &'a Filter,
        cursor: Option<i64>,
    ) -> Self {
        Self {
            readers,
            layout,
            filter,
            cursor,
            length: LENGTH,
        }
    }

    /// The records that the filter selects. SQLite passes over an offset without reading records,
    /// which ranges could not.
    pub(super) fn list(&self) -> Result<Vec<SealedRecord>, StorageError> {
        let query = |filter: &Filter| {
            let query = query::list(filter, self.cursor, self.layout);
            self.readers.read(|connection| rows(connection, &query))
        };
        let ranges = if self.filter.offset == 0 {
            self.ranges()?
        } else {
            None
        };
        let Some(ranges) = ranges else {
            return query(self.filter);
        };
        let limit = self.filter.limit.unwrap_or(u64::MAX);
        let found = AtomicU64::new(0);
        let pages = ranges.read(&|filter| {
            let page = query(&filter)?;
            let count = page.len() as u64;
            let enough = found.fetch_add(count, Ordering::Relaxed) + count >= limit;
            Ok((page, enough))
        })?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(pages.into_iter().flatten().take(limit).collect())
    }

    /// How many records the filter selects; its limit and offset are ignored.
    pub(super) fn count(&self) -> Result<u64, StorageError> {
        let query = |filter: &Filter| {
            let query = query::count(filter, self.layout);
            self.readers.read(|connection| count(connection, &query))
        };
        match self.ranges()? {
            None => query(self.filter),
            Some(ranges) => {
                let counts = ranges.read(&|filter| Ok((query(&filter)?, false)))?;
                Ok(counts.into_iter().sum())
            }
        }
    }

    /// The ranges to read; `None` where that is a single one, or an index may answer.
    fn ranges(&self) -> Result<Option<Ranges>, StorageError> {
        if self.filter.id_prefix.is_some() || !self.layout.has_catalogue() {
            return Ok(None);
        }
        let Some(head) = self.readers.read(row::read_head)? else {
            return Ok(None);
        };
        let cursor = self.cursor.and_then(|place| u64::try_from(place).ok());
        let (mut first, mut end) = (
            self.filter.after.map_or(0, |after| after.saturating_add(1)),
            self.filter.before.unwrap_or(u64::MAX),
        );
        match cursor {
            Some(place) if self.filter.oldest_first => first = first.max(place.saturating_add(1)),
            Some(place) => end = end.min(place),
            None => {}
        }
        let end = end.min(head.sequence.saturating_add(1));
        let ranges = Ranges {
            filter: self.filter.clone(),
            first,
            end,
            length: self.length,
            count: end.saturating_sub(first).div_ceil(self.length),
        };
        Ok((ranges.count > 1).then_some(ranges))
    }
}

struct Ranges {
    filter: Filter,
    /// The first sequence, and the one after the last.
    first: u64,
    end: u64,
    length: u64,
    count: u64,
}

impl Ranges {
    /// The filter of a range, in the order of the query. Nothing limits the outer ones that does
    /// not limit the query, for the sequences of other tools' files are not ours to judge.
    fn filter(&self, number: u64) -> Filter {
        let (near, far) = (number * self.length, (number + 1) * self.length);
        let (low, high) = if self.filter.oldest_first {
            (self.first + near, self.first.saturating_add(far))
        } else {
            (self.end.saturating_sub(far), self.end - near)
        };
        let mut filter = self.filter.clone();
        if low > self.first {
            filter.after = Some(low - 1);
        }
        if high < self.end {
            filter.before = Some(high);
        }
        filter
    }

    /// Reads the ranges, and gives what they had in their order. `read` says whether that, with what
    /// was read of other ranges, is enough; no further range is begun then.
    fn read<T: Send>(
        &self,
        read: &(dyn Fn(Filter) -> Result<(T, bool), StorageError> + Sync),
    ) -> Result<Vec<T>, StorageError> {
        let (first, enough) = read(self.filter(0))?;
        let mut all = vec![(0, first)];
        if enough {
            return Ok(all.into_iter().map(|(_, found)| found).collect());
        }
        let next = AtomicU64::new(1);
        let done = AtomicBool::new(false);
        let work = || {
            let mut mine = Vec::new();
            // Ranges are taken in their order, so that those that were read leave no hole.
            while !done.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= self.count {
                    break;
                }
                let answer = read(self.filter(number));
                if !matches!(answer, Ok((_, false))) {
                    done.store(true, Ordering::Relaxed);
                }
                mine.push((number, answer?.0));
            }
            Ok(mine)
        };
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let parts = thread::scope(|scope| {
            let others: Vec<_> = (1..threads.min(KEPT))
                .map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
                .collect();
            let mut parts: Vec<Result<Vec<_>, StorageError>> = vec![work()];
            for thread in others {
                parts.push(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            parts
        });
        for part in parts {
            all.extend(part?);
        }
        all.sort_unstable_by_key(|(number, _)| *number);
        Ok(all.into_iter().map(|(_, found)| found).collect())
    }
}

fn rows(connection: &Connection, query: &Query) -> Result<Vec<SealedRecord>, Failure> {
    let mut statement = connection.prepare_cached(&query.sql)?;
    let mut rows = statement.query(params_from_iter(&query.parameters))?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(row::read(row)?);
    }
    Ok(records)
}

fn count(connection: &Connection, query: &Query) -> Result<u64, Failure> {
    let mut statement = connection.prepare_cached(&query.sql)?;
    let count: i64 = statement.query_row(params_from_iter(&query.parameters), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::storage::{SqliteStorage, Storage};
    use crate::{Capsule, CapsuleType, Draft, Head, LocalSigner, Position, Seal, Unsigned};

    const RECORDS: u64 = 40;

    /// Sessions `s0` to `s4` in turns; the last record alone is of a tool.
    fn store(directory: &std::path::Path) -> SqliteStorage {
        let store = SqliteStorage::open(directory.join("capsules.db")).unwrap();
        let seal = Seal::with_signer(Arc::new(LocalSigner::from_seed(&[3; 32]).unwrap()));
        let mut seal_next = |_: Option<&Head>| {
            let mut head: Option<Head> = None;
            let mut records = Vec::new();
            for place in 0..RECORDS {
                let mut capsule = Capsule::new(match place + 1 {
                    RECORDS => CapsuleType::Tool,
                    _ => CapsuleType::Agent,
                });
                capsule.context.session_id = Some(format!("s{}", place % 5));
                let draft = Draft::new(&capsule).unwrap();
                let linked = Unsigned::new(&draft, &Position::after(head.as_ref()));
                head = Some(linked.head());
                records.push(seal.sign(linked)?);
            }
            Ok(records)
        };
        store.append(None, &mut seal_next).unwrap();
        store
    }

    fn places(records: &[SealedRecord]) -> Vec<i64> {
        records
            .iter()
            .map(|record| record.columns.sequence)
            .collect()
    }

    #[test]
    fn ranges_give_what_one_query_gives() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path());
        let layout = store.layout();
        let filters = [
            Filter::new(),
            Filter::new().session("s3"),
            Filter::new().session("nobody's"),
            Filter::new().kind(CapsuleType::Tool),
            Filter::new().session("s1").after(4).before(33),
            Filter::new().after(38),
            Filter::new().before(0),
        ];
        for filter in filters.iter().flat_map(|filter| {
            let limited = |limit| Filter {
                limit,
                ..filter.clone()
            };
            [None, Some(0), Some(1), Some(3), Some(100)].map(limited)
        }) {
            for filter in [filter.clone(), filter.oldest_first()] {
                for cursor in [None, Some(0), Some(17), Some(39)] {
                    for length in [1, 7, 39] {
                        let lookup = |length| Lookup {
                            length,
                            ..Lookup::new(&store.readers, &layout, &filter, cursor)
                        };
                        let (whole, cut) = (lookup(u64::MAX), lookup(length));
                        assert_eq!(
                            places(&cut.list().unwrap()),
                            places(&whole.list().unwrap()),
                            "{filter:?} {cursor:?} {length}"
                        );
                        if cursor.is_none() {
                            assert_eq!(cut.count().unwrap(), whole.count().unwrap(), "{filter:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn no_range_is_begun_when_enough_was_found() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path());
        let ranges = |oldest_first| {
            let filter = Filter {
                oldest_first,
                ..Filter::new()
            };
            let layout = store.layout();
            Lookup {
                length: 4,
                ..Lookup::new(&store.readers, &layout, &filter, None)
            }
            .ranges()
            .unwrap()
            .unwrap()
        };
        for (oldest_first, first) in [(false, (Some(35), None)), (true, (None, Some(4)))] {
            let read =
                ranges(oldest_first).read(&|filter| Ok(((filter.after, filter.before), true)));
            assert_eq!(read.unwrap(), [first]);
        }
        let read = ranges(false).read(&|filter| {
            let far = filter.before.is_some_and(|before| before < 30);
            Ok((filter.before, far))
        });
        let read = read.unwrap();
        // The three that are near, and a far one of each thread at most.
        assert!(
            read.len() <= 3 + KEPT && read.is_sorted_by(|a, b| a.is_none() || a > b),
            "{read:?}"
        );
    }

    #[test]
    fn what_fails_in_one_range_fails_the_query() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path());
        let (layout, filter) = (store.layout(), Filter::new());
        let lookup = Lookup {
            length: 4,
            ..Lookup::new(&store.readers, &layout, &filter, None)
        };
        let ranges = lookup.ranges().unwrap().unwrap();
        let closed = || StorageError::Closed {
            location: String::new(),
        };
        let read = ranges.read(&|filter| match filter.after {
            Some(19) => Err(closed()),
            _ => Ok(((), false)),
        });
        assert!(matches!(read, Err(StorageError::Closed { .. })));
    }

    #[test]
    fn a_hash_is_found_behind_a_longer_text_that_begins_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path());
        let fifth = store.record_at(None, 5).unwrap().unwrap();
        let connection = Connection::open(directory.path().join("capsules.db")).unwrap();
        let longer = "UPDATE capsules SET hash = ? || '0' WHERE sequence = 0";
        connection.execute(longer, [&fifth.hash]).unwrap();
        assert_eq!(store.get_by_hash(&fifth.hash).unwrap(), Some(fifth));
    }
}
