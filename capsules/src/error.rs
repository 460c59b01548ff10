//! What can go wrong outside the audited functions.

use std::path::PathBuf;
use std::sync::Arc;

use capsules_core::canonical::CanonicalError;
use capsules_core::{DataDirError, KeyringError, SealError, StorageError};

/// Why an instance could not be opened, or a capsule not be recorded or read.
///
/// Cheap to clone, since every capsule of a batch that failed gets the same error.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no default data directory.
    #[error(transparent)]
    DataDir(Arc<DataDirError>),
    /// The key or the keyring could not be opened.
    #[error(transparent)]
    Seal(Arc<SealError>),
    /// The keyring could not be read.
    #[error(transparent)]
    Keyring(Arc<KeyringError>),
    /// The store refused.
    #[error(transparent)]
    Storage(Arc<StorageError>),
    /// The capsule has no canonical form.
    #[error("the capsule cannot be sealed: {0}")]
    Canonical(#[from] CanonicalError),
    /// The journals beside the store could not be read.
    #[error("cannot recover the journals in {}: {reason}", directory.display())]
    Journal {
        /// Where they lie.
        directory: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The capsule has no canonical form; the statistics say why.
    #[error("the capsule has no canonical form and cannot be sealed")]
    Unsealable,
    /// The location names a kind of store that this build does not have.
    #[error("cannot open `{location}`: {reason}")]
    Location {
        /// The location, without a password.
        location: String,
        /// Why, and what to do.
        reason: &'static str,
    },
    /// The recorder's thread could not be started.
    #[error("the recorder's thread could not be started: {0}")]
    Thread(Arc<std::io::Error>),
    /// The instance was closed, or its recorder has ended.
    #[error("the instance is closed; open a new one to record")]
    Closed,
    /// The instance was opened before this process was forked.
    #[error(
        "the instance was opened before this process was forked; what it accepts here is in a \
         journal, and in the store when that is opened next after the end of this process"
    )]
    Forked,
    /// The store or the signer panicked.
    #[error("the store or the signer panicked; the capsules are kept and tried again")]
    Panicked,
    /// The time-out passed first, or the store fails. What is in the journal is kept.
    #[error("{waiting} capsules could not be committed in time")]
    TimedOut {
        /// How many capsules were accepted and not yet committed.
        waiting: u64,
    },
}

macro_rules! shared {
    ($($source:ty => $variant:ident,)*) => {$(
        impl From<$source> for Error {
            fn from(error: $source) -> Self {
                Self::$variant(Arc::new(error))
            }
        }
    )*};
}

shared! {
    DataDirError => DataDir,
    SealError => Seal,
    KeyringError => Keyring,
    StorageError => Storage,
}
