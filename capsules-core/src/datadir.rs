//! The directory that holds the key, the keyring and the default store.

use std::path::{Path, PathBuf};

/// The data directory: `$QUANTUMPIPES_DATA_DIR`, or `.quantumpipes` in the home directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDir(PathBuf);

/// Why there is no data directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// The path has a `..` component.
    #[error("the data directory {0} must not contain `..`; give a plain or absolute path")]
    ParentComponent(PathBuf),
    /// The home directory is unknown.
    #[error("the home directory is unknown; set HOME or QUANTUMPIPES_DATA_DIR")]
    NoHome,
}

impl DataDir {
    /// The default directory of this process's environment.
    pub fn from_env() -> Result<Self, DataDirError> {
        todo!()
    }

    /// This directory. It need not exist yet.
    pub fn new(_path: impl Into<PathBuf>) -> Result<Self, DataDirError> {
        todo!()
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The Ed25519 seed, 32 raw bytes.
    pub fn key(&self) -> PathBuf {
        self.0.join("key")
    }

    /// The keyring.
    pub fn keyring(&self) -> PathBuf {
        self.0.join("keyring.json")
    }

    /// The SQLite store.
    pub fn database(&self) -> PathBuf {
        self.0.join("capsules.db")
    }
}
