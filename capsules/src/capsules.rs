//! The facade: an instance that owns storage, chain and seal.

use std::fmt;
use std::future::Future;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use capsules_core::verify::{Level, Report, TrustedKeys, Verifier};
use capsules_core::{Filter, Keyring, Seal, SealedRecord, Storage, Uuid};

use crate::builder::Builder;
use crate::default::Installed;
use crate::error::Error;
use crate::recorder::{Backend, Recorder, Settings, Source};
use crate::reply::Reply;
use crate::scope::{Scope, Scoped};
use crate::stats::Stats;
use crate::tenant::Tenant;

/// How long a reader waits for what was accepted before it.
const READ_AFTER: Duration = Duration::from_secs(30);

/// An audit trail: a store, the chain in it, and the seal that signs.
///
/// Cheap to clone; the clones share everything. Audited functions record to the instance that
/// they name, else to the one that the task is bound to by [`scope`](Self::scope), else to the
/// one that was [installed](Self::install), else to `Capsules::new()`, opened when the first of
/// them is called.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("audit.db");
/// use capsules::{Capsules, Filter};
///
/// #[capsules::audit(type = "tool")]
/// fn add(a: i32, b: i32) -> i32 {
///     a + b
/// }
///
/// let capsules = Capsules::builder().path(&path).data_dir(directory.path()).build()?;
/// let sum = capsules.scope_sync(|| add(1, 2));
/// assert_eq!(sum, 3);
/// assert_eq!(capsules.count(Filter::new()).wait()?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Capsules {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Backend,
    recorder: Arc<Recorder>,
}

impl Inner {
    fn trusted_keys(&self) -> Result<TrustedKeys, Error> {
        let Backend { seal, data_dir, .. } = &self.backend;
        Ok(match data_dir {
            // Read again each time: another process may have rotated the key.
            Some(dir) => TrustedKeys::keyring(Keyring::read(dir)?),
            None => TrustedKeys::only([seal.public_key()]),
        })
    }

    fn verifier(&self, level: Level) -> Result<Verifier, Error> {
        Ok(Verifier::new(level).keys(self.trusted_keys()?))
    }
}

impl fmt::Debug for Capsules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capsules")
            .field("location", &self.storage().location())
            .finish()
    }
}

impl Capsules {
    /// Opens the default store, `capsules.db` in the data directory: `$QUANTUMPIPES_DATA_DIR`,
    /// or `.quantumpipes` in the home directory. Makes the directory, the key and the store on
    /// first use.
    ///
    /// # Errors
    ///
    /// [`Error`] naming the file that cannot be opened, and what to do.
    #[cfg(feature = "sqlite")]
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// Opens the store at a location with the key of the default data directory: the path of a
    /// SQLite file, or, with the feature `postgres`, a `postgresql://` URL as other PostgreSQL
    /// clients take it. A server need not be reachable yet, see [`Builder::build`].
    ///
    /// # Errors
    ///
    /// [`Error`] naming the location without a password, and what to do.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub fn open(location: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::builder().path(location).build()
    }

    /// Opens an instance step by step.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn start(backend: Backend, settings: Settings) -> Result<Self, Error> {
        let recorder = Recorder::start(Source::Open(backend.clone()), settings)?;
        Ok(Self {
            inner: Arc::new(Inner { backend, recorder }),
        })
    }

    pub(crate) fn recorder(&self) -> &Arc<Recorder> {
        &self.inner.recorder
    }

    /// The store. Its calls block.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.inner.backend.storage
    }

    /// The seal.
    pub fn seal(&self) -> &Seal {
        &self.inner.backend.seal
    }

    /// The keys whose signatures count: those of the data directory's keyring, read now, or the
    /// signer's key where one was given to the builder.
    ///
    /// # Errors
    ///
    /// [`Error`] when the keyring cannot be read.
    pub fn trusted_keys(&self) -> Result<TrustedKeys, Error> {
        self.inner.trusted_keys()
    }

    /// Makes this the process's default, until the guard is dropped. The drop waits, for at most
    /// ten seconds, until what was accepted is committed.
    pub fn install(&self) -> Installed {
        Installed::new(Arc::clone(self.recorder()))
    }

    /// Binds every audited call inside the future to this instance.
    pub fn scope<F: Future>(&self, future: F) -> Scoped<F> {
        Scoped::new(Some(self.bind()), future)
    }

    /// Binds every audited call inside the closure to this instance.
    pub fn scope_sync<R>(&self, run: impl FnOnce() -> R) -> R {
        self.bind().run(run)
    }

    fn bind(&self) -> Scope {
        Scope {
            recorder: Some(Arc::clone(self.recorder())),
            ..Scope::current()
        }
    }

    /// The records that the filter selects, after a [`flush`](Self::flush).
    pub fn list(&self, filter: Filter) -> Reply<Vec<SealedRecord>> {
        self.read(move |inner| Ok(inner.backend.storage.list(&filter)?))
    }

    /// The record with this id, after a [`flush`](Self::flush).
    pub fn get(&self, id: Uuid) -> Reply<Option<SealedRecord>> {
        self.read(move |inner| Ok(inner.backend.storage.get(&id)?))
    }

    /// The first record that the filter selects, after a [`flush`](Self::flush).
    pub(crate) fn read_first(&self, filter: Filter) -> Reply<Option<SealedRecord>> {
        let filter = filter.limit(1);
        self.read(move |inner| Ok(inner.backend.storage.list(&filter)?.pop()))
    }

    /// How many records the filter selects, after a [`flush`](Self::flush).
    pub fn count(&self, filter: Filter) -> Reply<u64> {
        self.read(move |inner| Ok(inner.backend.storage.count(&filter)?))
    }

    /// Verifies the chain, after a [`flush`](Self::flush), with the keys of the data directory's
    /// keyring, or the signer's key where one was given to the builder.
    ///
    /// A store that keeps several chains has every one of them verified.
    pub fn verify(&self, level: Level) -> Reply<Report> {
        self.read(move |inner| {
            let Backend { storage, .. } = &inner.backend;
            let chains = inner.verifier(level)?.verify_chains(&**storage)?;
            let report = Report::joined(chains.into_iter().map(|chain| chain.report));
            Ok(report.unwrap_or_else(|| Verifier::new(level).verify_records([])))
        })
    }

    pub(crate) fn verify_chain(&self, level: Level, tenant: String) -> Reply<Report> {
        self.read(move |inner| {
            let Backend { storage, .. } = &inner.backend;
            let chain = storage.chain_of(Some(&tenant));
            Ok(inner.verifier(level)?.verify(&**storage, chain)?)
        })
    }

    /// What belongs to one tenant, and nothing else.
    pub fn tenant(&self, id: impl Into<String>) -> Tenant {
        Tenant::new(self.clone(), id.into())
    }

    /// Answers when everything that was accepted before this call is committed, or with the
    /// store's error when it fails meanwhile. What could not be committed is tried again.
    pub fn flush(&self) -> Reply<()> {
        self.inner.recorder.flush()
    }

    /// Flushes and waits, at most for this time. Gives what was recorded so far.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] when capsules are not committed by then, at once when the store fails.
    /// They stay in the journal.
    pub fn flush_timeout(&self, timeout: Duration) -> Result<Stats, Error> {
        self.inner.recorder.flush_within(timeout)
    }

    /// Takes no more capsules, commits what was accepted and releases the store, waiting at most
    /// for this time. Gives what was recorded. Other handles on this instance are closed too.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] when capsules are not committed by then. What is in the journal is
    /// recovered when the store is opened again.
    pub fn close(self, timeout: Duration) -> Result<Stats, Error> {
        self.inner.recorder.close(timeout)
    }

    /// What this instance has recorded so far.
    pub fn stats(&self) -> Stats {
        self.inner.recorder.stats()
    }

    /// Reads on a thread of its own: a long scan keeps neither the host's runtime nor the
    /// recorder waiting.
    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Inner) -> Result<T, Error> + Send + 'static,
    ) -> Reply<T> {
        if self.inner.recorder.is_forked() {
            // SQLite's connections must not be used across a fork.
            return Reply::ready(Err(Error::Forked));
        }
        let (answer, reply) = Reply::new();
        let inner = Arc::clone(&self.inner);
        let reader = thread::Builder::new()
            .name("capsules-read".to_owned())
            .spawn(move || {
                // What a failing store does not take cannot be read from it either.
                let _ = inner.recorder.flush_within(READ_AFTER);
                let result = read(&inner);
                // The caller may have dropped the reply.
                let _ = answer.send(result);
            });
        match reader {
            Ok(_) => reply,
            Err(error) => Reply::ready(Err(Error::Thread(Arc::new(error)))),
        }
    }
}
