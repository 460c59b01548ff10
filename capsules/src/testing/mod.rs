//! Tests of audited programs: a recorder in memory, and the sequence of capsules that it must hold.
//!
//! ```
//! use capsules::testing::{Recorder, agent, tool};
//!
//! #[capsules::audit(type = "tool")]
//! fn search(query: &str) -> Result<usize, String> {
//!     (!query.is_empty()).then_some(7).ok_or_else(|| "nothing to search".to_owned())
//! }
//!
//! #[capsules::audit(type = "agent")]
//! fn research(topic: &str) -> usize {
//!     search("").or_else(|_| search(topic)).unwrap_or_default()
//! }
//!
//! let recorder = Recorder::new();
//! assert_eq!(recorder.scope_sync(|| research("chains")), 7);
//!
//! // In the order in which they ended, and nothing else.
//! recorder.assert_sequence([
//!     tool("search").within("research").fails_with("nothing to search"),
//!     tool("search").within("research"),
//!     agent("research"),
//! ]);
//! ```
#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "a test is told what is wrong by a panic"
)]

mod difference;
mod expected;

use std::future::Future;

use capsules_core::storage::MemoryStorage;
use capsules_core::{Capsule, Filter, LocalSigner, SealedRecord};

use crate::builder::Builder;
use crate::capsules::Capsules;
use crate::scope::Scoped;

pub use expected::{
    Expected, Parent, agent, auth, chat, expect, kill, system, tool, vault, workflow,
};

/// Keeps in memory what is audited within its scope, for tests to look at.
///
/// Each test makes its own, so that they run side by side; nothing is written to any file, and the
/// key is the recorder's own. What happens outside of the scope, in spawned tasks and threads to
/// which it was not [carried](crate::InCurrentCapsule), goes elsewhere.
///
/// ```
/// use capsules::testing::{Recorder, tool};
///
/// #[capsules::audit(type = "tool")]
/// async fn fetch(url: &str) -> usize {
///     url.len()
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let recorder = Recorder::new();
/// let length = recorder.scope(fetch("https://example.org")).await;
///
/// recorder.assert_sequence([tool("fetch")]);
/// assert_eq!(recorder.capsules()[0].outcome.result, length);
/// # });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Recorder {
    capsules: Capsules,
}

impl Recorder {
    /// A recorder with the default settings.
    ///
    /// # Panics
    ///
    /// When the operating system gives no random numbers or no thread.
    #[track_caller]
    pub fn new() -> Self {
        Self::with(Capsules::builder())
    }

    /// A recorder with the program's own settings: its limits, or its rule of redaction. Store and
    /// signer are the recorder's.
    ///
    /// ```
    /// use capsules::testing::{Recorder, auth};
    /// use capsules::Capsules;
    ///
    /// #[capsules::audit(type = "auth")]
    /// fn login(user: &str) {}
    ///
    /// let rule = |field: &str, _: &_| (field == "trigger.request").then(|| "[user]".into());
    /// let recorder = Recorder::with(Capsules::builder().redact(rule));
    /// recorder.scope_sync(|| login("ann"));
    /// assert_eq!(recorder.capsules()[0].trigger.request, "[user]");
    /// ```
    ///
    /// # Panics
    ///
    /// Like [`new`](Self::new).
    #[track_caller]
    pub fn with(settings: Builder) -> Self {
        let signer = LocalSigner::generate().expect("random numbers for a key");
        let capsules = settings
            .storage(MemoryStorage::new())
            .signer(signer)
            .build()
            .expect("an instance in memory");
        Self { capsules }
    }

    /// The instance, for `#[audit(capsules = ..)]`, or to be
    /// [installed](Capsules::install) where what is tested spawns its own threads.
    pub fn instance(&self) -> &Capsules {
        &self.capsules
    }

    /// Records what is audited within the future.
    pub fn scope<F: Future>(&self, future: F) -> Scoped<F> {
        self.capsules.scope(future)
    }

    /// Records what is audited within the closure.
    pub fn scope_sync<R>(&self, run: impl FnOnce() -> R) -> R {
        self.capsules.scope_sync(run)
    }

    /// All that was recorded so far, in the order in which it ended. Waits for what has ended
    /// before; an action that still runs has no capsule yet.
    ///
    /// # Panics
    ///
    /// When the instance was closed.
    #[track_caller]
    pub fn capsules(&self) -> Vec<Capsule> {
        self.capsules.flush().wait().expect("an open instance");
        let records = self.capsules.list(Filter::new().oldest_first()).wait();
        let records = records.expect("a store in memory");
        let capsules = records.iter().map(SealedRecord::capsule);
        capsules.collect::<Result<_, _>>().expect("capsules")
    }

    /// Asserts that exactly these capsules were recorded, in this order: that of their ends, so
    /// children come before their parent.
    ///
    /// # Panics
    ///
    /// When others were recorded; the message shows the difference line by line.
    #[track_caller]
    pub fn assert_sequence(&self, expected: impl IntoIterator<Item = Expected>) {
        let expected: Vec<_> = expected.into_iter().collect();
        if let Some(difference) = difference::between(&expected, &self.capsules()) {
            panic!("{difference}");
        }
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}
