//! The recorder: takes capsules from the callers; seals and stores them on threads of its own.
//!
//! ```text
//! caller:     admit -> note the start -> run -> draft -> journal -> queue
//! sealer:     queue -> link and hash in order -> sign in parallel
//! committer:  one transaction -> trim the journal
//! tidier:     what appends have left to do in the store
//! ```
//! A caller who waits for the commit does the work of all three when nothing else is on its way.
//!
//! A capsule is *accepted* when it is in the journal, or in the queue where there is none. The
//! committer takes accepted capsules in order and never gives one up while its store may yet take
//! it. What the journal of a dead process holds is recovered before anything else is committed.
//!
//! A forked child has neither of these threads, and its store must not be used there. It accepts
//! into a journal of its own and never waits.

mod ahead;
mod appending;
mod at_exit;
mod committer;
mod gaps;
mod queue;
mod recovery;
mod sealing;
mod shared;
mod tidying;

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, Thread};
use std::time::Duration;

use capsules_core::canonical::canonical_opening;
use capsules_core::{Capsule, DataDir, Draft, Seal, Storage};

use crate::durability::{Durability, Overflow};
use crate::error::Error;
use crate::fork::PerProcess;
use crate::redaction::Policy;
use crate::reply::Reply;
use crate::stats::Stats;

pub(crate) use committer::on_recorders_thread;
pub(crate) use gaps::system_capsule;
pub(crate) use recovery::recover_into;

use ahead::Ahead;
use at_exit::AtExit;
use committer::{Committer, as_recorders_thread};
use shared::{Job, Shared};

/// How many sealed batches may wait for the committer.
const BATCHES_AHEAD: usize = 1;
/// How long the drop of a recorder waits for its committer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

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

/// How a recorder works.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) policy: Policy,
    pub(crate) durability: Durability,
    pub(crate) overflow: Overflow,
    /// How many capsules, and how many bytes of them, may wait to be committed.
    pub(crate) queue_count: usize,
    pub(crate) queue_bytes: usize,
    /// Where the journals lie; `None` for a store that has no place for them.
    pub(crate) journals: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            durability: Durability::Journaled,
            overflow: Overflow::Wait,
            queue_count: 65_536,
            queue_bytes: 64 << 20,
            journals: None,
        }
    }
}

/// The callers' side.
///
/// When the last one of an instance is dropped its thread commits what is left and ends.
pub(crate) struct Recorder(Box<dyn Hidden>);

/// What a recorder consists of. It is hidden, since the types of all of it would be described for the
/// debugger in every crate that has an audited function.
pub(crate) struct Parts {
    shared: PerProcess<Arc<Shared>>,
    ahead: Arc<Ahead>,
    committer: Arc<Mutex<Committer>>,
    /// Answered when the committer has ended; taken by whoever waits for that.
    ended: Mutex<Option<Reply<()>>>,
}

trait Hidden: Send + Sync {
    fn parts(&self) -> &Parts;
}

impl Hidden for Parts {
    fn parts(&self) -> &Parts {
        self
    }
}

impl Deref for Recorder {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        self.0.parts()
    }
}

impl Recorder {
    pub(crate) fn start(source: Source, settings: Settings) -> Result<Arc<Self>, Error> {
        let shared = Arc::new(Shared::new(settings, false));
        let ahead = Arc::new(Ahead::default());
        let committer = Committer::new(source, Arc::clone(&shared), Arc::clone(&ahead));
        let committer = Arc::new(Mutex::new(committer));
        let (batches, received) = mpsc::sync_channel(BATCHES_AHEAD);
        let (has_ended, ended) = Reply::new();
        let commits = Arc::clone(&committer);
        spawn("capsules-commit", move || {
            Committer::run(&commits, &received);
            // Nobody may be waiting.
            let _ = has_ended.send(Ok(()));
        })?;
        let seals = (
            Arc::clone(&shared),
            Arc::clone(&ahead),
            Arc::clone(&committer),
        );
        let sealer = spawn("capsules-seal", move || {
            let (shared, ahead, committer) = seals;
            ahead::run(&shared, &ahead, &committer, &batches);
        })?;
        shared.queue.set_consumer(sealer);
        let parts = Parts {
            shared: PerProcess::new(shared),
            ahead,
            committer,
            ended: Mutex::new(Some(ended)),
        };
        Ok(Arc::new(Self(Box::new(parts))))
    }

    /// What the callers of this process share.
    fn shared(&self) -> &Arc<Shared> {
        self.shared.get(|parent| Arc::new(parent.forked()))
    }

    /// Whether the instance was opened before this process was forked.
    pub(crate) fn is_forked(&self) -> bool {
        self.shared().forked
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared().settings
    }

    /// Waits until there is room for another call; `false` when it is to run unrecorded.
    pub(crate) fn admit(&self) -> bool {
        let shared = self.shared();
        if !shared.queue.is_full() {
            return true;
        }
        match shared.settings.overflow {
            Overflow::Wait => shared.queue.wait_for_room(),
            Overflow::Drop => {
                shared.drop_one();
                return false;
            }
        }
        true
    }

    /// Like [`admit`](Self::admit), without blocking the thread.
    pub(crate) fn poll_admit(&self, context: &mut Context<'_>) -> Poll<bool> {
        match self.settings().overflow {
            Overflow::Wait => self.shared().queue.poll_room(context).map(|()| true),
            Overflow::Drop => Poll::Ready(self.admit()),
        }
    }

    /// Notes in the journal that an action has started. Best effort: the action's end is what
    /// has to be kept.
    pub(crate) fn note_start(&self, capsule: &Capsule) {
        let shared = self.shared();
        let Some(journal) = shared.journal() else {
            return;
        };
        if let Ok(opening) = canonical_opening(&shared.settings.policy.applied(capsule))
            && let Err(error) = journal.start(capsule.id, capsule.trigger.timestamp, &opening)
        {
            shared.journal_failed(&error);
        }
    }

    /// Accepts a capsule.
    pub(crate) fn accept(self: &Arc<Self>, draft: Draft, durability: Durability) {
        AtExit::wait_for(self);
        let shared = self.shared();
        shared.enqueue(shared.accept(draft, durability));
    }

    /// Accepts a capsule; the reply says when it is committed.
    pub(crate) fn accept_and_report(
        self: &Arc<Self>,
        draft: Draft,
        durability: Durability,
    ) -> Reply<()> {
        AtExit::wait_for(self);
        let shared = self.shared();
        shared.enqueue_and_report(shared.accept(draft, durability))
    }

    /// Accepts a capsule and waits until it is committed.
    ///
    /// When nothing is on its way this thread commits it itself: to wake another thread, and to be
    /// woken by it, takes about as long as half a commit. The journal, which knows of the start,
    /// takes the capsule only if that fails.
    pub(crate) fn accept_and_wait(
        self: &Arc<Self>,
        draft: Draft,
        durability: Durability,
    ) -> Result<(), Error> {
        AtExit::wait_for(self);
        let shared = self.shared();
        // The locks of a forked child's parent may never be released.
        if !shared.forked
            && self.ahead.appends_on_any_thread()
            && shared.queue.pass(Job::size_of(&draft))
        {
            let job = shared.accept_unjournaled(draft, durability);
            return as_recorders_thread(|| committer::lock(&self.committer).commit_passing(job));
        }
        let job = shared.accept(draft, durability);
        shared.enqueue_and_report(job).wait()
    }

    /// Counts a capsule that cannot be sealed.
    pub(crate) fn reject(&self, capsule: &Capsule, error: &Error) {
        let shared = self.shared();
        shared.counters.accept();
        shared.counters.fail(1, error.to_string());
        if let Some(journal) = shared.journal.get()
            && let Err(error) = journal.end(capsule.id)
        {
            shared.journal_failed(&error);
        }
        tracing::error!(target: "capsules", %error, "a capsule could not be recorded");
    }

    /// Answers when everything that was accepted before is committed.
    pub(crate) fn flush(&self) -> Reply<()> {
        let shared = self.shared();
        if shared.forked {
            return Reply::ready(Err(Error::Forked));
        }
        shared.queue.flush()
    }

    /// Flushes and waits, at most for this time. Where the store fails there is no use in
    /// waiting: what is in the journal is kept, and the time-out says how much it is.
    pub(crate) fn flush_within(&self, timeout: Duration) -> Result<Stats, Error> {
        let timed_out = || Error::TimedOut {
            waiting: self.stats().waiting,
        };
        if self.shared().counters.is_failing() {
            return Err(timed_out());
        }
        self.flush()
            .wait_timeout(timeout)
            .unwrap_or_else(|| Err(timed_out()))?;
        Ok(self.stats())
    }

    pub(crate) fn stats(&self) -> Stats {
        self.shared().counters.snapshot()
    }

    /// Takes no more capsules, and waits until the committer has ended, at most for this time.
    pub(crate) fn close(&self, timeout: Duration) -> Result<Stats, Error> {
        let shared = self.shared();
        if shared.forked {
            shared.close_journal();
            return Err(Error::Forked);
        }
        shared.queue.close();
        let ended = self
            .ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let ended = ended.map_or(Some(Ok(())), |ended| ended.wait_timeout(timeout));
        let stats = self.stats();
        match ended {
            Some(Ok(())) if stats.waiting == 0 => Ok(stats),
            _ => Err(Error::TimedOut {
                waiting: stats.waiting,
            }),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // What could not be committed in time is in the journal.
        let _ = self.close(CLOSE_TIMEOUT);
    }
}

/// Starts one of the recorder's threads.
fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<Thread, Error> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(|| as_recorders_thread(run))
        .map(|thread| thread.thread().clone())
        .map_err(|error| Error::Thread(Arc::new(error)))
}
