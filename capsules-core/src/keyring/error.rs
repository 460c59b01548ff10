//! What can be wrong with the files of the keys.

use std::io;
use std::path::{Path, PathBuf};

/// Why the keys of a data directory could not be read or changed.
///
/// A file that cannot be understood is never overwritten.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// The file system refused.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key file has the wrong length.
    #[error(
        "the key file {} holds {found} bytes instead of {expected}; restore it from a backup, or \
         move it away to begin with a new key",
        .path.display()
    )]
    KeyLength {
        /// The key file.
        path: PathBuf,
        /// The bytes that it holds.
        found: u64,
        /// The bytes of such a key.
        expected: usize,
    },
    /// The keyring is not the JSON document of the protocol.
    #[error(
        "the keyring {} cannot be understood: {reason}; restore it from a backup, it names the \
         keys that earlier records were signed with",
        .path.display()
    )]
    Malformed {
        /// The keyring.
        path: PathBuf,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// The keyring has another version.
    #[error(
        "the keyring {} has version {found}, and this program knows version 1; use a newer program",
        .path.display()
    )]
    Version {
        /// The keyring.
        path: PathBuf,
        /// The version that it states.
        found: String,
    },
    /// A post-quantum key file does not fit the other.
    #[error(
        "the post-quantum key files {} and {} do not belong together: {reason}; restore both from \
         a backup, or move both away to begin with new keys",
        .secret.display(),
        .public.display()
    )]
    PqMismatch {
        /// The secret key's file.
        secret: PathBuf,
        /// The public key's file.
        public: PathBuf,
        /// What does not fit.
        reason: &'static str,
    },
    /// A keyring of other keys cannot be put there.
    #[error(
        "the keys of {} are in use: {reason}; choose another data directory",
        .path.display()
    )]
    Occupied {
        /// The file that is there.
        path: PathBuf,
        /// Why it is kept.
        reason: String,
    },
    /// The cryptographic library or the system's random numbers failed.
    #[error("cannot make or load the key {}: {reason}", .path.display())]
    Crypto {
        /// The key file.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
}

impl KeyringError {
    /// An error of the file system, for `map_err`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }
}
