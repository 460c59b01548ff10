//! Sealing a batch: links and hashes in order, signatures in parallel.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::LazyLock;
use std::thread;

use capsules_core::{Draft, Head, Position, Seal, SealError, SealedRecord, Unsigned};

use super::committer::as_recorders_thread;

/// Below this many signatures a thread costs more than it saves, and callers may be waiting.
const SIGNATURES_PER_THREAD: usize = 12;

/// Asked once: the answer takes the reading of several files.
static CORES: LazyLock<usize> =
    LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get));

/// Seals the drafts as the records that follow `head`.
pub(super) fn seal_after(
    seal: &Seal,
    head: Option<&Head>,
    drafts: &[&Draft],
) -> Result<Vec<SealedRecord>, SealError> {
    let mut head = head.cloned();
    let mut linked = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let unsigned = Unsigned::new(draft, &Position::after(head.as_ref()));
        head = Some(unsigned.head());
        linked.push(unsigned);
    }
    let threads = (*CORES).min(linked.len() / SIGNATURES_PER_THREAD);
    sign(seal, linked, threads)
}

/// Signs on so many threads, this one among them.
fn sign(
    seal: &Seal,
    mut linked: Vec<Unsigned>,
    threads: usize,
) -> Result<Vec<SealedRecord>, SealError> {
    if threads < 2 {
        return linked
            .into_iter()
            .map(|unsigned| seal.sign(unsigned))
            .collect();
    }
    let others = linked.split_off(linked.len() / threads);
    thread::scope(|scope| {
        let others = scope.spawn(|| as_recorders_thread(|| sign(seal, others, threads - 1)));
        let mut records = sign(seal, linked, 1)?;
        // A signer that panics is the application's; the committer catches it.
        records.extend(others.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        Ok(records)
    })
}

/// The head that these records leave.
pub(super) fn head_of(records: &[SealedRecord]) -> Option<Head> {
    records.last().map(|record| Head {
        sequence: record.columns.sequence.unsigned_abs(),
        hash: record.hash.clone(),
    })
}
