//! Why a journal could not do what it was asked.

use std::io;
use std::path::PathBuf;

/// A journal could not be opened for writing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum OpenError {
    /// The directory does not exist and could not be created.
    #[error("cannot create the directory {path} for journals: {source}")]
    Directory { path: PathBuf, source: io::Error },
    /// The file could not be created.
    #[error("cannot create the journal {path}: {source}")]
    Create { path: PathBuf, source: io::Error },
    /// The file system has no advisory locks.
    #[error("cannot lock the journal {path}: {source}; a store must lie on a local file system")]
    Lock { path: PathBuf, source: io::Error },
}

/// An entry is not in the journal; entries before it and after it are not affected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum AppendError {
    /// The entry could not be written, for example because the disk is full.
    #[error("cannot write to the journal {path}: {source}")]
    Write { path: PathBuf, source: io::Error },
    /// The text is longer than an entry may be.
    #[error("a text of {length} bytes is too long for the journal; the limit is {limit}")]
    TooLong { length: usize, limit: usize },
    /// The journal was closed.
    #[error("the journal in {directory} is closed")]
    Closed { directory: PathBuf },
}

/// The journal takes more room than it needs; nothing is lost, and the next commit tries again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum TrimError {
    /// The note of what is committed, or what has to be kept of an old segment, could not be
    /// written to the current one.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// A new segment could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An old segment could not be deleted.
    #[error("cannot delete the journal {path}: {source}")]
    Remove { path: PathBuf, source: io::Error },
}

/// A journal of a dead process could not be recovered. It stays for the next attempt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum JournalError {
    /// It could not be opened, locked or read.
    #[error("cannot read the journal {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    /// A later version of this library wrote it.
    #[error(
        "the journal {path} has version {found} of the format and {} is known here; \
         recover it with the version of capsules that wrote it",
        super::entry::VERSION
    )]
    Version { path: PathBuf, found: u32 },
    /// What it holds was delivered, but the file could not be deleted or, if it is damaged,
    /// renamed.
    #[error("cannot remove the recovered journal {path}: {source}")]
    Remove { path: PathBuf, source: io::Error },
}

/// The directory of the journals cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("cannot list the journals in {path}: {source}")]
pub(crate) struct ListError {
    pub(crate) path: PathBuf,
    pub(crate) source: io::Error,
}

/// Recovery stopped. Journals that were not recovered stay for the next attempt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RecoverError<E> {
    /// The directory of the journals cannot be listed.
    #[error(transparent)]
    List(#[from] ListError),
    /// What a journal held was not taken.
    #[error("cannot store what the journal {path} holds: {source}")]
    Deliver { path: PathBuf, source: E },
}
