//! What processes that died have left in their journals.
//!
//! Opening a store recovers it by itself. The functions here show what waits, and recover it
//! without recording anything else.
//!
//! ```
//! # let directory = tempfile::tempdir()?;
//! use capsules::{Capsules, recovery};
//!
//! let path = directory.path().join("audit.db");
//! assert!(recovery::waiting(&path)?.is_empty());
//! let recovered = Capsules::builder().path(&path).data_dir(directory.path()).recover()?;
//! assert_eq!(recovered.accepted, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::path::{Path, PathBuf};

use capsules_core::DataDir;

use crate::error::Error;
use crate::journal;
use crate::location::Location;

pub use crate::journal::WaitingJournal;

/// What a recovery has put on record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// Journals that were recovered and deleted.
    pub journals: u64,
    /// Capsules that had been accepted. Some may have been in the store already.
    pub accepted: u64,
    /// Actions that had started and not ended, now `pending`.
    pub started: u64,
    /// Places that could not be read, each named by a capsule of type `system`.
    pub damaged: u64,
    /// Journals that could not be recovered and stay, with the reason.
    pub failed: Vec<String>,
}

/// The path beside which this machine keeps what belongs to a store, such as its journals: the path
/// of a SQLite file itself, and for a `postgresql://` URL one in the data directory, whose name is
/// made of the URL without its password.
///
/// # Errors
///
/// [`Error::Location`] when it is another URL, or the feature `postgres` is off;
/// [`Error::Storage`] when the URL cannot be read.
pub fn local(store: impl Into<PathBuf>, data_dir: &DataDir) -> Result<PathBuf, Error> {
    let store = store.into();
    let local = Location::parse(store.clone()).local(|| Ok(data_dir.clone()))?;
    Ok(local.unwrap_or(store))
}

/// Where the journals of the SQLite file at this path are: `audit.db.journals` beside `audit.db`.
pub fn directory(store: &Path) -> PathBuf {
    journal::directory_for(store)
}

/// The journals beside the SQLite file at this path that wait for recovery: their process has
/// died. Changes nothing.
///
/// # Errors
///
/// [`Error::Journal`] when the directory of the journals cannot be read.
pub fn waiting(store: &Path) -> Result<Vec<WaitingJournal>, Error> {
    let directory = journal::directory_for(store);
    journal::waiting(&directory).map_err(|error| Error::Journal {
        directory,
        reason: error.to_string(),
    })
}
