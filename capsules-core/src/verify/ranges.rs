//! A store verified on several threads, each of which reads for itself.
//!
//! The chain is cut at fixed sequences into ranges. A thread takes the next range, scans it with a
//! connection of its own and checks each record where the store shows it, so that nothing is
//! copied and no thread waits for the one that reads. The calling thread joins the ranges in the
//! chain's order.
//!
//! This way only ever says yes. When a range does not begin right behind the record that comes
//! before it, when anything is found in it, or when the ranges do not fit, the answer is `None`, and
//! the chain is verified from its beginning in the other way, which says what is wrong. A scan that
//! begins a moment later than another sees what was appended meanwhile: since only the last range
//! is open at its end, what is verified is the chain as that scan saw it.

use std::collections::BTreeMap;
use std::mem;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use super::parallel::Neighbours;
use super::report::{Level, Report};
use super::signatures::Signatures;
use super::verification::{Part, Place, Verification};
use super::verifier::Verifier;
use crate::record::RecordRef;
use crate::storage::{Storage, StorageError};

/// Shorter ranges would not be worth the signatures that are decided together.
const SHORTEST: u64 = 1_024;

/// Verifies a store. `None` when that has to be done in the chain's order.
pub(super) fn run(
    verifier: &Verifier,
    storage: &dyn Storage,
    tenant: Option<&str>,
    watch: &mut dyn FnMut(u64),
) -> Result<Option<(Report, Neighbours)>, StorageError> {
    let threads = verifier.wanted_threads().map_or(1, NonZero::get);
    // A head that cannot be read is met again in the other way.
    let Ok(Some(head)) = storage.head(tenant) else {
        return Ok(None);
    };
    let mut verification = verifier.begin();
    if verification.awaits_head() {
        storage.scan_ref(tenant, verifier.first(), &mut |record| {
            verification.push_ref(record);
            ControlFlow::Break(())
        })?;
        if verification.awaits_head() || verification.error().is_some() {
            return Ok(None);
        }
    }
    let place = verification.place();
    let records = (head.sequence + 1).saturating_sub(place.sequence());
    // Of a short chain each thread takes several ranges too, so that they end together.
    let share = records.div_ceil(4 * threads as u64).max(SHORTEST);
    let length = verifier.range_records().min(share);
    let plan = Plan {
        verifier,
        storage,
        tenant,
        place,
        length,
        ranges: records.div_ceil(length),
        next: AtomicU64::new(0),
    };
    // Starting threads is worth it for a few ranges only.
    if threads == 1 || plan.ranges < 2 {
        return Ok(None);
    }
    thread::scope(|scope| {
        let (sender, answers) = channel();
        for _ in 0..threads {
            let (plan, sender) = (&plan, sender.clone());
            let started = thread::Builder::new()
                .name("capsules-verify".to_owned())
                .spawn_scoped(scope, move || plan.work(&sender));
            if started.is_err() {
                break;
            }
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        for range in 0..plan.ranges {
            let done = loop {
                if let Some(done) = waiting.remove(&range) {
                    break done;
                }
                let Ok((number, done)) = answers.recv() else {
                    return Ok(None);
                };
                waiting.insert(number, done);
            };
            let joined = done?.is_some_and(|Done { begin, part }| {
                begin == verification.place() && verification.absorb(part)
            });
            if !joined {
                plan.stop();
                return Ok(None);
            }
            watch(verification.total());
        }
        let around = plan.last(&verification)?;
        Ok(around.map(|around| (verification.finish(), around)))
    })
}

/// What the threads share.
struct Plan<'a> {
    verifier: &'a Verifier,
    storage: &'a dyn Storage,
    tenant: Option<&'a str>,
    /// Where the first record to check stands.
    place: Place,
    /// How many records a range has.
    length: u64,
    ranges: u64,
    /// The next range that nobody has taken.
    next: AtomicU64,
}

/// A range in which nothing was found.
struct Done {
    /// Where it begins: what its first record has to follow.
    begin: Place,
    part: Part,
}

type Answer = (u64, Result<Option<Done>, StorageError>);

impl Plan<'_> {
    /// Checks ranges until there are no more.
    fn work(&self, answers: &Sender<Answer>) {
        let mut signatures = self.verifier.signatures();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.ranges {
                return;
            }
            let done = self.check(number, &mut signatures);
            if !matches!(done, Ok(Some(_))) {
                self.stop();
            }
            if answers.send((number, done)).is_err() {
                return;
            }
        }
    }

    /// Has no further range taken.
    fn stop(&self) {
        self.next.store(self.ranges, Ordering::Relaxed);
    }

    /// Checks a range, as if the chain were right up to there.
    fn check(
        &self,
        number: u64,
        signatures: &mut Signatures,
    ) -> Result<Option<Done>, StorageError> {
        let start = self.place.sequence() + number * self.length;
        // The last range is open, for what was appended and for what is out of place.
        let end = (number + 1 < self.ranges).then_some(start + self.length);
        // What the first record of a range follows is read, and checked in the range before, or as
        // the head that the chain is verified from. Nothing stands before the genesis record.
        let mut begin = (start == 0).then(|| self.place.clone());
        let from = start - u64::from(begin.is_none());
        let mut check = Verification::of_part(
            self.verifier,
            begin.clone().unwrap_or_default(),
            mem::replace(signatures, Signatures::one_by_one()),
        );
        let is_at = |record: &RecordRef<'_>, sequence: u64| {
            u64::try_from(record.columns.sequence) == Ok(sequence)
        };
        let mut visit = |record: RecordRef<'_>| {
            if begin.is_none() {
                if !is_at(&record, from) {
                    return ControlFlow::Break(());
                }
                let place = Place::behind(record, from);
                begin = Some(place.clone());
                check.begin_at(place);
                return ControlFlow::Continue(());
            }
            if end.is_some_and(|end| is_at(&record, end)) {
                return ControlFlow::Break(());
            }
            check.push_ref(record);
            match check.error() {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            }
        };
        let scanned = match self.verifier.level() {
            Level::Structural => self.storage.scan_links(self.tenant, from, &mut visit),
            Level::Full | Level::Signatures => self.storage.scan_ref(self.tenant, from, &mut visit),
        };
        let part = check.into_part(signatures);
        scanned?;
        Ok(begin.zip(part).map(|(begin, part)| Done { begin, part }))
    }

    /// The last record that was verified. `None` when it is not the one that the store shows at its
    /// place: it was changed meanwhile, or its row or another one says of itself that it is elsewhere.
    fn last(&self, verification: &Verification<'_>) -> Result<Option<Neighbours>, StorageError> {
        let Some(head) = verification.head() else {
            return Ok(Some(Neighbours::default()));
        };
        let mut last = None;
        self.storage
            .scan_ref(self.tenant, head.sequence, &mut |record| {
                last = (record.hash == head.hash).then(|| record.to_owned());
                ControlFlow::Break(())
            })?;
        Ok(last.map(|last| Neighbours {
            before: Some(last),
            ..Neighbours::default()
        }))
    }
}
