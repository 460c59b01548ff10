//! How a SQLite file is opened.

use std::path::Path;
use std::sync::{Mutex, RwLock};
use std::time::Duration;

use super::SqliteStorage;
use super::checkpoints::Checkpoints;
use super::failure::{Attempt, Failure};
use super::readers::Readers;
use super::writer::Writer;
use crate::storage::StorageError;

/// How a SQLite file is opened.
///
/// ```
/// use std::time::Duration;
///
/// use capsules_core::storage::SqliteOptions;
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("capsules.db");
/// let store = SqliteOptions::new().busy_timeout(Duration::from_secs(30)).open(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    busy_timeout: Duration,
    read_only: bool,
}

impl SqliteOptions {
    /// For reading and writing, and waiting five seconds for other writers.
    pub fn new() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
            read_only: false,
        }
    }

    /// How long a call waits for other writers before it fails with [`StorageError::Locked`].
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Reads only, as [`SqliteStorage::open_read_only`] does.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// Those of [`SqliteStorage::open`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<SqliteStorage, StorageError> {
        let path = path.as_ref();
        // The file stays the same one when the process changes its directory.
        let path = std::path::absolute(path).map_err(|error| StorageError::Open {
            location: path.display().to_string(),
            reason: error.to_string(),
        })?;
        let failed = |failure: Failure| failure.during(Attempt::Open, &path);
        let readers = Readers::new(path.clone(), self.busy_timeout, self.read_only);
        let (writer, layout) = if self.read_only {
            (None, readers.layout().map_err(failed)?)
        } else {
            let (writer, layout) = Writer::open(&path, self.busy_timeout).map_err(failed)?;
            (Some(Mutex::new(writer)), layout)
        };
        Ok(SqliteStorage {
            checkpoints: Checkpoints::new(path.clone(), self.busy_timeout),
            path,
            busy_timeout: self.busy_timeout,
            layout: RwLock::new(layout),
            writer,
            readers,
        })
    }
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self::new()
    }
}
