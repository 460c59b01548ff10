//! Moving the write-ahead log into the file beside the appends.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use super::failure::{Attempt, Failure};
use super::identity::FileId;
use super::open;
use super::schema::PAGE_SIZE;
use crate::record::SealedRecord;
use crate::storage::StorageError;

/// After so many bytes in the log it pays to move them. SQLite syncs what a step has moved only if the
/// log has not grown meanwhile, so a step should take no longer than an append.
const STEP: u64 = 64 * PAGE_SIZE.unsigned_abs();
/// What an append writes beside its records: a page of the table and of each index, in part.
const PAGES: u64 = 3 * PAGE_SIZE.unsigned_abs();
/// The columns beside the content, and what SQLite needs for a row and its entries in indexes.
const COLUMNS: usize = 700;

/// A connection that moves what the log holds, step by step.
///
/// SQLite does that by itself when the log has become long, as a part of the append that made it
/// so: everybody who waits for that append, or for the one after it, waits for two syncs and the
/// writing of every page. What was moved before costs neither.
#[derive(Debug)]
pub(super) struct Checkpoints {
    path: PathBuf,
    timeout: Duration,
    /// About how many bytes were added to the log since the last step.
    written: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Idle,
    Open(Connection, FileId),
    Closed,
}

impl Checkpoints {
    pub(super) fn new(path: PathBuf, timeout: Duration) -> Self {
        Self {
            path,
            timeout,
            written: AtomicU64::new(0),
            state: Mutex::new(State::Idle),
        }
    }

    /// These were appended.
    pub(super) fn note(&self, records: &[SealedRecord]) {
        let record = |record: &SealedRecord| record.content.len() + record.signature_pq.len();
        let bytes: usize = records.iter().map(|r| record(r) + COLUMNS).sum();
        self.written.fetch_add(bytes as u64 + PAGES, Relaxed);
    }

    pub(super) fn are_due(&self) -> bool {
        self.written.load(Relaxed) >= STEP
    }

    /// Takes a step. Never waits for others, nor they for it.
    pub(super) fn step(&self) -> Result<(), StorageError> {
        self.written.store(0, Relaxed);
        let step = || -> Result<(), Failure> {
            let mut state = self.lock();
            match &*state {
                State::Closed => return Ok(()),
                State::Open(_, file) if file.is_at(&self.path) => {}
                State::Open(..) | State::Idle => {
                    // A file that is gone is the next append's to find.
                    if !self.path.exists() {
                        return Ok(());
                    }
                    let connection = open::checkpointer(&self.path, self.timeout)?;
                    *state = State::Open(connection, FileId::of(&self.path));
                }
            }
            if let State::Open(connection, _) = &*state {
                connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
            }
            Ok(())
        };
        match step() {
            Err(failure) if !failure.is_locked() => Err(failure.during(Attempt::Write, &self.path)),
            _ => Ok(()),
        }
    }

    /// Lets go of the file, so that the writer's connection can be its last.
    pub(super) fn release(&self) {
        let mut state = self.lock();
        if let State::Open(..) = *state {
            *state = State::Idle;
        }
    }

    /// Takes no more steps.
    pub(super) fn close(&self) {
        *self.lock() = State::Closed;
    }

    /// The state is replaced as a whole, so a poisoned lock guards an intact one.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
