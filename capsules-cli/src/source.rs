//! Where the commands that read capsules find them.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use capsules_core::storage::{SqliteStorage, Storage};

use crate::args::Global;
use crate::input::Input;
use crate::{CliError, Result};

/// A place that holds sealed records.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Export(Input),
    Store(PathBuf),
}

impl Source {
    /// The file that was given, which may be a store itself, or else the store.
    pub(crate) fn resolve(file: Option<&Input>, global: &Global) -> Result<Self> {
        match file {
            Some(_) if global.names_store() => Err(CliError::TwoSources),
            Some(Input::File(path)) if is_sqlite(path) => Ok(Self::Store(path.clone())),
            Some(input) => Ok(Self::Export(input.clone())),
            None => Ok(Self::Store(store_path(global)?)),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Export(input) => input.fmt(f),
            Self::Store(path) => path.display().fmt(f),
        }
    }
}

/// The file of the store, which is there if it is the default one.
pub(crate) fn store_path(global: &Global) -> Result<PathBuf> {
    let path = global.database()?;
    if global.names_store() || path.exists() {
        Ok(path)
    } else {
        Err(CliError::NoStore { path })
    }
}

/// Opens a store so that looking never changes it.
pub(crate) fn open(path: &Path) -> Result<SqliteStorage> {
    Ok(SqliteStorage::open_read_only(path)?)
}

/// How many capsules the chain has, as far as its head can be read.
pub(crate) fn chain_length(store: &dyn Storage) -> Option<u64> {
    let head = store.head(None).ok()??;
    head.sequence.checked_add(1)
}

/// Whether the file begins as every SQLite file does (<https://sqlite.org/fileformat.html>).
pub(crate) fn is_sqlite(path: &Path) -> bool {
    let mut magic = [0; 16];
    // What was read from a pipe would be lost.
    path.is_file()
        && File::open(path)
            .and_then(|mut file| file.read_exact(&mut magic))
            .is_ok()
        && magic == *b"SQLite format 3\0"
}
