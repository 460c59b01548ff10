//! Counters of a recorder.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What a recorder has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Capsules that were handed over.
    pub accepted: u64,
    /// Capsules that are sealed and stored.
    pub committed: u64,
    /// Capsules that could not be recorded.
    pub failed: u64,
    /// Capsules that are accepted and not yet committed or failed.
    pub waiting: u64,
    /// The latest error.
    pub last_error: Option<String>,
}

/// The counters behind [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    committed: AtomicU64,
    failed: AtomicU64,
    last_error: Mutex<Option<String>>,
}

impl Counters {
    pub(crate) fn accept(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn commit(&self, count: u64) {
        self.committed.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts capsules that were lost, and says why.
    pub(crate) fn fail(&self, count: u64, error: String) {
        self.failed.fetch_add(count, Ordering::Relaxed);
        *self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    pub(crate) fn snapshot(&self) -> Stats {
        // Read in this order, so that `waiting` never counts a capsule that was not accepted.
        let failed = self.failed.load(Ordering::Acquire);
        let committed = self.committed.load(Ordering::Acquire);
        let accepted = self.accepted.load(Ordering::Acquire);
        Stats {
            accepted,
            committed,
            failed,
            waiting: accepted.saturating_sub(committed + failed),
            last_error: self
                .last_error
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }
}
