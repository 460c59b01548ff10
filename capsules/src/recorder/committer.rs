//! The committer: stores batches, one after the other.
//!
//! It works on a thread of its own. The sealing thread works it for a small batch, and a caller
//! who waits for a single capsule does, each when nothing else is on its way: handing over to
//! another thread costs a good part of what a commit costs.

use std::cell::Cell;
use std::collections::HashMap;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use capsules_core::{Draft, StorageError, Timestamp};

use super::ahead::{Ahead, Chain, Guess};
use super::appending::{Appended, append, refused_id};
use super::shared::{Job, Shared};
use super::tidying::Task;
use super::{Backend, Source, recover_into, tidying};
use crate::durability::Durability;
use crate::error::Error;
use crate::journal::Journal;
use crate::reply::Answer;

/// How many capsules one transaction takes at most.
pub(super) const BATCH: usize = 1024;
/// How long the committer waits after a failure: at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(2));

thread_local! {
    static IS_RECORDERS: Cell<bool> = const { Cell::new(false) };
}

/// Whether the running thread is a recorder's, whose own calls must not be recorded.
pub(crate) fn on_recorders_thread() -> bool {
    IS_RECORDERS.try_with(Cell::get).unwrap_or(true)
}

/// Runs this as one of the recorder's threads does.
pub(super) fn as_recorders_thread<R>(run: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            IS_RECORDERS.set(self.0);
        }
    }
    let _restore = Restore(IS_RECORDERS.replace(true));
    run()
}

/// Jobs from the queue, with what was sealed of them ahead.
pub(super) struct Batch {
    pub(super) jobs: Vec<Job>,
    pub(super) guesses: HashMap<Chain, Guess>,
    /// The callers whose capsules are stored.
    stored: Vec<Answer<()>>,
}

pub(super) struct Committer {
    source: Source,
    shared: Arc<Shared>,
    ahead: Arc<Ahead>,
    /// Whether the journals of dead processes have been recovered.
    recovered: bool,
    /// Whether jobs were left to the journal at the end. What comes after them is left there
    /// too, since recovery would put them behind it.
    leaving: bool,
    /// What puts gaps on record, until it is stored.
    gaps: Vec<Draft>,
    /// Tells the thread that tidies, which is started when there is something to do.
    tidier: Option<SyncSender<Task>>,
}

impl Committer {
    pub(super) fn new(source: Source, shared: Arc<Shared>, ahead: Arc<Ahead>) -> Self {
        Self {
            source,
            shared,
            ahead,
            recovered: false,
            leaving: false,
            gaps: Vec::new(),
            tidier: None,
        }
    }

    /// The committer's thread: stores what arrives until nothing more can, and releases the
    /// store.
    pub(super) fn run(committer: &Mutex<Self>, batches: &Receiver<Batch>) {
        let mut backoff = BACKOFF.0;
        while !lock(committer).begin() {
            match batches.recv_timeout(backoff) {
                Ok(batch) => lock(committer).commit(batch),
                Err(RecvTimeoutError::Timeout) => backoff = (backoff * 2).min(BACKOFF.1),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        while let Ok(batch) = batches.recv() {
            lock(committer).commit(batch);
        }
        let mut committer = lock(committer);
        committer.close_last_gaps();
        committer.close();
    }

    /// What others left behind need not wait for the first capsule, nor need the word that the store
    /// cannot be used. Whether there is nothing more to begin with.
    fn begin(&mut self) -> bool {
        if matches!(self.source, Source::Open(_))
            && !self.recovered
            && let Err(error) = self.attempt(&mut Batch::empty())
        {
            self.report(&error);
            return false;
        }
        true
    }

    /// Stores a job that has passed by the queue, on the thread of its caller, who is told at once
    /// when that fails. The job goes back to the queue then.
    pub(super) fn commit_passing(&mut self, job: Job) -> Result<(), Error> {
        let bytes = job.size();
        let jobs = vec![job];
        let guesses = self.ahead.seal(&jobs);
        let mut batch = Batch::new(jobs, guesses);
        let result = self.attempt(&mut batch);
        self.ahead.done();
        let stored = match batch.jobs.pop() {
            None => {
                self.shared.queue.done(1, bytes);
                true
            }
            Some(mut job) => {
                self.shared.journal_job(&mut job);
                self.shared.queue.put_back(job);
                false
            }
        };
        if let Err(error) = &result {
            self.report(error);
        }
        // What has failed after the job was stored is tried again with the next one.
        if stored { Ok(()) } else { result }
    }

    /// Stores the batch, however long it takes. Gives up only what can be recovered from the
    /// journal, or when there is nothing left to wait for.
    pub(super) fn commit(&mut self, mut batch: Batch) {
        let (count, bytes) = (batch.jobs.len(), batch.jobs.iter().map(Job::size).sum());
        if self.leaving {
            batch.jobs.retain(|job| job.receipt.is_none());
            batch.guesses.clear();
        }
        let mut backoff = BACKOFF.0;
        while let Err(error) = self.attempt(&mut batch) {
            self.report(&error);
            batch.answer_stored();
            // Nobody has to wait for as long as the store fails; the capsules stay in the queue.
            for answer in batch.jobs.iter_mut().filter_map(|job| job.answer.take()) {
                let _ = answer.send(Err(error.clone()));
            }
            self.shared.queue.fail_flushes(&error);
            if self.shared.queue.is_closed() {
                self.leaving = true;
                self.give_up(&mut batch.jobs, &error);
                break;
            }
            if let Source::Lazy(_) = self.source {
                // A store that was never open may never be: nobody has to wait for room in the
                // queue, and nothing is kept that dies with the process.
                if self.shared.queue.is_full() {
                    self.give_up(&mut batch.jobs, &error);
                } else {
                    self.lose_unjournaled(&mut batch.jobs, &error);
                }
                if batch.jobs.is_empty() {
                    break;
                }
            }
            thread::sleep(backoff);
            backoff = (backoff * 2).min(BACKOFF.1);
        }
        // Whoever calls again finds that nothing is on its way.
        self.ahead.done();
        self.shared.queue.done(count, bytes);
        batch.answer_stored();
    }

    fn report(&self, error: &Error) {
        if self.shared.counters.store_failed(&error.to_string()) {
            tracing::error!(target: "capsules", %error, "capsules could not be recorded");
        }
    }

    /// Opens what has to be opened, and stores the batch.
    fn attempt(&mut self, batch: &mut Batch) -> Result<(), Error> {
        let several = batch.jobs.len() > 1;
        // Stores and signers are the application's to choose; a panic of theirs is a failure.
        let attempt = AssertUnwindSafe(|| {
            let backend = self.backend()?;
            if !self.recovered {
                backend.storage.prepare()?;
                self.recover(&backend)?;
            }
            while !batch.jobs.is_empty() {
                self.store(&backend, batch)?;
            }
            self.close_gaps(&backend)?;
            // Appends that follow each other closely gain by it; a lone one would wait for its syncs.
            if several && backend.storage.is_untidy() {
                self.have_done(Task::Store, &backend);
            }
            if self.shared.journal.get().is_some_and(Journal::is_untidy) {
                self.have_done(Task::Journal, &backend);
            }
            Ok(())
        });
        let result = catch_unwind(attempt).unwrap_or(Err(Error::Panicked));
        if result.is_ok() && self.shared.counters.store_works() {
            tracing::info!(target: "capsules", "recording again");
        }
        result
    }

    /// Has this done beside what is appended next.
    fn have_done(&mut self, task: Task, backend: &Backend) {
        if self.tidier.is_none() {
            let storage = Arc::clone(&backend.storage);
            // Without the thread appends and the journal do its work.
            self.tidier = tidying::start(storage, Arc::clone(&self.shared)).ok();
        }
        if let Some(tidier) = &self.tidier {
            // When it is full the thread has yet to begin.
            let _ = tidier.try_send(task);
        }
    }

    fn backend(&mut self) -> Result<Backend, Error> {
        let backend = match &self.source {
            Source::Open(backend) => backend.clone(),
            Source::Lazy(open) => open()?,
        };
        self.source = Source::Open(backend.clone());
        self.ahead.opened(&backend);
        Ok(backend)
    }

    fn recover(&mut self, backend: &Backend) -> Result<(), Error> {
        if let Some(journals) = &self.shared.settings.journals {
            let recovery = recover_into(backend, journals, &mut |_| {})?;
            let count = recovery.accepted + recovery.started;
            self.shared.counters.recover(count);
            for problem in &recovery.failed {
                tracing::error!(target: "capsules", %problem, "a journal could not be recovered");
            }
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

    /// Stores the batch, in one transaction where the store can, and takes its jobs out of it. A
    /// job that the store can never keep is taken out alone.
    fn store(&self, backend: &Backend, batch: &mut Batch) -> Result<(), Error> {
        let guesses = mem::take(&mut batch.guesses);
        let drafts = batch.jobs.iter().map(|job| &job.draft);
        match append(backend, guesses, drafts) {
            Ok(appended) => {
                for Appended {
                    chain,
                    head,
                    guessed,
                } in appended
                {
                    self.ahead.stored(chain, head, guessed);
                }
            }
            Err(Error::Storage(error)) => {
                let refused = refused_id(&error)
                    .and_then(|id| batch.jobs.iter().position(|job| job.draft.id() == id));
                return match refused {
                    Some(place) => {
                        self.refuse(batch.jobs.remove(place), &error);
                        Ok(())
                    }
                    None => Err(Error::Storage(error)),
                };
            }
            Err(error) => return Err(error),
        }
        let stored = mem::take(&mut batch.jobs);
        self.shared.counters.commit(stored.len() as u64);
        self.trim(&stored);
        let answers = stored.into_iter().filter_map(|job| job.answer);
        batch.stored.extend(answers);
        Ok(())
    }

    /// Gives up a capsule that would keep all that follow from being stored, and leaves a gap that
    /// says so.
    fn refuse(&self, job: Job, error: &Arc<StorageError>) {
        tracing::error!(target: "capsules", %error, "a capsule is lost");
        self.shared.counters.fail(1, error.to_string());
        self.shared.gaps.refused(Timestamp::now());
        self.trim(slice::from_ref(&job));
        if let Some(answer) = job.answer {
            let _ = answer.send(Err(Error::Storage(Arc::clone(error))));
        }
    }

    /// Lets the journal give up what is stored.
    fn trim(&self, stored: &[Job]) {
        let Some(journal) = self.shared.journal.get() else {
            return;
        };
        let report = |error| self.shared.journal_failed(&error);
        for job in stored {
            // Its start may be in the journal although the capsule is not.
            if job.receipt.is_none() && job.durability != Durability::Memory {
                journal.stored(job.draft.id()).unwrap_or_else(report);
            }
        }
        let mut receipts = stored.iter().filter_map(|job| job.receipt).peekable();
        if receipts.peek().is_some() {
            // What fails is tried again with every batch.
            journal.committed(receipts).unwrap_or_else(report);
        }
    }

    fn close_gaps(&mut self, backend: &Backend) -> Result<(), Error> {
        let at_the_end = self.shared.queue.is_closed();
        for capsule in self.shared.gaps.take(at_the_end) {
            self.gaps.push(Draft::new(&capsule)?);
        }
        append(backend, HashMap::new(), self.gaps.iter())?;
        self.gaps.clear();
        Ok(())
    }

    /// Puts on record what was missed after the last batch.
    fn close_last_gaps(&mut self) {
        if (self.shared.gaps.are_open() || !self.gaps.is_empty())
            && let Err(error) = self.attempt(&mut Batch::empty())
        {
            self.report(&error);
        }
    }

    /// Leaves the jobs to the journal; the ones that are not in it are lost, and counted.
    fn give_up(&self, jobs: &mut Vec<Job>, error: &Error) {
        self.lose_unjournaled(jobs, error);
        jobs.clear();
    }

    fn lose_unjournaled(&self, jobs: &mut Vec<Job>, error: &Error) {
        let lost = jobs.extract_if(.., |job| job.receipt.is_none()).count();
        if lost > 0 {
            self.shared.counters.fail(lost as u64, error.to_string());
        }
    }

    fn close(&mut self) {
        self.tidier = None;
        if let Source::Open(backend) = &self.source
            && let Err(error) = backend.storage.close()
        {
            tracing::error!(target: "capsules", %error, "the capsule store could not be closed");
        }
        self.shared.close_journal();
    }
}

impl Batch {
    pub(super) fn new(jobs: Vec<Job>, guesses: HashMap<Chain, Guess>) -> Self {
        Self {
            jobs,
            guesses,
            stored: Vec::new(),
        }
    }

    fn empty() -> Self {
        Self::new(Vec::new(), HashMap::new())
    }

    fn answer_stored(&mut self) {
        for answer in self.stored.drain(..) {
            // Nobody may be waiting any more.
            let _ = answer.send(Ok(()));
        }
    }
}

pub(super) fn lock(committer: &Mutex<Committer>) -> MutexGuard<'_, Committer> {
    // A panic of the store or the signer is caught; none other happens while the lock is held.
    committer.lock().unwrap_or_else(PoisonError::into_inner)
}
