//! What is served, and how.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRequestParts;
use capsules::Capsules;
use capsules_core::Storage;
use capsules_core::index::{Index, Part};
use capsules_core::stats::Stats;
use capsules_core::verify::TrustedKeys;
use http::StatusCode;
use http::request::Parts;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::blocking::Blocking;
use crate::carried::Carried;
use crate::indexes::Indexed;
use crate::problem::Problem;
use crate::routes;
use crate::verdicts::Verdicts;
use crate::view::View;

type Hook = dyn Fn(&Parts) -> Option<String> + Send + Sync;
type Keys = dyn Fn() -> Result<TrustedKeys, capsules::Error> + Send + Sync;

/// The endpoints, set up step by step.
#[must_use = "call `into_router`"]
pub struct Api {
    storage: Arc<dyn Storage>,
    keys: Arc<Keys>,
    tenant: Option<Arc<Hook>>,
    timeout: Duration,
    reads: usize,
    verifications: usize,
    verdict_age: Duration,
    streams: usize,
    index: Option<PathBuf>,
}

impl Api {
    /// Shows what an instance has committed, and verifies with its keys.
    pub fn new(capsules: &Capsules) -> Self {
        let storage = Arc::clone(capsules.storage());
        let capsules = capsules.clone();
        Self::with(storage, Arc::new(move || capsules.trusted_keys()))
    }

    /// Shows a store that somebody else records to, and verifies with these keys.
    pub fn of_store(storage: Arc<dyn Storage>, keys: TrustedKeys) -> Self {
        Self::with(storage, Arc::new(move || Ok(keys.clone())))
    }

    fn with(storage: Arc<dyn Storage>, keys: Arc<Keys>) -> Self {
        Self {
            storage,
            keys,
            tenant: None,
            timeout: Duration::from_secs(30),
            reads: 4,
            verifications: 1,
            verdict_age: Duration::from_secs(60),
            streams: 64,
            index: None,
        }
    }

    /// Limits every route to the records of the caller's tenant, which `hook` reads from a request,
    /// usually from an extension that the application's authentication has put there. A request of
    /// which it knows no tenant is refused with 403.
    pub fn tenant(
        mut self,
        hook: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.tenant = Some(Arc::new(hook));
        self
    }

    /// Answers with 503 what takes longer than this, instead of 30 seconds. Streams and verifications
    /// are not limited by it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Reads the store for this many requests at once instead of four. Others wait.
    pub fn concurrent_reads(mut self, reads: usize) -> Self {
        self.reads = reads;
        self
    }

    /// Verifies this many chains at once instead of one; each uses all cores. Others wait.
    pub fn concurrent_verifications(mut self, verifications: usize) -> Self {
        self.verifications = verifications;
        self
    }

    /// Gives a verdict again, with its age, for this long instead of a minute, to requests that do
    /// not say `Cache-Control: no-cache`.
    pub fn verdict_age(mut self, age: Duration) -> Self {
        self.verdict_age = age;
        self
    }

    /// Serves this many streams of events at once instead of 64. Others are refused with 503.
    pub fn concurrent_streams(mut self, streams: usize) -> Self {
        self.streams = streams;
        self
    }

    /// Keeps the index that trees, sessions and searches are found with in this file, and not in
    /// memory. It can be shared with the command line, which keeps it at
    /// [`Index::beside`](capsules_core::index::Index::beside) the store.
    pub fn index(mut self, path: impl Into<PathBuf>) -> Self {
        self.index = Some(path.into());
        self
    }

    /// The router, to nest into an application.
    pub fn into_router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let timeout = self.timeout;
        let shared = Shared {
            reads: Blocking::new(self.reads),
            verdicts: Arc::new(Verdicts::new(self.verifications, self.verdict_age)),
            scans: Blocking::new(SCANS),
            searches: Blocking::new(1),
            totals: Carried::new(TOTALS),
            stats: Carried::new(STATS),
            index: Indexed::new(self.index),
            streams: Arc::new(Semaphore::new(self.streams)),
            storage: self.storage,
            keys: self.keys,
            tenant: self.tenant,
        };
        routes::router(Arc::new(shared), timeout)
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api")
            .field("location", &self.storage.location())
            .field("limited_to_tenants", &self.tenant.is_some())
            .field("timeout", &self.timeout)
            .field("concurrent_reads", &self.reads)
            .finish_non_exhaustive()
    }
}

/// So many requests at once read whole chains.
const SCANS: usize = 2;

/// For as many filters the figures are remembered.
const STATS: usize = 8;

/// For as many filters it is remembered how many records they select.
const TOTALS: usize = 256;

/// What the routes share.
pub(crate) struct Shared {
    pub(crate) reads: Blocking,
    /// For what reads whole chains.
    pub(crate) scans: Blocking,
    /// For what needs the index, which one can use at a time.
    searches: Blocking,
    pub(crate) verdicts: Arc<Verdicts>,
    /// How many records filters select.
    pub(crate) totals: Carried<u64>,
    pub(crate) stats: Carried<Arc<Stats>>,
    index: Indexed,
    streams: Arc<Semaphore>,
    storage: Arc<dyn Storage>,
    keys: Arc<Keys>,
    tenant: Option<Arc<Hook>>,
}

impl Shared {
    /// What a caller sees who asks for a tenant, or for everything.
    pub(crate) fn view(&self, caller: &Caller, tenant: Option<&str>) -> Result<View, Problem> {
        let tenant = match (&caller.tenant, tenant) {
            (Some(own), Some(other)) if own != other => {
                return Err(Problem::new(
                    StatusCode::FORBIDDEN,
                    "`tenant_id` names another tenant than the caller's",
                ));
            }
            (own, other) => own.as_deref().or(other),
        };
        Ok(View::new(Arc::clone(&self.storage), tenant))
    }

    /// A place for one more stream, as long as it is kept.
    pub(crate) fn stream(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let place = Arc::clone(&self.streams).try_acquire_owned();
        place.map_err(|_| Problem::busy("Too many streams of events are open", 10))
    }

    /// Uses the index of the store, brought up to date.
    pub(crate) async fn search<T: Send + 'static>(
        self: &Arc<Self>,
        part: Part,
        work: impl FnOnce(&Index) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let shared = Arc::clone(self);
        let search = move || shared.index.with(part, &*shared.storage, work);
        self.searches.run(search).await
    }

    /// The keys whose signatures count. Reads files.
    pub(crate) fn keys(&self) -> Result<TrustedKeys, Problem> {
        (self.keys)().map_err(|error| Problem::internal(&error))
    }
}

/// Who asks, as far as the application's hook says.
#[derive(Debug)]
pub(crate) struct Caller {
    /// Whose records alone may be shown; `None` where no hook limits that.
    tenant: Option<String>,
}

impl FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let Some(hook) = &shared.tenant else {
            return Ok(Self { tenant: None });
        };
        match hook(parts) {
            Some(tenant) => Ok(Self {
                tenant: Some(tenant),
            }),
            None => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "The request belongs to no tenant",
            )),
        }
    }
}
