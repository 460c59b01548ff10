//! An index of a store, to find capsules by their words and by their parents.
//!
//! It lies in a file of its own, since files of other implementations keep their indexes, and
//! since an index over random values would slow down every append. It is brought up to date when
//! it is used, and can be made anew at any time. It is a convenience and no evidence: what it finds
//! is read from the store again and compared, so that a stale or falsified index can hide a
//! capsule but not invent one.

mod entries;
mod error;
mod file;
mod places;
mod query;
mod search;
mod sessions;
mod update;
mod zones;

use std::path::{Path, PathBuf};

use rusqlite::Connection;

pub use error::IndexError;
pub use places::Place;
pub use query::{Field, Query, UnknownField};
pub use search::{Match, Snippet};
pub use sessions::Session;
pub use update::Part;

use crate::storage::sqlite::open::sibling;

/// The index of the chains of one store.
///
/// ```
/// use capsules_core::Filter;
/// use capsules_core::index::{Index, Part, Query};
/// use capsules_core::storage::SqliteStorage;
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("capsules.db");
/// let store = SqliteStorage::open(&path)?;
/// let mut index = Index::open(&Index::beside(&path))?;
/// index.update(Part::Texts, &store, &mut |_| ())?;
/// let query = Query::words("connection reset").ok_or("no word")?;
/// assert!(index.search(&query, &Filter::new().limit(20), &store)?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Index {
    connection: Connection,
    /// `None` of a temporary one.
    path: Option<PathBuf>,
}

impl Index {
    /// Where the index of the store at this path is, unless somebody wants it elsewhere: beside
    /// it, with `.index` after its name.
    pub fn beside(store: &Path) -> PathBuf {
        sibling(store, ".index")
    }

    /// Opens the index at this path, and makes an empty one, readable by its owner only, where
    /// there is none.
    ///
    /// # Errors
    ///
    /// [`IndexError::Foreign`] when the file is something else, [`IndexError::File`] when it
    /// cannot be read and written.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let connection = file::open(path)?;
        Ok(Self {
            connection,
            path: Some(path.to_owned()),
        })
    }

    /// Makes an index in memory, and for what does not fit there in a file without a name.
    ///
    /// # Errors
    ///
    /// [`IndexError::File`] when there is no memory for it.
    pub fn temporary() -> Result<Self, IndexError> {
        let connection = file::temporary().map_err(|error| IndexError::of(&error, None))?;
        Ok(Self {
            connection,
            path: None,
        })
    }

    /// Removes the index at this path, if there is one.
    ///
    /// # Errors
    ///
    /// [`IndexError::Foreign`] when the file is something else, [`IndexError::File`] when it
    /// cannot be removed.
    pub fn remove(path: &Path) -> Result<(), IndexError> {
        file::remove(path)
    }

    fn failed(&self, error: &rusqlite::Error) -> IndexError {
        IndexError::of(error, self.path.as_deref())
    }
}

#[cfg(test)]
mod tests;
