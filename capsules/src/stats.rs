//! Counters of a recorder.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What a recorder has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Capsules that were handed over.
    pub accepted: u64,
    /// Capsules that are sealed and stored.
    pub committed: u64,
    /// Capsules that are accepted and neither committed nor failed: in the queue, or in the
    /// journal of a store that fails.
    pub waiting: u64,
    /// Calls that ran unrecorded because the queue was full.
    pub dropped: u64,
    /// Capsules of processes that had died, recovered from their journals.
    pub recovered: u64,
    /// Capsules that could not be recorded.
    pub failed: u64,
    /// Attempts to store a batch that failed and were repeated.
    pub store_errors: u64,
    /// Writes to the journal that failed.
    pub journal_errors: u64,
    /// The latest error.
    pub last_error: Option<String>,
}

impl Stats {
    /// The counters by name, for an exporter of metrics.
    ///
    /// ```
    /// for (name, value) in capsules::stats().metrics() {
    ///     assert!(!name.is_empty() && value == 0);
    /// }
    /// ```
    pub fn metrics(&self) -> [(&'static str, u64); 8] {
        [
            ("capsules_accepted_total", self.accepted),
            ("capsules_committed_total", self.committed),
            ("capsules_waiting", self.waiting),
            ("capsules_dropped_total", self.dropped),
            ("capsules_recovered_total", self.recovered),
            ("capsules_failed_total", self.failed),
            ("capsules_store_errors_total", self.store_errors),
            ("capsules_journal_errors_total", self.journal_errors),
        ]
    }
}

/// The counters behind [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    committed: AtomicU64,
    dropped: AtomicU64,
    recovered: AtomicU64,
    failed: AtomicU64,
    store_errors: AtomicU64,
    journal_errors: AtomicU64,
    /// Whether the latest attempt to store something failed.
    failing: AtomicBool,
    last_error: Mutex<Option<String>>,
}

impl Counters {
    pub(crate) fn accept(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn commit(&self, count: u64) {
        self.committed.fetch_add(count, Ordering::Release);
    }

    pub(crate) fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn recover(&self, count: u64) {
        self.recovered.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts capsules that were lost, and says why.
    pub(crate) fn fail(&self, count: u64, error: String) {
        self.failed.fetch_add(count, Ordering::Release);
        self.note(error);
    }

    /// Whether this is the first failure of a row.
    pub(crate) fn store_failed(&self, error: &str) -> bool {
        self.store_errors.fetch_add(1, Ordering::Relaxed);
        self.note(error.to_owned());
        !self.failing.swap(true, Ordering::AcqRel)
    }

    /// Whether this ends a row of failures.
    pub(crate) fn store_works(&self) -> bool {
        self.failing.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Acquire)
    }

    /// Whether this is the first failure.
    pub(crate) fn journal_failed(&self, error: &str) -> bool {
        self.note(error.to_owned());
        self.journal_errors.fetch_add(1, Ordering::Relaxed) == 0
    }

    pub(crate) fn snapshot(&self) -> Stats {
        // What was accepted is read last, so that nothing is counted as done before it is
        // counted as accepted.
        let failed = self.failed.load(Ordering::Acquire);
        let committed = self.committed.load(Ordering::Acquire);
        let accepted = self.accepted.load(Ordering::Acquire);
        Stats {
            accepted,
            committed,
            waiting: accepted.saturating_sub(committed + failed),
            dropped: self.dropped.load(Ordering::Relaxed),
            recovered: self.recovered.load(Ordering::Relaxed),
            failed,
            store_errors: self.store_errors.load(Ordering::Relaxed),
            journal_errors: self.journal_errors.load(Ordering::Relaxed),
            last_error: self
                .last_error
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }

    fn note(&self, error: String) {
        *self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}
