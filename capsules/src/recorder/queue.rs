//! Capsules that are accepted and not yet committed.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use super::shared::Job;
use crate::error::Error;
use crate::reply::{Answer, Reply};

/// How often the consumer looks for jobs while it is busy. Callers need not wake it then.
const POLL: Duration = Duration::from_millis(1);
/// How many looks in vain end that.
const POLLS: u32 = 64;

/// While something is on its way to the store the consumer takes no fewer jobs: a short while
/// later they share a commit with others.
pub(super) const SMALL: usize = 32;

/// From so many waiting callers on it pays to wait for them: so often, and so long.
const TOGETHER: usize = 8;
const GATHERS: u32 = 5;
const GATHER: Duration = Duration::from_micros(50);

/// A queue with one consumer, bounded by the number and the bytes of what is not yet committed,
/// including what the consumer has taken.
///
/// A push never waits: callers wait for room *before* their action runs, so the bound can be
/// exceeded by the actions that are running.
pub(super) struct Queue {
    limit: Size,
    state: Mutex<State>,
    room: Condvar,
    consumer: OnceLock<Thread>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// What is queued, and what the consumer has taken and not yet committed.
    size: Size,
    /// How many jobs were ever pushed, and how many of them are done.
    pushed: u64,
    done: u64,
    /// Answered when so many jobs are done, in order.
    flushes: VecDeque<(u64, Answer<()>)>,
    /// Futures that wait for room.
    wakers: Vec<Waker>,
    /// How many threads wait for room.
    blocked: usize,
    /// How many of the jobs that were taken last have a caller who waits.
    together: usize,
    /// Whether a caller commits a job that has passed by the queue.
    passing: bool,
    /// Whether the consumer sleeps until it is woken.
    parked: bool,
    closed: bool,
}

impl State {
    /// How many jobs were taken or have passed by, and are not done.
    fn on_their_way(&self) -> usize {
        self.size.count - self.jobs.len()
    }

    /// Whether there is something to do for the consumer.
    fn is_due(&self) -> bool {
        if self.passing {
            return false;
        }
        match self.jobs.len() {
            0 => self.closed,
            SMALL.. => true,
            _ => self.on_their_way() == 0,
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Size {
    count: usize,
    bytes: usize,
}

impl Queue {
    pub(super) fn new(count: usize, bytes: usize) -> Self {
        Self {
            limit: Size { count, bytes },
            state: Mutex::default(),
            room: Condvar::new(),
            consumer: OnceLock::new(),
        }
    }

    pub(super) fn set_consumer(&self, thread: Thread) {
        // Set once, right after the thread was started.
        let _ = self.consumer.set(thread);
        // It may have parked before it could be woken.
        self.wake();
    }

    /// Adds a job, unless the queue is closed. An urgent one wakes the consumer.
    pub(super) fn push(&self, job: Job, urgent: bool) -> bool {
        let wake = {
            let mut state = self.lock();
            if state.closed {
                return false;
            }
            state.size.count += 1;
            state.size.bytes += job.size();
            state.pushed += 1;
            state.jobs.push_back(job);
            state.is_due() && (std::mem::take(&mut state.parked) || urgent)
        };
        if wake {
            self.wake();
        }
        true
    }

    /// Whether a job of this size may pass by the queue, to be committed by its caller: nothing
    /// is on its way, and few others wait with whom it could share a commit. The consumer takes
    /// nothing until the job is [`done`](Self::done) or [put back](Self::put_back), so what is
    /// pushed meanwhile stays behind it.
    pub(super) fn pass(&self, bytes: usize) -> bool {
        let mut state = self.lock();
        if state.closed || state.size.count > 0 || state.together >= TOGETHER {
            return false;
        }
        state.size = Size { count: 1, bytes };
        state.pushed += 1;
        state.passing = true;
        true
    }

    /// Gives a job that has passed by to the consumer, before everything else.
    pub(super) fn put_back(&self, job: Job) {
        {
            let mut state = self.lock();
            state.passing = false;
            state.jobs.push_front(job);
        }
        self.wake();
    }

    /// Whether the limit is reached.
    pub(super) fn is_full(&self) -> bool {
        self.is_full_in(&self.lock())
    }

    /// Blocks the thread while the queue is full.
    pub(super) fn wait_for_room(&self) {
        let mut state = self.lock();
        while self.is_full_in(&state) {
            state.blocked += 1;
            state = self
                .room
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.blocked -= 1;
        }
    }

    /// Ready when the queue is not full; otherwise the task is woken when there is room.
    pub(super) fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if !self.is_full_in(&state) {
            return Poll::Ready(());
        }
        let waker = context.waker();
        if !state.wakers.iter().any(|known| known.will_wake(waker)) {
            state.wakers.push(waker.clone());
        }
        Poll::Pending
    }

    /// Answers when all that was pushed before is done.
    pub(super) fn flush(&self) -> Reply<()> {
        let (answer, reply) = Reply::new();
        {
            let mut state = self.lock();
            if state.done == state.pushed {
                drop(state);
                return Reply::ready(Ok(()));
            }
            let target = state.pushed;
            state.flushes.push_back((target, answer));
        }
        self.wake();
        reply
    }

    /// Answers every flush with the error that keeps it from being done.
    pub(super) fn fail_flushes(&self, error: &Error) {
        let flushes = std::mem::take(&mut self.lock().flushes);
        for (_, answer) in flushes {
            // Nobody may be waiting any more.
            let _ = answer.send(Err(error.clone()));
        }
    }

    /// No more jobs: pushes fail, and the consumer ends when the queue is empty.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.wake();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// The next jobs in order, at most so many; fewer than [`SMALL`] only when nothing is on its
    /// way. Waits for them; empty when the queue is closed. For the consumer only.
    pub(super) fn take(&self, most: usize) -> Vec<Job> {
        self.wait_for_jobs();
        self.gather();
        let mut state = self.lock();
        let count = state.jobs.len().min(most);
        let jobs: Vec<Job> = state.jobs.drain(..count).collect();
        state.together = jobs.iter().filter(|job| job.answer.is_some()).count();
        jobs
    }

    fn wait_for_jobs(&self) {
        for poll in 0_u32.. {
            {
                let mut state = self.lock();
                if state.is_due() {
                    return;
                }
                state.parked = poll >= POLLS;
            }
            // A wake-up between the unlock and the sleep ends the sleep at once.
            if poll < POLLS {
                thread::park_timeout(POLL);
            } else {
                thread::park();
            }
        }
    }

    /// Callers that waited for one commit come back together; waits a moment until most of them
    /// are here, so that they share the next one.
    fn gather(&self) {
        let mut expected = 0;
        for _ in 0..GATHERS {
            let state = self.lock();
            let (together, here) = (state.together, state.jobs.len());
            let enough = together < TOGETHER || here > together / 2;
            if state.closed || enough || here < expected {
                return;
            }
            drop(state);
            thread::sleep(GATHER);
            // Who comes alone, at a time of his own, is not waited for.
            expected = here + together / TOGETHER + 1;
        }
    }

    /// Says that jobs which were taken are committed, or given up.
    pub(super) fn done(&self, count: usize, bytes: usize) {
        let (wakers, wake, blocked) = {
            let mut state = self.lock();
            state.passing = false;
            state.size.count -= count;
            state.size.bytes -= bytes;
            state.done += count as u64;
            while state
                .flushes
                .front()
                .is_some_and(|(target, _)| *target <= state.done)
            {
                if let Some((_, answer)) = state.flushes.pop_front() {
                    // Nobody may be waiting any more.
                    let _ = answer.send(Ok(()));
                }
            }
            let wakers = if self.is_full_in(&state) {
                Vec::new()
            } else {
                std::mem::take(&mut state.wakers)
            };
            let wake = state.on_their_way() == 0 && state.is_due();
            (wakers, wake, state.blocked > 0)
        };
        if wake {
            self.wake();
        }
        // A system call, which costs more than the rest when nobody waits.
        if blocked {
            self.room.notify_all();
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    fn is_full_in(&self, state: &State) -> bool {
        let full = state.size.count >= self.limit.count || state.size.bytes >= self.limit.bytes;
        full && !state.closed
    }

    fn wake(&self) {
        if let Some(consumer) = self.consumer.get() {
            consumer.unpark();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
