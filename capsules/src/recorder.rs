//! The recorder: takes capsules from the callers and seals them on a thread of its own.

use std::cell::{Cell, RefCell};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use capsules_core::{DataDir, Draft, Head, Position, Seal, SealedRecord, Storage, StorageError};

use crate::error::Error;
use crate::reply::{Answer, Reply};
use crate::stats::{Counters, Stats};

/// How many capsules may wait before callers do.
const QUEUE: usize = 4096;
/// How many capsules one transaction takes at most.
const BATCH: usize = 512;
/// How long the thread keeps trying while another writer holds the store.
const LOCKED_FOR: Duration = Duration::from_secs(60);
/// How long a thread that ends waits for what it recorded.
const EXIT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a default store that could not be opened is left alone.
const REOPEN_AFTER: Duration = Duration::from_secs(5);

/// Where a recorder puts what it seals.
#[derive(Clone)]
pub(crate) struct Backend {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) seal: Arc<Seal>,
    /// Where the seal's keyring lies, unless its key lives elsewhere.
    pub(crate) data_dir: Option<DataDir>,
}

/// How a recorder gets its backend: opened before it starts, or by its thread when the first
/// capsule arrives.
pub(crate) enum Source {
    Open(Backend),
    Lazy(fn() -> Result<Backend, Error>),
}

/// The callers' side of the thread that seals and stores.
///
/// The thread ends when the last recorder of an instance is dropped and its queue is empty.
pub(crate) struct Recorder {
    jobs: SyncSender<Job>,
    counters: Arc<Counters>,
    text_limit: usize,
}

enum Job {
    Record {
        draft: Box<Draft>,
        answer: Option<Answer<()>>,
    },
    Flush(Answer<()>),
}

thread_local! {
    /// Whether this thread is a recorder's, whose own calls must not be recorded.
    static IS_RECORDER: Cell<bool> = const { Cell::new(false) };
    /// What this thread waits for when it ends.
    static RECORDED_TO: AtExit = const { AtExit(RefCell::new(Vec::new())) };
}

impl Recorder {
    pub(crate) fn start(source: Source, text_limit: usize) -> Result<Arc<Self>, Error> {
        let (jobs, queue) = mpsc::sync_channel(QUEUE);
        let counters = Arc::new(Counters::default());
        let worker = Worker {
            source,
            counters: Arc::clone(&counters),
            failing_since: None,
        };
        thread::Builder::new()
            .name("capsules".to_owned())
            .spawn(move || worker.run(&queue))
            .map_err(|error| Error::Thread(Arc::new(error)))?;
        Ok(Arc::new(Self {
            jobs,
            counters,
            text_limit,
        }))
    }

    /// At most this many characters of a captured text are kept.
    pub(crate) fn text_limit(&self) -> usize {
        self.text_limit
    }

    /// Accepts a capsule. Waits only when the queue is full.
    pub(crate) fn record(self: &Arc<Self>, draft: Draft) {
        self.counters.accept();
        AtExit::wait_for(self);
        self.send(Job::Record {
            draft: Box::new(draft),
            answer: None,
        });
    }

    /// Accepts a capsule; the reply says whether it was stored.
    pub(crate) fn record_and_report(&self, draft: Draft) -> Reply<()> {
        self.counters.accept();
        let (answer, reply) = Reply::new();
        self.send(Job::Record {
            draft: Box::new(draft),
            answer: Some(answer),
        });
        reply
    }

    /// Counts a capsule that never became one.
    pub(crate) fn reject(&self, error: &Error) {
        self.counters.accept();
        self.counters.fail(1, error.to_string());
        tracing::error!(target: "capsules", %error, "a capsule could not be recorded");
    }

    /// Answers when everything that was accepted before is committed or has failed.
    pub(crate) fn flush(&self) -> Reply<()> {
        let (answer, reply) = Reply::new();
        self.send(Job::Flush(answer));
        reply
    }

    /// Flushes and waits, at most for this time.
    pub(crate) fn flush_within(&self, timeout: Duration) -> Result<(), Error> {
        self.flush().wait_timeout(timeout).unwrap_or_else(|| {
            Err(Error::TimedOut {
                waiting: self.stats().waiting,
            })
        })
    }

    pub(crate) fn stats(&self) -> Stats {
        self.counters.snapshot()
    }

    fn send(&self, job: Job) {
        // The thread lives as long as this sender; were it gone, the dropped job would answer
        // `Error::Closed`.
        if let Err(mpsc::SendError(Job::Record { .. })) = self.jobs.send(job) {
            self.counters.fail(1, Error::Closed.to_string());
        }
    }
}

/// Whether the running thread is a recorder's.
pub(crate) fn on_recorder_thread() -> bool {
    IS_RECORDER.try_with(Cell::get).unwrap_or(true)
}

/// The recorders that a thread has recorded to. When the thread ends it waits until they have
/// committed what it gave them; for the main thread that is the end of the process.
struct AtExit(RefCell<Vec<Weak<Recorder>>>);

impl AtExit {
    fn wait_for(recorder: &Arc<Recorder>) {
        // While the thread's own destructors run there is nothing left to register with, and
        // nobody to wait later: wait now.
        let registered = RECORDED_TO.try_with(|AtExit(recorders)| {
            let mut recorders = recorders.borrow_mut();
            let known = Arc::downgrade(recorder);
            if !recorders.iter().any(|other| other.ptr_eq(&known)) {
                recorders.retain(|other| other.strong_count() > 0);
                recorders.push(known);
            }
        });
        if registered.is_err() {
            // The statistics hold what could not be committed in time.
            let _ = recorder.flush_within(EXIT_TIMEOUT);
        }
    }
}

impl Drop for AtExit {
    fn drop(&mut self) {
        for recorder in self.0.take() {
            if let Some(recorder) = recorder.upgrade() {
                let _ = recorder.flush_within(EXIT_TIMEOUT);
            }
        }
    }
}

/// The recorder's thread.
struct Worker {
    source: Source,
    counters: Arc<Counters>,
    failing_since: Option<(Instant, Error)>,
}

impl Worker {
    fn run(mut self, queue: &Receiver<Job>) {
        IS_RECORDER.set(true);
        let mut batch = Vec::new();
        while let Ok(first) = queue.recv() {
            let mut next = Some(first);
            while let Some(job) = next.take() {
                match job {
                    Job::Record { draft, answer } => batch.push((*draft, answer)),
                    Job::Flush(answer) => {
                        self.commit(&mut batch);
                        // Nobody may be waiting any more.
                        let _ = answer.send(Ok(()));
                    }
                }
                if batch.len() < BATCH {
                    next = queue.try_recv().ok();
                }
            }
            self.commit(&mut batch);
        }
        if let Source::Open(backend) = &self.source
            && let Err(error) = backend.storage.close()
        {
            tracing::error!(target: "capsules", %error, "the capsule store could not be closed");
        }
    }

    /// Seals and stores the batch, one transaction for each chain, and answers.
    fn commit(&mut self, batch: &mut Vec<(Draft, Option<Answer<()>>)>) {
        if batch.is_empty() {
            return;
        }
        let backend = self.backend();
        while !batch.is_empty() {
            let chain: Vec<_> = match &backend {
                Ok(Backend { storage, .. }) => {
                    let first = storage.chain_of(batch[0].0.tenant_id()).map(str::to_owned);
                    batch
                        .extract_if(.., |(draft, _)| {
                            storage.chain_of(draft.tenant_id()) == first.as_deref()
                        })
                        .collect()
                }
                Err(_) => std::mem::take(batch),
            };
            let (drafts, answers): (Vec<_>, Vec<_>) = chain.into_iter().unzip();
            let result = backend
                .clone()
                .and_then(|backend| append(&backend, &drafts));
            self.note(drafts.len() as u64, &result);
            for answer in answers.into_iter().flatten() {
                let _ = answer.send(result.clone());
            }
        }
    }

    fn backend(&mut self) -> Result<Backend, Error> {
        let open = match &self.source {
            Source::Open(backend) => return Ok(backend.clone()),
            Source::Lazy(open) => open,
        };
        if let Some((since, error)) = &self.failing_since
            && since.elapsed() < REOPEN_AFTER
        {
            return Err(error.clone());
        }
        let backend = open()?;
        self.source = Source::Open(backend.clone());
        Ok(backend)
    }

    /// Counts, and reports the first failure of a row and its end.
    fn note(&mut self, count: u64, result: &Result<(), Error>) {
        match result {
            Ok(()) => {
                self.counters.commit(count);
                if self.failing_since.take().is_some() {
                    tracing::info!(target: "capsules", "recording again");
                }
            }
            Err(error) => {
                self.counters.fail(count, error.to_string());
                if self.failing_since.is_none() {
                    tracing::error!(target: "capsules", %error, "capsules could not be recorded");
                }
                let since = self
                    .failing_since
                    .take()
                    .map_or_else(Instant::now, |(since, _)| {
                        if since.elapsed() < REOPEN_AFTER {
                            since
                        } else {
                            Instant::now()
                        }
                    });
                self.failing_since = Some((since, error.clone()));
            }
        }
    }
}

/// Appends the drafts to their chain, sealed in order on the head that the store gives.
fn append(backend: &Backend, drafts: &[Draft]) -> Result<(), Error> {
    let started = Instant::now();
    let chain = backend.storage.chain_of(drafts[0].tenant_id());
    loop {
        let result = backend
            .storage
            .append(chain, &mut |head| seal_after(&backend.seal, head, drafts));
        match result {
            Err(StorageError::Locked { .. }) if started.elapsed() < LOCKED_FOR => {}
            result => return result.map_err(Error::from),
        }
    }
}

fn seal_after(
    seal: &Seal,
    head: Option<&Head>,
    drafts: &[Draft],
) -> Result<Vec<SealedRecord>, StorageError> {
    let mut position = Position::after(head);
    let mut records = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let record = seal.seal(draft, &position)?;
        position = Position {
            sequence: position.sequence + 1,
            previous_hash: Some(record.hash.clone()),
        };
        records.push(record);
    }
    Ok(records)
}
