//! Opening an instance step by step.

#[cfg(feature = "sqlite")]
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

#[cfg(feature = "sqlite")]
use capsules_core::storage::SqliteStorage;
use capsules_core::{DataDir, Seal, Signer, Storage};

use crate::capsules::{Capsules, TEXT_LIMIT};
use crate::error::Error;
use crate::recorder::Backend;

/// Opens an instance step by step; made by [`Capsules::builder`].
///
/// ```
/// use capsules::{Capsules, storage::MemoryStorage};
///
/// # let directory = tempfile::tempdir()?;
/// let capsules = Capsules::builder()
///     .storage(MemoryStorage::new())
///     .data_dir(directory.path())
///     .text_limit(2_000)
///     .build()?;
/// # Ok::<(), capsules::Error>(())
/// ```
#[derive(Default)]
#[must_use = "call `build` to open the instance"]
pub struct Builder {
    path: Option<PathBuf>,
    data_dir: Option<PathBuf>,
    storage: Option<Arc<dyn Storage>>,
    signer: Option<Arc<dyn Signer>>,
    text_limit: Option<usize>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("path", &self.path)
            .field("data_dir", &self.data_dir)
            .field("signer", &self.signer)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// The SQLite file; by default `capsules.db` in the data directory.
    #[cfg(feature = "sqlite")]
    pub fn path(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The directory of the key, the keyring and the default store, instead of
    /// `$QUANTUMPIPES_DATA_DIR` or `~/.quantumpipes`.
    pub fn data_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(directory.into());
        self
    }

    /// A store of your own instead of SQLite.
    pub fn storage(mut self, storage: impl Storage + 'static) -> Self {
        self.storage = Some(Arc::new(storage));
        self
    }

    /// A key that lives elsewhere instead of the data directory's.
    pub fn signer(mut self, signer: impl Signer + 'static) -> Self {
        self.signer = Some(Arc::new(signer));
        self
    }

    /// Cuts captured texts at this many characters instead of 500.
    pub fn text_limit(mut self, characters: usize) -> Self {
        self.text_limit = Some(characters);
        self
    }

    /// Opens the instance.
    ///
    /// # Errors
    ///
    /// [`Error`] naming the file that cannot be opened, and what to do.
    pub fn build(self) -> Result<Capsules, Error> {
        let text_limit = self.text_limit.unwrap_or(TEXT_LIMIT);
        Capsules::start(self.open()?, text_limit)
    }

    pub(crate) fn open(self) -> Result<Backend, Error> {
        let data_dir = || match &self.data_dir {
            Some(path) => DataDir::new(path),
            None => DataDir::from_env(),
        };
        let (seal, keys) = match self.signer {
            Some(signer) => (Seal::with_signer(signer), None),
            None => {
                let dir = data_dir()?;
                (Seal::open(&dir)?, Some(dir))
            }
        };
        let storage = match (self.storage, self.path) {
            (Some(storage), _) => storage,
            #[cfg(feature = "sqlite")]
            (None, Some(path)) => {
                refuse_urls(&path)?;
                Arc::new(SqliteStorage::open(path)?)
            }
            #[cfg(feature = "sqlite")]
            (None, None) => Arc::new(SqliteStorage::open(data_dir()?.database())?),
            #[cfg(not(feature = "sqlite"))]
            (None, _) => {
                return Err(Error::Location {
                    location: "the default store".to_owned(),
                    reason: "the feature `sqlite` is off; give a store to the builder",
                });
            }
        };
        Ok(Backend {
            storage,
            seal: Arc::new(seal),
            data_dir: keys,
        })
    }
}

/// A URL would become a file of that name.
#[cfg(feature = "sqlite")]
fn refuse_urls(path: &Path) -> Result<(), Error> {
    let text = path.to_string_lossy();
    let Some((scheme, _)) = text.split_once("://") else {
        return Ok(());
    };
    Err(Error::Location {
        location: format!("{scheme}://…"),
        reason: "only paths of SQLite files can be opened; give another store to \
                 `Capsules::builder().storage(..)`",
    })
}
