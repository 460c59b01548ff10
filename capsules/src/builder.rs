//! Opening an instance step by step.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use capsules_core::{DataDir, Seal, Signer, Storage};
use serde_json::Value;

use crate::capsules::Capsules;
use crate::durability::{Durability, Overflow};
use crate::error::Error;
use crate::location::Location;
use crate::recorder::{Backend, Settings, recover_into};
use crate::recovery::Recovered;
use crate::redaction::Redact;

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
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
#[must_use = "call `build` to open the instance"]
pub struct Builder {
    path: Option<PathBuf>,
    data_dir: Option<PathBuf>,
    storage: Option<Arc<dyn Storage>>,
    signer: Option<Arc<dyn Signer>>,
    journals: Option<PathBuf>,
    settings: Settings,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("path", &self.path.as_deref().map(without_secrets))
            .field("data_dir", &self.data_dir)
            .field("signer", &self.signer)
            .finish_non_exhaustive()
    }
}

/// A URL may have a password, and is shown by its scheme alone.
fn without_secrets(path: &Path) -> String {
    let text = path.display().to_string();
    match text.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://…"),
        None => text,
    }
}

impl Builder {
    /// The SQLite file, by default `capsules.db` in the data directory; or a `postgresql://` URL,
    /// with the feature `postgres`.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
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
        self.settings.policy.limits.text = characters;
        self
    }

    /// Keeps of one argument, result or value about this many bytes of JSON instead of 64 KiB.
    pub fn size_limit(mut self, bytes: usize) -> Self {
        self.settings.policy.limits.bytes = bytes;
        self
    }

    /// Keeps this many levels of arrays and objects instead of 20.
    pub fn depth_limit(mut self, levels: usize) -> Self {
        self.settings.policy.limits.depth = levels;
        self
    }

    /// Looks at everything that a capsule would keep before it leaves the call, for the journal,
    /// the store or the capsule of the caller, and replaces what it must not keep.
    ///
    /// The closure is given the path of a field and its value: texts, and the JSON that a capsule
    /// holds, each array and object before what is in it. It returns the value to keep instead, or
    /// `None` to keep this one. Values that are longer than the limit of texts are cut after it has
    /// seen them. The paths of what was replaced are listed in
    /// `context.environment["capsules.redacted"]`.
    ///
    /// A value may come by more than once, so the closure must let pass what it has put there
    /// itself. When it panics the value is not kept. Identifiers of capsules, types, times and
    /// numbers that are no one's data are not shown to it.
    ///
    /// ```
    /// # use capsules::{Capsules, Filter, storage::MemoryStorage};
    /// # let directory = tempfile::tempdir()?;
    /// # let builder =
    /// #     Capsules::builder().storage(MemoryStorage::new()).data_dir(directory.path());
    /// let capsules = builder
    ///     .redact(|field, value| {
    ///         let named = field.ends_with(".password");
    ///         let looks_like_a_key = || value.as_str().is_some_and(|text| text.contains("sk-"));
    ///         (named || looks_like_a_key()).then(|| "[redacted]".into())
    ///     })
    ///     .build()?;
    ///
    /// #[capsules::audit(type = "auth")]
    /// fn check(user: &str, key: &str) -> Result<(), String> {
    ///     Err(format!("{user} may not use {key}"))
    /// }
    /// let error = capsules.scope_sync(|| check("ann", "sk-1234")).unwrap_err();
    /// assert_eq!(error, "ann may not use sk-1234");
    ///
    /// let capsule = capsules.list(Filter::new()).wait()?[0].capsule()?;
    /// assert_eq!(capsule.outcome.error.as_deref(), Some("[redacted]"));
    /// assert_eq!(capsule.context.environment["capsules.redacted"][0], "outcome.error");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn redact(
        mut self,
        redact: impl Fn(&str, &Value) -> Option<Value> + Send + Sync + 'static,
    ) -> Self {
        self.settings.policy.redact = Some(Redact::new(redact));
        self
    }

    /// How safely capsules are kept when a call returns, unless its attribute says otherwise.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.settings.durability = durability;
        self
    }

    /// How many capsules, and how many bytes of them, may wait to be committed: 65,536 and 64 MiB
    /// by default.
    pub fn queue(mut self, capsules: usize, bytes: usize) -> Self {
        self.settings.queue_count = capsules.max(1);
        self.settings.queue_bytes = bytes.max(1);
        self
    }

    /// What happens to calls while the queue is full.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.settings.overflow = overflow;
        self
    }

    /// The directory of the journals, by default beside the SQLite file, and in the data directory
    /// for a server. A store of your own has
    /// none unless it is given here; what was not committed dies with the process then.
    pub fn journals(mut self, directory: impl Into<PathBuf>) -> Self {
        self.journals = Some(directory.into());
        self
    }

    /// Opens the instance.
    ///
    /// A server that cannot be reached is no error: the recorder looks for it again and again, and
    /// the journal keeps what is recorded meanwhile. An error event, [`Stats::store_errors`] and
    /// [`Stats::last_error`] tell of it. Who wants to stop instead asks the store:
    ///
    /// ```no_run
    /// # use capsules::Capsules;
    /// let capsules = Capsules::builder().path("postgresql://recorder@db/audit").build()?;
    /// capsules.storage().prepare()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error`] naming the file that cannot be opened, or what the server refuses, and what to do.
    ///
    /// [`Stats::store_errors`]: crate::Stats::store_errors
    /// [`Stats::last_error`]: crate::Stats::last_error
    pub fn build(self) -> Result<Capsules, Error> {
        let settings = self.settings.clone();
        let (backend, journals) = self.open_with_journals(true)?;
        let settings = Settings {
            journals,
            ..settings
        };
        Capsules::start(backend, settings)
    }

    /// Recovers what processes that died have left in their journals, and opens nothing else.
    /// [`build`](Self::build) does the same in the background.
    ///
    /// # Errors
    ///
    /// [`Error`] naming the file that cannot be opened, or the store's error. What was not
    /// recovered stays in its journal.
    pub fn recover(self) -> Result<Recovered, Error> {
        self.recover_watched(&mut |_| {})
    }

    /// As [`recover`](Self::recover); `watch` is told from time to time how many capsules and
    /// starts of actions are on record.
    ///
    /// # Errors
    ///
    /// Those of [`recover`](Self::recover).
    pub fn recover_watched(self, watch: &mut dyn FnMut(u64)) -> Result<Recovered, Error> {
        let (backend, Some(journals)) = self.open_with_journals(false)? else {
            return Ok(Recovered::default());
        };
        let recovery = recover_into(&backend, &journals, watch)?;
        backend.storage.close()?;
        Ok(Recovered {
            journals: recovery.journals,
            accepted: recovery.accepted,
            started: recovery.started,
            damaged: recovery.damaged,
            failed: recovery.failed.iter().map(ToString::to_string).collect(),
        })
    }

    /// The store is opened first: it exists then, so that links to it lead to the same journals.
    fn open_with_journals(self, may_be_away: bool) -> Result<(Backend, Option<PathBuf>), Error> {
        let location = self.location()?;
        let storage = location.open(may_be_away)?;
        let journals = match &self.journals {
            Some(directory) => Some(directory.clone()),
            None => location.journals(|| self.directory())?,
        };
        Ok((self.seal(storage)?, journals))
    }

    /// The settings of an instance that is opened later.
    pub(crate) fn settings(&self) -> Settings {
        let beside = || self.location().ok()?.journals(|| self.directory()).ok()?;
        Settings {
            journals: self.journals.clone().or_else(beside),
            ..self.settings.clone()
        }
    }

    fn location(&self) -> Result<Location, Error> {
        Ok(match (&self.storage, &self.path) {
            (Some(storage), _) => Location::Given(Arc::clone(storage)),
            (None, Some(path)) => Location::parse(path.clone()),
            (None, None) => Location::File(self.directory()?.database()),
        })
    }

    fn directory(&self) -> Result<DataDir, Error> {
        Ok(match &self.data_dir {
            Some(path) => DataDir::new(path)?,
            None => DataDir::from_env()?,
        })
    }

    pub(crate) fn open(self) -> Result<Backend, Error> {
        let storage = self.location()?.open(true)?;
        self.seal(storage)
    }

    /// The store with the key that signs what goes there.
    fn seal(self, storage: Arc<dyn Storage>) -> Result<Backend, Error> {
        let (seal, data_dir) = match &self.signer {
            Some(signer) => (Seal::with_signer(Arc::clone(signer)), None),
            None => {
                let dir = self.directory()?;
                (Seal::open(&dir)?, Some(dir))
            }
        };
        Ok(Backend {
            storage,
            seal: Arc::new(seal),
            data_dir,
        })
    }
}
