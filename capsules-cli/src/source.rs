//! Where the commands find capsules: a store that the command line names, or an export.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use capsules::recovery;
use capsules_core::storage::{SqliteStorage, Storage};

use crate::args::Global;
use crate::input::Input;
use crate::server::{self, Url};
use crate::waiting::Waiting;
use crate::{CliError, Result};

/// What a command that reads capsules was given.
pub(crate) enum Source {
    Export(Input),
    Store(Place),
}

impl Source {
    /// The file that was given, which may be a store itself, or else the store.
    pub(crate) fn resolve(file: Option<&Input>, global: &Global) -> Result<Self> {
        match file {
            Some(_) if global.names_store() => Err(CliError::TwoSources),
            Some(Input::File(path)) if is_sqlite(path) => {
                Ok(Self::Store(Place::File(path.clone())))
            }
            Some(input) => Ok(Self::Export(input.clone())),
            None => Ok(Self::Store(Place::existing(global)?)),
        }
    }
}

/// For messages; without a password.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Export(input) => input.fmt(f),
            Self::Store(place) => place.fmt(f),
        }
    }
}

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A SQLite file.
    File(PathBuf),
    /// A PostgreSQL database.
    Server(Url),
}

impl Place {
    /// The store that was named, or else the default one, which need not be there.
    pub(crate) fn named(global: &Global) -> Result<Self> {
        match (global.db(), global.pg()) {
            (Some(path), _) if Url::is_one(path) => Err(CliError::UrlAsPath),
            (Some(path), _) => Ok(Self::File(path.to_owned())),
            (None, Some(url)) => Ok(Self::Server(Url::parse(&url)?)),
            (None, None) => Ok(Self::File(global.data_dir()?.database())),
        }
    }

    /// The store that was named, or else the default one, which is there.
    pub(crate) fn existing(global: &Global) -> Result<Self> {
        match Self::named(global)? {
            Self::File(path) if !global.names_store() && !path.exists() => {
                Err(CliError::NoStore { path })
            }
            place => Ok(place),
        }
    }

    /// Opens it so that looking never changes it.
    pub(crate) fn open(&self) -> Result<Box<dyn Storage>> {
        Ok(match self {
            Self::File(path) => Box::new(SqliteStorage::open_read_only(path)?),
            Self::Server(url) => server::open_read_only(url)?,
        })
    }

    /// Opens it to append, and makes it where it does not exist.
    pub(crate) fn open_to_append(&self) -> Result<Box<dyn Storage>> {
        Ok(match self {
            Self::File(path) => Box::new(SqliteStorage::open(path)?),
            Self::Server(url) => server::open(url)?,
        })
    }

    /// What the recorder opens it by.
    pub(crate) fn as_path(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Server(url) => url.secret().into(),
        }
    }

    /// The path beside which this machine keeps what belongs to the store: journals and the index.
    pub(crate) fn local(&self, global: &Global) -> Result<PathBuf> {
        match self {
            Self::File(path) => Ok(path.clone()),
            Self::Server(_) => Ok(recovery::local(self.as_path(), &global.data_dir()?)?),
        }
    }

    /// The options that lead another command to the store, each with a space before it. A password
    /// is left out.
    pub(crate) fn options(&self, global: &Global) -> String {
        let is_default = match self {
            Self::File(path) => {
                let default = global.data_dir().map(|dir| dir.database());
                global.pg().is_none() && default.is_ok_and(|default| default == *path)
            }
            Self::Server(_) => global.pg_is_from_environment(),
        };
        let mut options = match is_default {
            true => String::new(),
            false => format!(" {}", self.option()),
        };
        if let Some(directory) = global.named_data_dir() {
            options += &format!(" --data-dir {}", quoted(&directory.to_string_lossy()));
        }
        options
    }

    /// The option that names the store.
    pub(crate) fn option(&self) -> String {
        match self {
            Self::File(path) => format!("--db {}", quoted(&path.to_string_lossy())),
            Self::Server(url) => format!("--pg {}", quoted(&url.to_string())),
        }
    }
}

/// For messages; without a password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Server(url) => url.fmt(f),
        }
    }
}

/// A store that is open for reading.
pub(crate) struct Store {
    place: Place,
    storage: Box<dyn Storage>,
}

impl Store {
    /// The store that was named, or else the default one.
    pub(crate) fn open(global: &Global) -> Result<Self> {
        Self::at(Place::existing(global)?)
    }

    pub(crate) fn at(place: Place) -> Result<Self> {
        let storage = place.open()?;
        Ok(Self { place, storage })
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn storage(&self) -> &dyn Storage {
        &*self.storage
    }

    /// What waits for it on this machine.
    pub(crate) fn waiting(&self, global: &Global) -> Waiting {
        Waiting::for_store(&self.place, global)
    }
}

/// Whether a store keeps a chain for each tenant.
pub(crate) fn keeps_chains(storage: &dyn Storage) -> bool {
    storage.chain_of(Some("any")).is_some()
}

/// How many capsules these chains have, as far as their heads can be read.
pub(crate) fn length(storage: &dyn Storage, chains: &[Option<String>]) -> Option<u64> {
    let of = |sequence: u64| sequence.saturating_add(1);
    match chains {
        [one] => {
            let head = storage.head(one.as_deref()).ok()?;
            Some(head.map_or(0, |head| of(head.sequence)))
        }
        several => {
            let heads = storage.heads().ok()?;
            let wanted = heads.iter().filter(|(chain, _)| several.contains(chain));
            Some(wanted.map(|(_, head)| of(head.sequence)).sum())
        }
    }
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

/// A word as a shell takes it.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=".contains(c);
    if text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
