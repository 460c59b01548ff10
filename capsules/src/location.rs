//! Where an instance keeps its chain, and the journals of what is on its way there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use capsules_core::{DataDir, Storage};

use crate::error::Error;
use crate::journal;

/// The place that a builder was given.
pub(crate) enum Location {
    /// A store of the application's own.
    Given(Arc<dyn Storage>),
    /// The file of a SQLite database.
    File(PathBuf),
    /// A URL of another kind of store.
    Url(String),
}

impl Location {
    /// Reads what was given as a path: a URL would become a file of that name.
    pub(crate) fn parse(path: PathBuf) -> Self {
        match path.to_str() {
            Some(text) if text.contains("://") => Self::Url(text.to_owned()),
            _ => Self::File(path),
        }
    }

    /// Opens the store; with `may_be_away` also one whose server cannot be reached yet.
    pub(crate) fn open(&self, may_be_away: bool) -> Result<Arc<dyn Storage>, Error> {
        match self {
            Self::Given(storage) => Ok(Arc::clone(storage)),
            Self::File(path) => open_file(path),
            Self::Url(url) => open_url(url, may_be_away),
        }
    }

    /// The directory of the journals; none for a store of the application's own.
    pub(crate) fn journals(
        &self,
        data_dir: impl FnOnce() -> Result<DataDir, Error>,
    ) -> Result<Option<PathBuf>, Error> {
        let local = self.local(data_dir)?;
        Ok(local.map(|local| journal::directory_for(&local)))
    }

    /// The path beside which everything lies that this machine keeps for the store; none for a
    /// store of the application's own.
    ///
    /// Of a server it is in the data directory, with a name that is made of the URL without its
    /// password.
    pub(crate) fn local(
        &self,
        data_dir: impl FnOnce() -> Result<DataDir, Error>,
    ) -> Result<Option<PathBuf>, Error> {
        Ok(match self {
            Self::Given(_) => None,
            Self::File(path) => Some(path.clone()),
            Self::Url(url) => {
                let name = server_name(url)?;
                Some(data_dir()?.path().join(name))
            }
        })
    }
}

#[cfg(feature = "sqlite")]
fn open_file(path: &Path) -> Result<Arc<dyn Storage>, Error> {
    Ok(Arc::new(capsules_core::storage::SqliteStorage::open(path)?))
}

#[cfg(not(feature = "sqlite"))]
fn open_file(path: &Path) -> Result<Arc<dyn Storage>, Error> {
    Err(Error::Location {
        location: path.display().to_string(),
        reason: "the feature `sqlite` is off; give a store to the builder",
    })
}

fn is_postgres(url: &str) -> bool {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    matches!(scheme.split('+').next(), Some("postgres" | "postgresql"))
}

fn refuse(url: &str) -> Error {
    let scheme = url.split_once("://").map_or(url, |(scheme, _)| scheme);
    Error::Location {
        location: format!("{scheme}://…"),
        reason: if is_postgres(url) {
            "the feature `postgres` is off; enable it"
        } else {
            "it is neither the path of a SQLite file nor a postgresql:// URL; give another store \
             to `Capsules::builder().storage(..)`"
        },
    }
}

#[cfg(feature = "postgres")]
fn open_url(url: &str, may_be_away: bool) -> Result<Arc<dyn Storage>, Error> {
    if !is_postgres(url) {
        return Err(refuse(url));
    }
    let options = capsules_postgres::PostgresOptions::new().may_be_away(may_be_away);
    Ok(Arc::new(options.open(url)?))
}

#[cfg(not(feature = "postgres"))]
fn open_url(url: &str, _may_be_away: bool) -> Result<Arc<dyn Storage>, Error> {
    Err(refuse(url))
}

#[cfg(feature = "postgres")]
fn server_name(url: &str) -> Result<String, Error> {
    if !is_postgres(url) {
        return Err(refuse(url));
    }
    let fingerprint = capsules_postgres::fingerprint(url)?;
    Ok(format!("postgresql-{fingerprint}"))
}

#[cfg(not(feature = "postgres"))]
fn server_name(url: &str) -> Result<String, Error> {
    Err(refuse(url))
}
