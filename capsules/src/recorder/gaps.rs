//! What is missing, until a capsule says so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use capsules_core::{Capsule, CapsuleType, OutcomeStatus, Timestamp, TriggerType};

/// Calls that ran unrecorded, capsules that were accepted without the journal, and capsules that
/// the store can never keep.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    dropped: Mutex<Option<Gap>>,
    not_journaled: Mutex<Option<Gap>>,
    refused: Mutex<Option<Gap>>,
    /// Whether the journal takes nothing now, so that the gap in it is still growing.
    journal_fails: AtomicBool,
}

/// How many, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    count: u64,
    first: Timestamp,
    last: Timestamp,
}

impl Gaps {
    /// Counts a call that runs unrecorded. Whether it is the first of a gap.
    pub(super) fn dropped(&self, at: Timestamp) -> bool {
        widen(&self.dropped, at)
    }

    /// Counts a capsule that the journal could not take. Whether it is the first of a gap.
    pub(super) fn not_journaled(&self, at: Timestamp) -> bool {
        self.journal_fails.store(true, Ordering::Relaxed);
        widen(&self.not_journaled, at)
    }

    /// Counts a capsule that the store can never keep.
    pub(super) fn refused(&self, at: Timestamp) {
        widen(&self.refused, at);
    }

    /// The journal has taken a capsule.
    pub(super) fn journaled(&self) {
        if self.journal_fails.load(Ordering::Relaxed) {
            self.journal_fails.store(false, Ordering::Relaxed);
        }
    }

    pub(super) fn are_open(&self) -> bool {
        let open =
            |gap: &Mutex<Option<Gap>>| gap.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        open(&self.dropped) || open(&self.not_journaled) || open(&self.refused)
    }

    /// The capsules that put the gaps on record. The gaps are closed with that. One that is still
    /// growing in the journal is left open until the end, so that an outage is one gap.
    pub(super) fn take(&self, at_the_end: bool) -> Vec<Capsule> {
        let dropped = take(&self.dropped).map(|gap| {
            gap.capsule(
                "calls ran unrecorded because the queue was full",
                OutcomeStatus::Failure,
            )
        });
        let growing = !at_the_end && self.journal_fails.load(Ordering::Relaxed);
        let not_journaled = if growing {
            None
        } else {
            take(&self.not_journaled)
        };
        let not_journaled = not_journaled.map(|gap| {
            gap.capsule(
                "capsules were accepted while the journal could not be written",
                OutcomeStatus::Partial,
            )
        });
        let refused = take(&self.refused).map(|gap| {
            gap.capsule(
                "capsules were refused by the store and are lost",
                OutcomeStatus::Failure,
            )
        });
        [dropped, not_journaled, refused]
            .into_iter()
            .flatten()
            .collect()
    }
}

impl Gap {
    fn capsule(self, what: &str, status: OutcomeStatus) -> Capsule {
        let Self { count, first, last } = self;
        let mut capsule = system_capsule(&format!("{count} {what}, between {first} and {last}"));
        capsule.outcome.status = status;
        let metrics = &mut capsule.outcome.metrics;
        metrics.insert("count".to_owned(), count.into());
        metrics.insert("first".to_owned(), first.to_string().into());
        metrics.insert("last".to_owned(), last.to_string().into());
        capsule
    }
}

/// A capsule by which the recorder itself says something.
pub(crate) fn system_capsule(summary: &str) -> Capsule {
    let mut capsule = Capsule::new(CapsuleType::System);
    "capsules".clone_into(&mut capsule.domain);
    capsule.trigger.kind = TriggerType::System;
    "capsules::recorder".clone_into(&mut capsule.trigger.source);
    "capsules::recorder".clone_into(&mut capsule.context.agent_id);
    summary.clone_into(&mut capsule.outcome.summary);
    capsule
}

fn widen(gap: &Mutex<Option<Gap>>, at: Timestamp) -> bool {
    let mut gap = gap.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(gap) = &mut *gap {
        gap.count += 1;
        gap.last = gap.last.max(at);
        return false;
    }
    *gap = Some(Gap {
        count: 1,
        first: at,
        last: at,
    });
    true
}

fn take(gap: &Mutex<Option<Gap>>) -> Option<Gap> {
    gap.lock().unwrap_or_else(PoisonError::into_inner).take()
}
