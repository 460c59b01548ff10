//! Verifications: few at once, each for all who want it, and none that nobody waits for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use capsules_core::verify::{Level, Report, TrustedKeys, Verifier};
use capsules_core::{Head, Storage, StorageError, Timestamp};
use tokio::sync::watch;

use crate::blocking::Blocking;
use crate::cancel::Cancel;
use crate::problem::Problem;
use crate::recent::Recent;
use crate::view::View;

/// Verifies chains, and keeps the verdicts for a while.
#[derive(Debug)]
pub(crate) struct Verdicts {
    works: Blocking,
    /// As long as a verdict is given to others.
    fresh: Duration,
    known: Mutex<Recent<Key, Known>>,
}

/// Which chain (every chain when there is no name), and how thoroughly.
type Key = (Option<Option<String>>, Level);

#[derive(Debug)]
enum Known {
    Running(Arc<watch::Sender<Progress>>),
    Done(Arc<Outcome>),
}

/// How far a verification is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    pub(crate) verified: u64,
    pub(crate) total: u64,
    pub(crate) done: Option<Result<Arc<Outcome>, Problem>>,
}

/// What a verification found, and when.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) report: Report,
    pub(crate) checked_at: Timestamp,
    ended: Instant,
}

impl Outcome {
    pub(crate) fn age(&self) -> Duration {
        self.ended.elapsed()
    }
}

/// A verification that somebody waits for. It ends when the last one drops this.
#[derive(Debug)]
pub(crate) struct Wait(watch::Receiver<Progress>);

impl Wait {
    /// The next state that is worth telling; at last the one that is done.
    pub(crate) async fn next(&mut self) -> Progress {
        // The sender is dropped only after it has sent the end.
        let _ = self.0.changed().await;
        self.0.borrow_and_update().clone()
    }

    /// What was found.
    pub(crate) async fn end(mut self) -> Result<Arc<Outcome>, Problem> {
        let ended = self.0.wait_for(|progress| progress.done.is_some()).await;
        match ended.map(|progress| progress.done.clone()) {
            Ok(Some(done)) => done,
            _ => Err(Problem::busy("The verification was given up", 1)),
        }
    }
}

impl Verdicts {
    /// At most this many verifications at once.
    pub(crate) fn new(works: usize, fresh: Duration) -> Self {
        Self {
            works: Blocking::new(works),
            fresh,
            known: Mutex::new(Recent::new(KEPT)),
        }
    }

    /// Verifies the chain of a view, unless somebody else is about it or has just done it. `anew`
    /// asks for a verdict that is not known yet.
    pub(crate) fn of(
        self: &Arc<Self>,
        view: &View,
        keys: &TrustedKeys,
        level: Level,
        anew: bool,
    ) -> Wait {
        let chain = (!view.has_chains()).then(|| view.chain().map(str::to_owned));
        let key = (chain, level);
        let mut known = self.lock();
        match known.get(&key) {
            Some(Known::Running(progress)) => return Wait(progress.subscribe()),
            Some(Known::Done(outcome)) if !anew && outcome.age() < self.fresh => {
                let done = Some(Ok(Arc::clone(outcome)));
                let mut wait = watch::channel(Progress {
                    done,
                    ..Progress::default()
                })
                .1;
                wait.mark_changed();
                return Wait(wait);
            }
            _ => {}
        }
        let (sender, receiver) = watch::channel(Progress::default());
        let sender = Arc::new(sender);
        known.insert(key.clone(), Known::Running(Arc::clone(&sender)));
        drop(known);
        let work = Work {
            view: view.whole(),
            verifier: Verifier::new(level).keys(keys.clone()),
            progress: sender,
        };
        tokio::spawn(Arc::clone(self).run(key, work));
        Wait(receiver)
    }

    async fn run(self: Arc<Self>, key: Key, work: Work) {
        let progress = Arc::clone(&work.progress);
        let (cancel, guard) = Cancel::when_dropped();
        let verify = self.works.run(move || work.verify(cancel));
        let ended = tokio::select! {
            ended = verify => ended,
            () = self.abandoned(&key, &progress) => {
                drop(guard);
                return;
            }
        };
        let done = ended.map(Arc::new);
        let mut known = self.lock();
        match &done {
            Ok(outcome) => known.insert(key, Known::Done(Arc::clone(outcome))),
            Err(_) => known.remove(&key),
        }
        drop(known);
        progress.send_modify(|progress| progress.done = Some(done));
    }

    /// Returns when nobody waits for a verification any more, and nobody can begin to.
    async fn abandoned(&self, key: &Key, progress: &watch::Sender<Progress>) {
        loop {
            progress.closed().await;
            let mut known = self.lock();
            if progress.is_closed() {
                known.remove(key);
                return;
            }
        }
    }

    /// Entries are only ever replaced as a whole, so those of a poisoned lock are intact.
    fn lock(&self) -> MutexGuard<'_, Recent<Key, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A verification that is to be made.
struct Work {
    view: View,
    verifier: Verifier,
    progress: Arc<watch::Sender<Progress>>,
}

impl Work {
    fn verify(self, cancel: Cancel) -> Result<Outcome, StorageError> {
        let view = self.view.cancelled_by(cancel);
        let chains = match view.has_chains() {
            true => view.chains()?,
            false => vec![view.chain().map(str::to_owned)],
        };
        let total = match view.has_chains() {
            true => view.heads()?.iter().map(|(_, head)| length(head)).sum(),
            false => view.head(view.chain())?.as_ref().map_or(0, length),
        };
        let mut told = Instant::now();
        let (mut before, mut reports) = (0, Vec::new());
        for chain in &chains {
            let mut watch = |verified| {
                if told.elapsed() > PAUSE {
                    told = Instant::now();
                    self.progress.send_modify(|progress| {
                        (progress.verified, progress.total) = (before + verified, total);
                    });
                }
            };
            let (report, _) = self
                .verifier
                .verify_store(&view, chain.as_deref(), &mut watch)?;
            before += report.total_capsules;
            reports.push(report);
        }
        let report = Report::joined(reports).unwrap_or_else(|| self.verifier.verify_records([]));
        Ok(Outcome {
            report,
            checked_at: Timestamp::now(),
            ended: Instant::now(),
        })
    }
}

fn length(head: &Head) -> u64 {
    head.sequence.saturating_add(1)
}

/// Between two messages of the progress.
const PAUSE: Duration = Duration::from_millis(100);

/// As many verdicts and verifications are remembered.
const KEPT: usize = 256;
