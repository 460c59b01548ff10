//! Sealing a batch: links and hashes in order, signatures in parallel.

use std::num::NonZero;
use std::thread;

use capsules_core::{Draft, Head, Position, Seal, SealError, SealedRecord, Unsigned};

/// Below this many signatures a thread costs more than it saves.
const SIGNATURES_PER_THREAD: usize = 32;

/// Seals the drafts as the records that follow `head`.
pub(super) fn seal_after(
    seal: &Seal,
    head: Option<&Head>,
    drafts: &[&Draft],
) -> Result<Vec<SealedRecord>, SealError> {
    let mut head = head.cloned();
    let linked: Vec<Unsigned> = drafts
        .iter()
        .map(|draft| {
            let unsigned = Unsigned::new(draft, &Position::after(head.as_ref()));
            head = Some(unsigned.head());
            unsigned
        })
        .collect();
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(linked.len() / SIGNATURES_PER_THREAD);
    if threads < 2 {
        return linked
            .into_iter()
            .map(|unsigned| seal.sign(unsigned))
            .collect();
    }
    let share = linked.len().div_ceil(threads);
    let mut rest = linked;
    let mut shares = Vec::with_capacity(threads);
    while !rest.is_empty() {
        let tail = rest.split_off(share.min(rest.len()));
        shares.push(std::mem::replace(&mut rest, tail));
    }
    let sign = |share: Vec<Unsigned>| -> Result<Vec<SealedRecord>, SealError> {
        share
            .into_iter()
            .map(|unsigned| seal.sign(unsigned))
            .collect()
    };
    thread::scope(|scope| {
        let mut shares = shares.into_iter();
        let own = shares.next();
        let others: Vec<_> = shares
            .map(|share| scope.spawn(move || sign(share)))
            .collect();
        let mut records = own.map_or_else(|| Ok(Vec::new()), sign)?;
        for other in others {
            match other.join() {
                Ok(signed) => records.extend(signed?),
                // A signer that panics is the application's; the committer catches it.
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(records)
    })
}
