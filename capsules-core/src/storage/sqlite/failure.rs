//! What SQLite reports, in words that say what to do.

use std::path::Path;

use rusqlite::ffi::{self, ErrorCode};

use super::super::StorageError;

/// Why a step of an operation failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// SQLite said so.
    Sqlite(rusqlite::Error),
    /// Something else than expected was found.
    Found(String),
}

/// What was attempted when a step failed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attempt {
    Open,
    Read,
    Write,
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Failure {
    pub(super) fn found(reason: impl Into<String>) -> Self {
        Self::Found(reason.into())
    }

    /// Whether another connection holds the lock.
    pub(super) fn is_locked(&self) -> bool {
        matches!(
            self.code(),
            Some(
                ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::FileLockingProtocolFailed
            )
        )
    }

    /// Whether the file, or one that SQLite keeps beside it, could not be opened or written.
    pub(super) fn is_denied(&self) -> bool {
        matches!(
            self.code(),
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
        )
    }

    /// Whether an insertion met an `id` that is stored already.
    pub(super) fn is_duplicate_id(&self) -> bool {
        let Self::Sqlite(rusqlite::Error::SqliteFailure(error, message)) = self else {
            return false;
        };
        match error.extended_code {
            ffi::SQLITE_CONSTRAINT_PRIMARYKEY => true,
            ffi::SQLITE_CONSTRAINT_UNIQUE => message
                .as_deref()
                .is_some_and(|message| message.ends_with("capsules.id")),
            _ => false,
        }
    }

    /// The error of an operation on the store at `path`.
    pub(super) fn during(self, attempt: Attempt, path: &Path) -> StorageError {
        let location = path.display().to_string();
        if self.is_locked() {
            return StorageError::Locked { location };
        }
        let reason = match self {
            Self::Found(reason) => reason,
            Self::Sqlite(error) => reason(&error),
        };
        match attempt {
            Attempt::Open => StorageError::Open { location, reason },
            Attempt::Read => StorageError::Read { location, reason },
            Attempt::Write => StorageError::Write { location, reason },
        }
    }

    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            Self::Found(_) => None,
        }
    }
}

fn reason(error: &rusqlite::Error) -> String {
    let advice = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => "it is not a SQLite database; choose another path",
        Some(ErrorCode::DatabaseCorrupt) => {
            "the database is damaged; keep the file as it is and recover from a copy"
        }
        Some(ErrorCode::DiskFull) => {
            "the disk is full; nothing was appended, free some space and try again"
        }
        Some(ErrorCode::ReadOnly) => {
            "the file or its directory is read-only; change its permissions"
        }
        Some(ErrorCode::CannotOpen) => {
            "the file or its write-ahead log cannot be opened; check that the file exists and \
             that its directory is writable"
        }
        Some(ErrorCode::SystemIoFailure) => "reading or writing the disk failed; check the disk",
        Some(ErrorCode::TooBig) => {
            "a record is too large: more than 72 MiB to be read, 1 GB to be written"
        }
        Some(ErrorCode::OutOfMemory) => "memory is exhausted",
        _ => return error.to_string(),
    };
    format!("{advice} ({error})")
}
