//! Bringing an index up to date with its chain.

use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{Index, IndexError, entries};
use crate::facts::Facts;
use crate::record::RecordRef;
use crate::storage::{Storage, StorageError, record_at};

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
    /// Indexes what the chain has more than the index, and tells after each batch how far in the
    /// chain it is. When the store does not have the last indexed record any more, it is
    /// another one, and everything is indexed anew. `chain` is what
    /// [`Storage::chain_of`] gives.
    ///
    /// # Errors
    ///
    /// [`IndexError::Store`] when the store cannot be read, [`IndexError::File`] when the index
    /// cannot be written. What was indexed until then stays.
    pub fn update(
        &mut self,
        part: Part,
        storage: &dyn Storage,
        chain: Option<&str>,
        told: &mut dyn FnMut(u64),
    ) -> Result<(), IndexError> {
        if part == Part::Texts {
            self.update(Part::Entries, storage, chain, told)?;
        }
        self.forget_another_chain(part, storage, chain)?;
        let Some(head) = storage.head(chain)? else {
            return Ok(());
        };
        // Nobody waits for the lock where nothing is to be written.
        while !self.has(part, head.sequence)? {
            match self.update_some(part, storage, chain)? {
                Some(place) => told(place),
                None => break,
            }
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
        let mut progress = read_progress(&transaction, part).map_err(failed)?;
        let before = progress.as_ref().map(|progress| progress.sequence);
        let from = before.map_or(0, |before| u64::try_from(before).map_or(0, |n| n + 1));
        let (mut read, mut failure) = (0, None);
        storage.scan_ref(chain, from, &mut |record| {
            // A scan from the beginning has what is no place in a chain as well.
            if Some(record.columns.sequence) <= before {
                return ControlFlow::Continue(());
            }
            if let Err(error) = insert(&transaction, part, &record) {
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
        if let Some(progress) = progress {
            write_progress(&transaction, part, &progress).map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        Ok(place
            .filter(|_| read == BATCH)
            .and_then(|place| u64::try_from(place).ok()))
    }

    fn has(&self, part: Part, sequence: u64) -> Result<bool, IndexError> {
        let progress = read_progress(&self.connection, part);
        let progress = progress.map_err(|error| self.failed(&error))?;
        Ok(progress.is_some_and(|last| i128::from(last.sequence) >= i128::from(sequence)))
    }

    /// Empties the part when the store does not have its last record.
    fn forget_another_chain(
        &mut self,
        part: Part,
        storage: &dyn Storage,
        chain: Option<&str>,
    ) -> Result<(), IndexError> {
        let progress = read_progress(&self.connection, part);
        let Some(progress) = progress.map_err(|error| self.failed(&error))? else {
            return Ok(());
        };
        if is_in(&progress, storage, chain)? {
            return Ok(());
        }
        let clear = match part {
            Part::Entries => "DELETE FROM entries; DELETE FROM progress WHERE part = 'entries';",
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

fn is_in(
    progress: &Progress,
    storage: &dyn Storage,
    chain: Option<&str>,
) -> Result<bool, StorageError> {
    let Ok(sequence) = u64::try_from(progress.sequence) else {
        return Ok(false);
    };
    let record = record_at(storage, chain, sequence)?;
    Ok(record.is_some_and(|record| record.hash == progress.hash))
}

fn insert(connection: &Connection, part: Part, record: &RecordRef<'_>) -> rusqlite::Result<()> {
    let facts = Facts::read(record.content).unwrap_or_default();
    match part {
        Part::Entries => entries::insert(connection, record, &facts),
        Part::Texts => {
            let mut statement = connection.prepare_cached(
                "INSERT INTO texts (rowid, request, summary, error) VALUES (?, ?, ?, ?)",
            )?;
            statement.execute(params![
                record.columns.sequence,
                facts.request(),
                facts.summary(),
                facts.error()
            ])?;
            Ok(())
        }
    }
}

fn read_progress(connection: &Connection, part: Part) -> rusqlite::Result<Option<Progress>> {
    connection
        .prepare_cached("SELECT sequence, hash FROM progress WHERE part = ?")?
        .query_row([part.name()], |row| {
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
    progress: &Progress,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO progress (part, sequence, hash) VALUES (?, ?, ?)")?
        .execute(params![part.name(), progress.sequence, progress.hash])?;
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
