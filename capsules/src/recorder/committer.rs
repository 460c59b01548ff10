//! The committer: the one thread of a recorder that seals and stores.

use std::cell::Cell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use capsules_core::{Draft, Head, StorageError};

use super::sealing::seal_after;
use super::{Backend, Job, Shared, Source, recover_into};
use crate::error::Error;

/// How many capsules one transaction takes at most.
const BATCH: usize = 1024;
/// How long the committer waits after a failure: at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(2));

thread_local! {
    static IS_COMMITTER: Cell<bool> = const { Cell::new(false) };
}

/// Whether the running thread is a recorder's, whose own calls must not be recorded.
pub(crate) fn on_committer_thread() -> bool {
    IS_COMMITTER.try_with(Cell::get).unwrap_or(true)
}

pub(super) struct Committer {
    source: Source,
    shared: Arc<Shared>,
    /// Whether the journals of dead processes have been recovered.
    recovered: bool,
    /// The heads as this process left them. Batches are sealed on them before the store is
    /// locked, and again under the lock if another writer came first.
    heads: HashMap<Option<String>, Head>,
    /// What puts gaps on record, until it is stored.
    gaps: Vec<Draft>,
}

impl Committer {
    pub(super) fn new(source: Source, shared: Arc<Shared>) -> Self {
        Self {
            source,
            shared,
            recovered: false,
            heads: HashMap::new(),
            gaps: Vec::new(),
        }
    }

    pub(super) fn run(mut self) {
        IS_COMMITTER.set(true);
        if let Source::Open(_) = self.source {
            // What others left behind need not wait for the first capsule.
            let _ = self.attempt(&mut Vec::new());
        }
        loop {
            let mut batch = self.shared.queue.take(BATCH);
            if batch.is_empty() {
                break;
            }
            self.commit(&mut batch);
        }
        self.close();
    }

    /// Stores the batch, however long it takes. Gives up only what can be recovered from the
    /// journal, or when there is nothing left to wait for.
    fn commit(&mut self, batch: &mut Vec<Job>) {
        let (count, bytes) = (batch.len(), batch.iter().map(Job::size).sum());
        let mut backoff = BACKOFF.0;
        while let Err(error) = self.attempt(batch) {
            if self.shared.counters.store_failed(&error.to_string()) {
                tracing::error!(target: "capsules", %error, "capsules could not be recorded");
            }
            // Nobody has to wait for as long as the store fails; the capsules stay in the queue.
            for answer in batch.iter_mut().filter_map(|job| job.answer.take()) {
                let _ = answer.send(Err(error.clone()));
            }
            self.shared.queue.fail_flushes(&error);
            let never_opened = matches!(self.source, Source::Lazy(_));
            if never_opened || self.shared.queue.is_closed() {
                self.give_up(batch, &error);
                break;
            }
            thread::park_timeout(backoff);
            backoff = (backoff * 2).min(BACKOFF.1);
        }
        self.shared.queue.done(count, bytes);
    }

    /// Opens what has to be opened, and stores the batch.
    fn attempt(&mut self, batch: &mut Vec<Job>) -> Result<(), Error> {
        // Stores and signers are the application's to choose; a panic of theirs is a failure.
        let attempt = AssertUnwindSafe(|| {
            let backend = self.backend()?;
            self.recover(&backend)?;
            while !batch.is_empty() {
                self.store_chain(&backend, batch)?;
            }
            self.close_gaps(&backend)
        });
        let result = catch_unwind(attempt).unwrap_or(Err(Error::Panicked));
        if result.is_ok() && self.shared.counters.store_works() {
            tracing::info!(target: "capsules", "recording again");
        }
        result
    }

    fn backend(&mut self) -> Result<Backend, Error> {
        match &self.source {
            Source::Open(backend) => Ok(backend.clone()),
            Source::Lazy(open) => {
                let backend = open()?;
                self.source = Source::Open(backend.clone());
                Ok(backend)
            }
        }
    }

    fn recover(&mut self, backend: &Backend) -> Result<(), Error> {
        if !self.recovered
            && let Some(journals) = &self.shared.settings.journals
        {
            let recovery = recover_into(backend, journals)?;
            let count = recovery.accepted + recovery.started;
            self.shared.counters.recover(count);
            if count > 0 {
                tracing::info!(
                    target: "capsules",
                    accepted = recovery.accepted,
                    started = recovery.started,
                    journals = recovery.journals,
                    "recovered what other processes had left in their journals"
                );
            }
        }
        self.recovered = true;
        Ok(())
    }

    /// Stores the jobs of the first job's chain, in one transaction, and takes them out of the
    /// batch.
    fn store_chain(&mut self, backend: &Backend, batch: &mut Vec<Job>) -> Result<(), Error> {
        let storage = &backend.storage;
        let chain = storage
            .chain_of(batch[0].draft.tenant_id())
            .map(str::to_owned);
        let belongs = |job: &Job| storage.chain_of(job.draft.tenant_id()) == chain.as_deref();
        let drafts: Vec<_> = batch
            .iter()
            .filter(|job| belongs(job))
            .map(|job| &job.draft)
            .collect();
        let head = append_on(backend, self.heads.get(&chain), &drafts)?;
        if let Some(head) = head {
            self.heads.insert(chain.clone(), head);
        }
        let stored: Vec<Job> = batch.extract_if(.., |job| belongs(job)).collect();
        self.shared.counters.commit(stored.len() as u64);
        self.trim(&stored);
        for answer in stored.into_iter().filter_map(|job| job.answer) {
            // Nobody may be waiting any more.
            let _ = answer.send(Ok(()));
        }
        Ok(())
    }

    fn trim(&self, stored: &[Job]) {
        let receipts = stored.iter().filter_map(|job| job.receipt);
        if let Some(Some(journal)) = self.shared.journal.get()
            && let Err(error) = journal.committed(receipts)
        {
            // It is tried again with every batch.
            self.shared.journal_failed(&error);
        }
    }

    fn close_gaps(&mut self, backend: &Backend) -> Result<(), Error> {
        for capsule in self.shared.gaps.take() {
            self.gaps.push(Draft::new(&capsule)?);
        }
        append(backend, &self.gaps.iter().collect::<Vec<_>>())?;
        self.gaps.clear();
        Ok(())
    }

    /// Leaves the jobs to the journal; the ones that are not in it are lost, and counted.
    fn give_up(&self, batch: &mut Vec<Job>, error: &Error) {
        for job in batch.drain(..) {
            if job.receipt.is_none() {
                self.shared.counters.fail(1, error.to_string());
            }
        }
    }

    fn close(self) {
        if let Source::Open(backend) = &self.source
            && let Err(error) = backend.storage.close()
        {
            tracing::error!(target: "capsules", %error, "the capsule store could not be closed");
        }
        if let Some(Some(journal)) = self.shared.journal.get()
            && let Err(error) = journal.close()
        {
            tracing::error!(target: "capsules", %error, "the journal could not be closed");
        }
    }
}

/// Appends the drafts, which belong to one chain, to its head.
pub(super) fn append(backend: &Backend, drafts: &[&Draft]) -> Result<(), Error> {
    append_on(backend, None, drafts).map(drop)
}

/// Appends the drafts to the head of their chain, which is expected to be `expected`. Gives the
/// new head.
fn append_on(
    backend: &Backend,
    expected: Option<&Head>,
    drafts: &[&Draft],
) -> Result<Option<Head>, Error> {
    let Some(first) = drafts.first() else {
        return Ok(None);
    };
    let Backend { storage, seal, .. } = backend;
    let mut sealed = match expected {
        Some(_) => Some(seal_after(seal, expected, drafts)?),
        None => None,
    };
    let mut new_head = None;
    let result = storage.append(storage.chain_of(first.tenant_id()), &mut |head| {
        let records = match sealed.take() {
            Some(sealed) if head == expected => sealed,
            _ => seal_after(seal, head, drafts)?,
        };
        new_head = records.last().map(|record| Head {
            sequence: record.columns.sequence.unsigned_abs(),
            hash: record.hash.clone(),
        });
        Ok(records)
    });
    match result {
        Ok(()) => Ok(new_head),
        // An append that was reported as failed had taken effect after all.
        Err(StorageError::Duplicate { id, location }) => {
            let mut missing = Vec::new();
            for draft in drafts {
                if storage.get(&draft.id())?.is_none() {
                    missing.push(*draft);
                }
            }
            if missing.len() < drafts.len() {
                append_on(backend, None, &missing)
            } else {
                Err(StorageError::Duplicate { id, location }.into())
            }
        }
        Err(error) => Err(error.into()),
    }
}
