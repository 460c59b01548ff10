//! The connections that read.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use super::failure::{Attempt, Failure};
use super::open::Reader;
use super::schema::{self, Layout};
use crate::storage::StorageError;

/// A connection for each concurrent read, so that a long scan holds up neither the writer nor
/// other readers. As many as were in use at once are kept, up to [`KEPT`].
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    timeout: Duration,
    read_only: bool,
    /// `None` when the store is closed.
    idle: Mutex<Option<Vec<Reader>>>,
}

pub(super) const KEPT: usize = 4;

impl Readers {
    pub(super) fn new(path: PathBuf, timeout: Duration, read_only: bool) -> Self {
        Self {
            path,
            timeout,
            read_only,
            idle: Mutex::new(Some(Vec::new())),
        }
    }

    /// Reads with a connection of its own.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StorageError> {
        let kept = match &mut *self.lock() {
            Some(idle) => idle.pop(),
            None => {
                return Err(StorageError::Closed {
                    location: self.path.display().to_string(),
                });
            }
        };
        self.read_with(kept, read)
            .map_err(|failure| failure.during(Attempt::Read, &self.path))
    }

    /// What the file's table looks like.
    pub(super) fn layout(&self) -> Result<Layout, Failure> {
        self.read_with(None, |connection| {
            schema::inspect(&connection.unchecked_transaction()?)?
                .ok_or_else(|| Failure::found("it is empty: nothing was ever stored in it"))
        })
    }

    pub(super) fn close(&self) {
        *self.lock() = None;
    }

    fn read_with<T>(
        &self,
        kept: Option<Reader>,
        read: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let reader = match kept.filter(|reader| reader.is_current(&self.path)) {
            Some(reader) => reader,
            None => self.open()?,
        };
        let outcome = read(&reader.connection);
        if !reader.is_undisturbed(&self.path) {
            return Err(Failure::found(
                "it was written while it was read; read it again",
            ));
        }
        if let Some(idle) = &mut *self.lock()
            && idle.len() < KEPT
        {
            idle.push(reader);
        }
        outcome
    }

    fn open(&self) -> Result<Reader, Failure> {
        if self.read_only {
            Reader::without_trace(&self.path, self.timeout)
        } else {
            Reader::shared(&self.path, self.timeout)
        }
    }

    /// A connection is only ever added or taken under the lock, so a poisoned one is intact.
    fn lock(&self) -> MutexGuard<'_, Option<Vec<Reader>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.lock().as_ref().map_or(0, Vec::len)
    }
}
