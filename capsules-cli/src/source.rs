//! Where the commands that read capsules find them.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use capsules_core::storage::SqliteStorage;

use crate::args::DataDirArgs;
use crate::input::Input;
use crate::{CliError, Result};

/// The choice between an export and a store.
#[derive(Debug, clap::Args)]
pub(crate) struct SourceArgs {
    /// An export: a JSON array of sealed records, a single one, or one on each line; - for
    /// standard input
    #[arg(conflicts_with_all = ["db", "pg"])]
    file: Option<Input>,

    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// The choice of a store.
#[derive(Debug, clap::Args)]
pub(crate) struct StoreArgs {
    /// A SQLite store; it is opened for reading only [default: capsules.db in the data directory]
    #[arg(long, value_name = "PATH")]
    db: Option<PathBuf>,

    /// Refused with a message until the PostgreSQL store exists.
    #[arg(long, value_name = "URL", hide = true, conflicts_with = "db")]
    pg: Option<String>,

    #[command(flatten)]
    pub(crate) data_dir: DataDirArgs,
}

/// A place that holds sealed records.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Export(Input),
    Store(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Export(input) => input.fmt(f),
            Self::Store(path) => path.display().fmt(f),
        }
    }
}

impl SourceArgs {
    pub(crate) fn resolve(&self) -> Result<Source> {
        match &self.file {
            Some(Input::File(path)) if is_sqlite(path) => Ok(Source::Store(path.clone())),
            Some(input) => Ok(Source::Export(input.clone())),
            None => Ok(Source::Store(self.store.path()?)),
        }
    }
}

impl StoreArgs {
    pub(crate) fn path(&self) -> Result<PathBuf> {
        match (&self.db, &self.pg) {
            (_, Some(_)) => Err(CliError::Postgres),
            (Some(path), None) => Ok(path.clone()),
            (None, None) => {
                let path = self.data_dir.resolve()?.database();
                if path.exists() {
                    Ok(path)
                } else {
                    Err(CliError::NoStore { path })
                }
            }
        }
    }
}

/// Opens a store so that looking never changes it.
pub(crate) fn open(path: &Path) -> Result<SqliteStorage> {
    Ok(SqliteStorage::open_read_only(path)?)
}

/// Whether the file begins as every SQLite file does (<https://sqlite.org/fileformat.html>).
fn is_sqlite(path: &Path) -> bool {
    let mut magic = [0; 16];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut magic))
        .is_ok()
        && magic == *b"SQLite format 3\0"
}
