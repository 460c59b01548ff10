//! Why an index did not answer.

use std::path::Path;

use rusqlite::ffi::ErrorCode;

use crate::storage::StorageError;

/// Why an index did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The file at the path is no index of capsules, and is left alone.
    #[error("{location} is no index of capsules; choose another place for the index")]
    Foreign {
        /// The path.
        location: String,
    },
    /// The file could not be read or written.
    #[error("cannot use the index {location}: {reason}")]
    File {
        /// The path.
        location: String,
        /// What was found, and what to do.
        reason: String,
    },
    /// A query is not written as FTS5 wants it (<https://sqlite.org/fts5.html>, section 3).
    #[error("cannot search for {query}: {reason}")]
    Query {
        /// The query.
        query: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StorageError),
}

impl IndexError {
    pub(super) fn of(error: &rusqlite::Error, path: Option<&Path>) -> Self {
        let location = path.map_or_else(|| "in memory".to_owned(), |p| p.display().to_string());
        let advice = match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => return Self::Foreign { location },
            Some(ErrorCode::DatabaseCorrupt) => "it is damaged; make it anew",
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                "another process is writing it; try again"
            }
            Some(ErrorCode::DiskFull) => "the disk is full",
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
                "the file or its directory cannot be written; choose another place for the index"
            }
            _ => "make it anew",
        };
        Self::File {
            location,
            reason: format!("{advice} ({error})"),
        }
    }

    /// Whether the index could not be written where it was wanted.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::File { reason, .. } if reason.starts_with("the file or its directory"))
    }
}
