//! Up to where everything is committed, when capsules are committed in any order.

use std::collections::BTreeSet;

/// Names a capsule that was accepted, to tell the journal later that it is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(super) sequence: u64,
}

/// The highest number up to which all are committed, from 1 without a gap.
///
/// Threads that accept at the same time may be queued, and so committed, in another order than
/// their entries have in the journal.
#[derive(Debug, Default)]
pub(super) struct Watermark {
    through: u64,
    /// Committed numbers behind a gap.
    ahead: BTreeSet<u64>,
}

impl Watermark {
    pub(super) fn through(&self) -> u64 {
        self.through
    }

    pub(super) fn commit(&mut self, sequence: u64) {
        if sequence == self.through + 1 {
            self.through = sequence;
            while self.ahead.first() == Some(&(self.through + 1)) {
                self.ahead.pop_first();
                self.through += 1;
            }
        } else if sequence > self.through {
            self.ahead.insert(sequence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_holds_the_watermark_back() {
        let mut watermark = Watermark::default();
        for (committed, through) in [(2, 0), (4, 0), (1, 2), (1, 2), (3, 4), (2, 4), (5, 5)] {
            watermark.commit(committed);
            assert_eq!(watermark.through(), through, "after {committed}");
        }
        assert!(watermark.ahead.is_empty());
    }
}
