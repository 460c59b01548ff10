//! What a recorder's callers and its threads share: the queue, the counters and the journal.

use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use capsules_core::{DataDir, Draft, Timestamp};

use super::Settings;
use super::gaps::Gaps;
use super::queue::Queue;
use crate::durability::Durability;
use crate::error::Error;
use crate::journal::{Journal, Receipt};
use crate::reply::{Answer, Reply};
use crate::stats::Counters;

/// How long a journal that could not be opened is left alone.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

/// What the callers and the committer share.
pub(super) struct Shared {
    pub(super) settings: Settings,
    /// Whether this is a forked child's part, whose queue is closed.
    pub(super) forked: bool,
    pub(super) queue: Queue,
    pub(super) counters: Counters,
    pub(super) gaps: Gaps,
    /// Opened by the first call that needs it.
    pub(super) journal: OnceLock<Journal>,
    /// When opening it failed last.
    no_journal_since: Mutex<Option<Instant>>,
}

/// A capsule on its way to the store.
pub(super) struct Job {
    pub(super) draft: Draft,
    pub(super) durability: Durability,
    /// `None` when it is not in the journal.
    pub(super) receipt: Option<Receipt>,
    pub(super) answer: Option<Answer<()>>,
}

impl Job {
    /// What the job counts against the queue's limit of bytes.
    pub(super) fn size(&self) -> usize {
        Self::size_of(&self.draft)
    }

    /// The same of the job that a draft becomes.
    pub(super) fn size_of(draft: &Draft) -> usize {
        size_of::<Self>() + draft.text().len()
    }
}

impl Shared {
    pub(super) fn new(settings: Settings, forked: bool) -> Self {
        Self {
            queue: Queue::new(settings.queue_count, settings.queue_bytes),
            settings,
            forked,
            counters: Counters::default(),
            gaps: Gaps::default(),
            journal: OnceLock::new(),
            no_journal_since: Mutex::default(),
        }
    }

    /// What a forked child has instead.
    pub(super) fn forked(&self) -> Self {
        if let Some(journal) = self.journal.get() {
            journal.let_go();
        }
        let child = Self::new(self.settings.clone(), true);
        child.queue.close();
        child
    }

    /// Accepts a capsule: journals it.
    pub(super) fn accept(&self, draft: Draft, durability: Durability) -> Job {
        let mut job = self.accept_unjournaled(draft, durability);
        self.journal_job(&mut job);
        job
    }

    /// Accepts a capsule whose caller waits until it is stored, or journaled after all.
    pub(super) fn accept_unjournaled(&self, draft: Draft, durability: Durability) -> Job {
        self.counters.accept();
        Job {
            draft,
            durability,
            receipt: None,
            answer: None,
        }
    }

    /// Writes a job to the journal, unless it is to be in memory only.
    pub(super) fn journal_job(&self, job: &mut Job) {
        // In a forked child nobody will ever store what is in memory.
        if job.durability != Durability::Memory || self.forked {
            job.receipt = self.write_to_journal(&job.draft);
        }
    }

    /// Queues a job; one that somebody waits for is urgent.
    pub(super) fn enqueue(&self, job: Job) {
        let (urgent, journaled) = (job.answer.is_some(), job.receipt.is_some());
        if self.forked {
            if let Some(answer) = job.answer {
                // Nobody may be waiting any more.
                let _ = answer.send(Err(Error::Forked));
            }
            if !journaled {
                self.counters.fail(1, Error::Forked.to_string());
            }
            return;
        }
        // What is in the journal of a closed instance is recovered by whoever opens the store
        // next.
        if !self.queue.push(job, urgent) && !journaled {
            self.counters.fail(1, Error::Closed.to_string());
        }
    }

    pub(super) fn enqueue_and_report(&self, mut job: Job) -> Reply<()> {
        let (answer, reply) = Reply::new();
        job.answer = Some(answer);
        self.enqueue(job);
        reply
    }

    fn write_to_journal(&self, draft: &Draft) -> Option<Receipt> {
        self.settings.journals.as_ref()?;
        let now = Timestamp::now();
        let accepted = self
            .journal()
            .map(|journal| journal.accept(draft.id(), now, draft.text()));
        if let Some(Ok(receipt)) = accepted {
            self.gaps.journaled();
            return Some(receipt);
        }
        let first = self.gaps.not_journaled(now);
        // Why it could not be opened was said when that was tried.
        if let Some(Err(error)) = accepted {
            self.counters.journal_failed(&error.to_string());
            if first {
                tracing::error!(target: "capsules", %error, "the journal takes no capsules");
            }
        }
        None
    }

    /// The journal of this process, opened when it is needed first.
    pub(super) fn journal(&self) -> Option<&Journal> {
        if let Some(journal) = self.journal.get() {
            return Some(journal);
        }
        let directory = self.settings.journals.as_deref()?;
        // One thread opens; what others accept meanwhile has to wait for it.
        let mut failed = self
            .no_journal_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if self.journal.get().is_none() && failed.is_none_or(|at| at.elapsed() > REOPEN_AFTER) {
            create_parent(directory);
            match Journal::open(directory) {
                Ok(journal) => {
                    self.journal.get_or_init(|| journal);
                }
                Err(error) => {
                    *failed = Some(Instant::now());
                    self.journal_failed(&error);
                }
            }
        }
        self.journal.get()
    }

    pub(super) fn close_journal(&self) {
        if let Some(journal) = self.journal.get()
            && let Err(error) = journal.close()
        {
            tracing::error!(target: "capsules", %error, "the journal could not be closed");
        }
    }

    pub(super) fn journal_failed(&self, error: &dyn std::error::Error) {
        if self.counters.journal_failed(&error.to_string()) {
            tracing::error!(target: "capsules", %error, "the journal could not be written");
        }
    }

    pub(super) fn drop_one(&self) {
        self.counters.drop_one();
        if self.gaps.dropped(Timestamp::now()) {
            tracing::warn!(target: "capsules", "the queue is full; calls run unrecorded");
        }
    }
}

/// Makes the directory that the default store will lie in. Its failure is the journal's.
fn create_parent(journals: &Path) {
    if let Some(parent) = journals.parent()
        && !parent.exists()
        && let Ok(dir) = DataDir::new(parent)
    {
        let _ = dir.create();
    }
}
