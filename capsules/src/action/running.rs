//! An action that runs for as long as its guard lives.

use std::fmt::Display;
use std::future::Future;
use std::thread;

use serde::Serialize;

use crate::active::CurrentCapsule;
use crate::call::Call;
use crate::reply::Reply;
use crate::scope::{Scope, Scoped};

use super::{ActionOutcome, Ended, Keep};

/// An action that has begun; made by [`Action::begin`](crate::Action::begin).
///
/// For what has no single function around it: the callbacks of a framework, or a connection. Its
/// capsule is the current one within [`scope`](Self::scope) and [`scope_sync`](Self::scope_sync)
/// alone; [`capsule`](Self::capsule) writes to it from anywhere.
///
/// A guard that is dropped before it was told how the action went leaves a capsule with the status
/// `partial`, `cancelled: …`, or `failure`, `panicked: …`, when the drop is part of a panic.
///
/// ```
/// # use capsules::{Capsules, Filter, OutcomeStatus, storage::MemoryStorage};
/// use capsules::CapsuleType;
///
/// # let directory = tempfile::tempdir()?;
/// # let capsules = Capsules::builder().storage(MemoryStorage::new()).data_dir(directory.path()).build()?;
/// let first = capsules.action(CapsuleType::Chat).source("first").begin();
/// let second = capsules.action(CapsuleType::Chat).source("second").begin();
/// first.capsule().model("gpt-4o");
/// first.fail("the peer is gone");
/// drop(second);
///
/// let records = capsules.list(Filter::new().oldest_first()).wait()?;
/// let statuses: Result<Vec<_>, _> = records.iter().map(|r| Ok(r.capsule()?.outcome.status)).collect();
/// # let statuses: Result<Vec<_>, Box<dyn std::error::Error>> = statuses;
/// assert_eq!(statuses?, [OutcomeStatus::Failure, OutcomeStatus::Partial]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropped, the action counts as cancelled; bind it to a variable"]
pub struct Running {
    /// Empty once the action has ended.
    call: Option<Call>,
    /// Whether it began in a destructor that a panic runs.
    unwinding: bool,
}

impl Running {
    pub(crate) fn begin(mut call: Call) -> Self {
        call.admit();
        Self {
            call: Some(call),
            unwinding: thread::panicking(),
        }
    }

    /// The action's capsule, to be enriched.
    pub fn capsule(&self) -> CurrentCapsule {
        let detached = || Scope {
            active: None,
            ..Scope::current()
        };
        CurrentCapsule {
            scope: self.own_scope().unwrap_or_else(detached),
        }
    }

    /// Runs a future as a part of the action. How it ends is not read.
    pub fn scope<F: Future>(&self, future: F) -> Scoped<F> {
        Scoped::new(self.own_scope(), future)
    }

    /// Runs a closure as a part of the action. How it ends is not read.
    pub fn scope_sync<R>(&self, run: impl FnOnce() -> R) -> R {
        match self.own_scope() {
            Some(scope) => scope.run(run),
            None => run(),
        }
    }

    /// The action succeeded with this result.
    pub fn succeed<T: Serialize + ?Sized>(self, result: &T) {
        self.end(|keep| keep.result(result));
    }

    /// The action failed.
    pub fn fail<E: Display + ?Sized>(self, error: &E) {
        self.end(|keep| keep.error(error));
    }

    /// The action ended as the value says. With
    /// [`Durability::Committed`](crate::Durability::Committed) this, [`succeed`](Self::succeed) and
    /// [`fail`](Self::fail) wait for the store; asynchronous code awaits
    /// [`finish_and_report`](Self::finish_and_report).
    pub fn finish<T: ActionOutcome + ?Sized>(self, value: &T) {
        self.end(|keep| value.ended(keep));
    }

    /// The action ended as the value says; the reply says when its capsule is committed, or why it
    /// cannot be.
    pub fn finish_and_report<T: ActionOutcome + ?Sized>(mut self, value: &T) -> Reply<()> {
        match self.call.take() {
            Some(call) => call.report_with(|limits| value.ended(Keep::within(limits)).returns()),
            None => Reply::ready(Ok(())),
        }
    }

    fn end(mut self, ended: impl FnOnce(Keep) -> Ended) {
        if let Some(call) = self.call.take() {
            call.finish_with(|limits| ended(Keep::within(limits)).returns());
        }
    }

    fn own_scope(&self) -> Option<Scope> {
        self.call.as_ref()?.scope()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(mut call) = self.call.take() else {
            return;
        };
        if thread::panicking() && !self.unwinding {
            call.panicked(&"the action was dropped by a panic");
        } else {
            call.cancelled(format_args!(
                "the action was dropped before it was finished"
            ));
        }
    }
}
