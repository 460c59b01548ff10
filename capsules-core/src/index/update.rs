//! Bringing an index up to date with its store.

use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{Index, IndexError, entries, places, zones};
use crate::chain::Head;
use crate::facts::Facts;
use crate::record::RecordRef;
use crate::storage::{Storage, StorageError};

/// What of an index is wanted. Each part grows by itself, because words take much longer than
/// the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Parents, correlations, and what filters compare.
    Entries,
    /// The entries, and the words.
    Texts,
}

/// The last record that a part has.
struct Progress {
    sequence: i64,
    hash: String,
}

/// Records that are indexed in one transaction: an interruption loses no more.
const BATCH: u64 = 20_000;

impl Index {
    /// Indexes what the store has more than the index, and tells after each batch how many records
    /// are behind it. When a chain does not have its last indexed record any more, the store is
    /// another one, and everything is indexed anew.
    ///
    /// # Errors
    ///
    /// [`IndexError::Store`] when the store cannot be read, [`IndexError::File`] when the index
    /// cannot be written. What was indexed until then stays.
    pub fn update(
        &mut self,
        part: Part,
        storage: &dyn Storage,
        told: &mut dyn FnMut(u64),
    ) -> Result<(), IndexError> {
        if part == Part::Texts {
            self.update(Part::Entries, storage, told)?;
        }
        let heads = storage.heads()?;
        if self.is_of_another_store(part, storage, &heads)? {
            self.forget(part)?;
        }
        let mut before = 0;
        for (chain, head) in &heads {
            let told = &mut |place| told(before + place);
            self.update_chain(part, storage, chain.as_deref(), head, told)?;
            before += head.sequence.saturating_add(1);
        }
        Ok(())
    }

    fn is_of_another_store(
        &self,
        part: Part,
        storage: &dyn Storage,
        heads: &[(Option<String>, Head)],
    ) -> Result<bool, IndexError> {
        for (chain, head) in heads {
            if let Some(last) = self.progress(part, chain.as_deref())?
                && !is_in(&last, storage, chain.as_deref(), head)?
            {
                return Ok(true);
            }
        }
        Ok(heads.is_empty())
    }

    fn update_chain(
        &mut self,
        part: Part,
        storage: &dyn Storage,
        chain: Option<&str>,
        head: &Head,
        told: &mut dyn FnMut(u64),
    ) -> Result<(), IndexError> {
        let mut last = self.progress(part, chain)?;
        // Nobody waits for the lock where nothing is to be written.
        while last
            .as_ref()
            .is_none_or(|last| i128::from(last.sequence) < i128::from(head.sequence))
        {
            match self.update_some(part, storage, chain)? {
                Some(place) => told(place),
                None => break,
            }
            last = self.progress(part, chain)?;
        }
        Ok(())
    }

    /// Indexes a batch, and says how far in the chain it ended; nothing when that is the end.
    fn update_some(
        &mut self,
        part: Part,
        storage: &dyn Storage,
        chain: Option<&str>,
    ) -> Result<Option<u64>, IndexError> {
        let path = self.path.as_deref();
        let failed = |error: rusqlite::Error| IndexError::of(&error, path);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let number = places::number_or_new(&transaction, chain).map_err(failed)?;
        let mut progress = read_progress(&transaction, part, number).map_err(failed)?;
        let before = progress.as_ref().map(|progress| progress.sequence);
        let from = before.map_or(0, |before| u64::try_from(before).map_or(0, |n| n + 1));
        let (mut read, mut failure) = (0, None);
        storage.scan_ref(chain, from, &mut |record| {
            // A scan from the beginning has what is no place in a chain as well.
            if Some(record.columns.sequence) <= before {
                return ControlFlow::Continue(());
            }
            if let Err(error) = insert(&transaction, part, number, &record) {
                failure = Some(error);
                return ControlFlow::Break(());
            }
            progress = Some(Progress {
                sequence: record.columns.sequence,
                hash: record.hash.to_owned(),
            });
            read += 1;
            match read < BATCH {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        if let Some(error) = failure {
            return Err(failed(error));
        }
        let place = progress.as_ref().map(|progress| progress.sequence);
        if part == Part::Entries
            && let Some(last) = place.and_then(|place| places::row(number, place))
        {
            let first = before.and_then(|before| places::row(number, before.saturating_add(1)));
            let first = first.unwrap_or(places::rows(number).0);
            zones::widen(&transaction, first, last).map_err(failed)?;
        }
        if let Some(progress) = progress {
            write_progress(&transaction, part, number, &progress).map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        Ok(place
            .filter(|_| read == BATCH)
            .and_then(|place| u64::try_from(place).ok()))
    }

    fn progress(&self, part: Part, chain: Option<&str>) -> Result<Option<Progress>, IndexError> {
        let read = || match places::number(&self.connection, chain)? {
            Some(number) => read_progress(&self.connection, part, number),
            None => Ok(None),
        };
        read().map_err(|error| self.failed(&error))
    }

    /// Empties the part.
    fn forget(&self, part: Part) -> Result<(), IndexError> {
        let clear = match part {
            Part::Entries => {
                "DELETE FROM entries; DELETE FROM zones; DELETE FROM zone_values; \
                 DELETE FROM progress WHERE part = 'entries';"
            }
            Part::Texts => {
                "INSERT INTO texts (texts) VALUES ('delete-all'); \
                 DELETE FROM progress WHERE part = 'texts';"
            }
        };
        self.connection
            .execute_batch(&format!("BEGIN IMMEDIATE; {clear} COMMIT;"))
            .map_err(|error| self.failed(&error))
    }
}

/// Whether the chain with this head still has the last indexed record.
fn is_in(
    last: &Progress,
    storage: &dyn Storage,
    chain: Option<&str>,
    head: &Head,
) -> Result<bool, StorageError> {
    let Ok(sequence) = u64::try_from(last.sequence) else {
        return Ok(false);
    };
    if sequence == head.sequence {
        return Ok(last.hash == head.hash);
    }
    let record = storage.record_at(chain, sequence)?;
    Ok(record.is_some_and(|record| record.hash == last.hash))
}

fn insert(
    connection: &Connection,
    part: Part,
    chain: i64,
    record: &RecordRef<'_>,
) -> rusqlite::Result<()> {
    let facts = Facts::read(record.content).unwrap_or_default();
    let Some(row) = places::row(chain, record.columns.sequence) else {
        return Ok(());
    };
    match part {
        Part::Entries => entries::insert(connection, row, record, &facts),
        Part::Texts => {
            let mut statement = connection.prepare_cached(
                "INSERT INTO texts (rowid, request, summary, error) VALUES (?, ?, ?, ?)",
            )?;
            statement.execute(params![
                row,
                facts.request(),
                facts.summary(),
                facts.error()
            ])?;
            Ok(())
        }
    }
}

fn read_progress(
    connection: &Connection,
    part: Part,
    chain: i64,
) -> rusqlite::Result<Option<Progress>> {
    connection
        .prepare_cached("SELECT sequence, hash FROM progress WHERE part = ? AND chain = ?")?
        .query_row(params![part.name(), chain], |row| {
            Ok(Progress {
                sequence: row.get(0)?,
                hash: row.get(1)?,
            })
        })
        .optional()
}

fn write_progress(
    connection: &Connection,
    part: Part,
    chain: i64,
    progress: &Progress,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO progress (part, chain, sequence, hash) VALUES (?, ?, ?, ?)",
        )?
        .execute(params![
            part.name(),
            chain,
            progress.sequence,
            progress.hash
        ])?;
    Ok(())
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Entries => "entries",
            Self::Texts => "texts",
        }
    }
}
