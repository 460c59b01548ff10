//! The process's default instance: the installed one, or the default store.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use capsules_core::{Draft, OutcomeStatus};

use crate::builder::Builder;
use crate::recorder::{Recorder, Source, system_capsule};
use crate::stats::Stats;

/// How long dropping the guard waits for what was accepted.
const DROP_TIMEOUT: Duration = Duration::from_secs(10);

/// Without a lock, since one that is held at a fork stays so in the child.
static DEFAULT: ArcSwapOption<Recorder> = ArcSwapOption::const_empty();

/// Keeps an instance installed as the process's default; made by
/// [`Capsules::install`](crate::Capsules::install).
///
/// Its drop waits, for at most ten seconds, until what was accepted is committed, and puts the
/// default before it back.
#[must_use = "dropping the guard ends the installation; bind it to a variable such as `_guard`"]
pub struct Installed {
    recorder: Arc<Recorder>,
    previous: Option<Arc<Recorder>>,
}

impl std::fmt::Debug for Installed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Installed").finish_non_exhaustive()
    }
}

impl Installed {
    pub(crate) fn new(recorder: Arc<Recorder>) -> Self {
        let previous = DEFAULT.swap(Some(Arc::clone(&recorder)));
        Self { recorder, previous }
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        // Guards may be dropped in any order: a later installation stays.
        DEFAULT.compare_and_swap(&Some(Arc::clone(&self.recorder)), self.previous.take());
        // What could not be committed in time stays in the statistics.
        let _ = self.recorder.flush_within(DROP_TIMEOUT);
    }
}

/// What the process's default instance has recorded so far, including capsules that were lost
/// because the default store cannot be opened. All zero before the first audited call.
pub fn stats() -> Stats {
    let default = DEFAULT.load();
    default
        .as_ref()
        .map(|recorder| recorder.stats())
        .unwrap_or_default()
}

/// The recorder that audited calls use when nothing is bound. Its store is opened by its own
/// thread, so the first call waits for no file. `None` when no thread can be started.
pub(crate) fn default_recorder() -> Option<Arc<Recorder>> {
    if let Some(recorder) = DEFAULT.load_full() {
        return Some(recorder);
    }
    match Recorder::start(
        Source::Lazy(|| Builder::default().open()),
        Builder::default().settings(),
    ) {
        Ok(recorder) => {
            // Of threads that come here at once, the first decides.
            DEFAULT.compare_and_swap(&None::<Arc<Recorder>>, Some(recorder));
        }
        Err(error) => tracing::error!(target: "capsules", %error, "nothing is recorded"),
    }
    DEFAULT.load_full()
}

/// Puts something of the recording itself on record, in the process's default instance if there is
/// one.
pub(crate) fn note_in_default(what: &str) {
    let Some(recorder) = DEFAULT.load_full() else {
        return;
    };
    let mut capsule = system_capsule(what);
    capsule.outcome.status = OutcomeStatus::Success;
    match Draft::new(&capsule) {
        Ok(draft) => recorder.accept(draft, recorder.settings().durability),
        Err(error) => recorder.reject(&capsule, &error.into()),
    }
}
