//! Sealing ahead of the store: the next batch is linked, hashed and signed while the one before
//! it is being written.
//!
//! The head that a batch is sealed on is a guess: what this process's last batch will leave. It
//! holds as long as nobody else appends to the chain. Where it does not, the store's lock shows
//! it, the batch is sealed again under the lock, and the next one is not taken until nothing that
//! was sealed on the wrong head is on its way.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use capsules_core::{Draft, Head, SealedRecord};

use super::Backend;
use super::committer::{BATCH, Batch, Committer, lock};
use super::queue::SMALL;
use super::sealing::{head_of, seal_after};
use super::shared::{Job, Shared};

/// The name of a chain, as the store gives it.
pub(super) type Chain = Option<String>;

/// Records that were sealed on a guess.
pub(super) struct Guess {
    pub(super) head: Head,
    pub(super) records: Vec<SealedRecord>,
}

/// What the sealing thread and the committer tell each other.
#[derive(Default)]
pub(super) struct Ahead {
    state: Mutex<State>,
    /// Guessing has begun again.
    settled: Condvar,
}

#[derive(Default)]
struct State {
    /// Set when the store is open.
    backend: Option<Backend>,
    /// Where a chain will end when everything on its way is stored, if that was sealed ahead. Only
    /// while `guessing`.
    heads: HashMap<Chain, Head>,
    guessing: bool,
    /// Batches that were taken from the queue and are not yet stored.
    on_their_way: usize,
    /// Where the committer has left a chain.
    stored: HashMap<Chain, Head>,
}

impl State {
    /// The head that the next record of a chain is expected to follow.
    fn guess(&self, chain: &Chain) -> Option<&Head> {
        let guesses = self.guessing.then_some([&self.heads, &self.stored])?;
        guesses.into_iter().find_map(|heads| heads.get(chain))
    }

    /// Nothing is on its way, so the chains end where the committer has left them.
    fn settle(&mut self) {
        self.heads.clear();
        if self.stored.len() > CHAINS {
            self.stored.clear();
        }
        self.guessing = true;
    }
}

/// So many chains are remembered; with a tenant for each customer there may be millions.
const CHAINS: usize = 16_384;

impl Ahead {
    /// The committer has opened the store.
    pub(super) fn opened(&self, backend: &Backend) {
        self.lock().backend.get_or_insert_with(|| backend.clone());
    }

    /// The committer has stored records up to this head. `guessed` when it used a guess.
    pub(super) fn stored(&self, chain: Chain, head: Head, guessed: bool) {
        let mut state = self.lock();
        state.stored.insert(chain, head);
        let most = state.heads.len().max(state.stored.len());
        state.guessing &= guessed && most <= CHAINS;
    }

    /// The committer is done with a batch.
    pub(super) fn done(&self) {
        let mut state = self.lock();
        state.on_their_way -= 1;
        if !state.guessing && state.on_their_way == 0 {
            state.settle();
            self.settled.notify_all();
        }
    }

    /// Whether the store is open, and lets every thread append.
    pub(super) fn appends_on_any_thread(&self) -> bool {
        let state = self.lock();
        let backend = state.backend.as_ref();
        backend.is_some_and(|backend| backend.storage.appends_on_any_thread())
    }

    /// Seals the jobs on the heads that are guessed, chain by chain. A chain without a guess, and
    /// one that cannot be sealed now, are left to the committer.
    pub(super) fn seal(&self, jobs: &[Job]) -> HashMap<Chain, Guess> {
        let backend = {
            let mut state = self.lock();
            // Without a guess to go on, the heads are known when nothing is on its way.
            while !state.guessing && state.on_their_way > 0 {
                state = self
                    .settled
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            state.on_their_way += 1;
            match &state.backend {
                Some(backend) => backend.clone(),
                None => return HashMap::new(),
            }
        };
        let mut guesses = HashMap::new();
        for (chain, drafts) in by_chain(&backend, jobs.iter().map(|job| &job.draft)) {
            let Some(head) = self.lock().guess(&chain).cloned() else {
                continue;
            };
            let sealed = AssertUnwindSafe(|| seal_after(&backend.seal, Some(&head), &drafts));
            let Ok(Ok(records)) = catch_unwind(sealed) else {
                continue;
            };
            guesses.insert(chain, Guess { head, records });
        }
        let mut state = self.lock();
        if state.guessing {
            for (chain, guess) in &guesses {
                if let Some(head) = head_of(&guess.records) {
                    state.heads.insert(chain.clone(), head);
                }
            }
        }
        guesses
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The drafts of each chain, in order.
pub(super) fn by_chain<'d>(
    backend: &Backend,
    drafts: impl Iterator<Item = &'d Draft>,
) -> HashMap<Chain, Vec<&'d Draft>> {
    let mut chains: HashMap<Chain, Vec<&Draft>> = HashMap::new();
    for draft in drafts {
        chains
            .entry(chain_of(backend, draft))
            .or_default()
            .push(draft);
    }
    chains
}

/// The chain that a draft belongs to.
fn chain_of(backend: &Backend, draft: &Draft) -> Chain {
    let chain = backend.storage.chain_of(draft.tenant_id());
    chain.map(str::to_owned)
}

/// The sealing thread: seals batches from the queue until it is closed and empty, and commits
/// them or hands them over.
pub(super) fn run(
    shared: &Shared,
    ahead: &Ahead,
    committer: &Mutex<Committer>,
    batches: &SyncSender<Batch>,
) {
    loop {
        let jobs = shared.queue.take(BATCH);
        if jobs.is_empty() {
            break;
        }
        // Nothing else is on its way then, and there is too little to do for two threads.
        let small = jobs.len() < SMALL;
        let guesses = ahead.seal(&jobs);
        let batch = Batch::new(jobs, guesses);
        if small {
            lock(committer).commit(batch);
        } else if batches.send(batch).is_err() {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(sequence: u64) -> Head {
        Head {
            sequence,
            hash: format!("{sequence:064x}"),
        }
    }

    #[test]
    fn what_was_sealed_ahead_goes_before_what_is_stored() {
        let ahead = Ahead::default();
        ahead.lock().guessing = true;
        ahead.stored(None, head(1), true);
        assert_eq!(ahead.lock().guess(&None), Some(&head(1)));
        ahead.lock().heads.insert(None, head(7));
        ahead.stored(None, head(3), true);
        assert_eq!(ahead.lock().guess(&None), Some(&head(7)));

        // Somebody else has appended: nothing is guessed before all is stored.
        ahead.lock().on_their_way = 2;
        ahead.stored(None, head(9), false);
        ahead.done();
        assert_eq!(ahead.lock().guess(&None), None);
        ahead.done();
        assert_eq!(ahead.lock().guess(&None), Some(&head(9)));
    }

    #[test]
    fn no_more_chains_are_remembered_than_are_useful() {
        let ahead = Ahead::default();
        let first = Some("0".to_owned());
        ahead.lock().guessing = true;
        for number in 0..CHAINS {
            ahead.stored(Some(number.to_string()), head(1), true);
        }
        assert!(ahead.lock().guess(&first).is_some());
        ahead.lock().on_their_way = 1;
        ahead.stored(None, head(1), true);
        assert_eq!(ahead.lock().guess(&first), None);
        ahead.done();
        assert!(ahead.lock().stored.is_empty() && ahead.lock().guessing);
    }
}
