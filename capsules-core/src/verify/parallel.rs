//! A chain checked on several threads, with the verdict of one.
//!
//! The calling thread reads. It cuts the chain into chunks and hands them to threads that live no
//! longer than the verification. Each checks a chunk as if the chain were right up to there: it
//! is told the chunk's place and the hash before it. The calling thread joins the chunks in the
//! chain's order. A chunk in which something was found, or whose signatures were not accepted
//! together, is checked again record by record, so that what is reported does not depend on how
//! the chain was cut. A chain of less than a chunk starts no thread.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Scope};

use super::chunk::Chunk;
use super::report::Report;
use super::signatures::Signatures;
use super::verification::{Part, Place, Verification};
use super::verifier::Verifier;
use crate::record::{RecordRef, SealedRecord};

/// A chunk is full with this much text, however few its records are.
const CHUNK_BYTES: usize = 3 << 20;

/// With this much text in chunks that are not joined yet nothing more is read.
const BYTES_IN_FLIGHT: usize = 24 << 20;

/// The first record that failed and the ones beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Neighbours {
    /// The record before it; where none failed, the last one that was verified.
    pub before: Option<SealedRecord>,
    /// The record that failed.
    pub failed: Option<SealedRecord>,
    /// The record after it.
    pub after: Option<SealedRecord>,
}

/// Verifies the records that `scan` shows. `watch` is told how many were read and joined.
pub(super) fn run<E>(
    verifier: &Verifier,
    watch: &mut dyn FnMut(u64),
    scan: impl FnOnce(&mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>) -> Result<(), E>,
) -> Result<(Report, Neighbours), E> {
    let (job_sender, job_receiver) = channel();
    let jobs = Mutex::new(job_receiver);
    thread::scope(|scope| {
        let mut pipeline = Pipeline {
            joiner: Joiner::new(verifier, watch),
            filling: Chunk::default(),
            place: None,
            workers: Workers::new(scope, verifier, &jobs, job_sender),
            sent: 0,
            joined: 0,
            bytes: 0,
            waiting: BTreeMap::new(),
            free: Vec::new(),
        };
        scan(&mut |record| {
            pipeline.read(record);
            ControlFlow::Continue(())
        })?;
        Ok(pipeline.finish())
    })
}

/// A chunk to check.
struct Job {
    number: u64,
    place: Place,
    chunk: Chunk,
}

/// A chunk that was checked, and what it adds to the verification unless it must be checked
/// again.
struct Done {
    number: u64,
    chunk: Chunk,
    part: Option<Part>,
}

impl Job {
    fn check(self, verifier: &Verifier, signatures: &mut Signatures) -> Done {
        let Self {
            number,
            place,
            chunk,
        } = self;
        let part = Part::check(verifier, place, chunk.records(), signatures);
        Done {
            number,
            chunk,
            part,
        }
    }
}

/// What the calling thread does.
struct Pipeline<'scope, 'env, 'w> {
    joiner: Joiner<'env, 'w>,
    filling: Chunk,
    /// Where the chunk that is filled next begins; `None` before the first.
    place: Option<Place>,
    workers: Workers<'scope, 'env>,
    /// How many chunks were sent to be checked, and how many were joined.
    sent: u64,
    joined: u64,
    /// Text in the chunks between the two.
    bytes: usize,
    /// Chunks that were checked before an earlier one was.
    waiting: BTreeMap<u64, Done>,
    /// Chunks to fill again.
    free: Vec<Chunk>,
}

impl Pipeline<'_, '_, '_> {
    fn read(&mut self, record: RecordRef<'_>) {
        if self.joiner.wants_each_record() {
            self.joiner.push(record);
            return;
        }
        self.filling.push(record);
        if self.filling.len() >= self.workers.verifier.chunk_records()
            || self.filling.bytes() >= CHUNK_BYTES
        {
            self.workers.start();
            self.send();
        }
    }

    fn finish(mut self) -> (Report, Neighbours) {
        self.send();
        self.join_all();
        self.joiner.finish()
    }

    /// Sends the chunk that was filled, once there is room for it.
    fn send(&mut self) {
        if self.filling.is_empty() {
            return;
        }
        while self.joined < self.sent
            && (self.sent - self.joined >= self.workers.room()
                || self.bytes + self.filling.bytes() > BYTES_IN_FLIGHT)
        {
            self.join_next();
        }
        if self.joiner.wants_each_record() {
            self.join_all();
            self.joiner.push_all(&self.filling);
            self.filling = Chunk::default();
            return;
        }
        let chunk = std::mem::replace(&mut self.filling, self.free.pop().unwrap_or_default());
        let place = self.place.take().unwrap_or_else(|| self.joiner.place());
        self.place = Some(place.after(chunk.len() as u64, chunk.last()));
        self.bytes += chunk.bytes();
        let number = self.sent;
        self.sent += 1;
        let job = Job {
            number,
            place,
            chunk,
        };
        if let Some(done) = self.workers.check(job) {
            self.waiting.insert(number, done);
        }
    }

    fn join_all(&mut self) {
        while self.joined < self.sent {
            self.join_next();
        }
    }

    /// Joins the next chunk in the chain's order, after it was waited for.
    fn join_next(&mut self) {
        let mut done = self.waiting.remove(&self.joined);
        while done.is_none() {
            match self.workers.next() {
                Some(other) if other.number == self.joined => done = Some(other),
                Some(other) => drop(self.waiting.insert(other.number, other)),
                // Every thread has panicked, which leaving the scope passes on.
                None => break,
            }
        }
        self.joined += 1;
        let Some(Done {
            mut chunk, part, ..
        }) = done
        else {
            return;
        };
        self.joiner.join(&chunk, part);
        self.bytes -= chunk.bytes();
        chunk.clear(2 * CHUNK_BYTES);
        self.free.push(chunk);
    }
}

/// Puts the chunks together.
struct Joiner<'v, 'w> {
    verification: Verification<'v>,
    neighbours: Neighbours,
    watch: &'w mut dyn FnMut(u64),
    read: u64,
}

impl<'v, 'w> Joiner<'v, 'w> {
    fn new(verifier: &'v Verifier, watch: &'w mut dyn FnMut(u64)) -> Self {
        Self {
            verification: verifier.begin(),
            neighbours: Neighbours::default(),
            watch,
            read: 0,
        }
    }

    /// Whether records must not be sent ahead: before the first that is to be checked, and after
    /// one that failed.
    fn wants_each_record(&self) -> bool {
        self.verification.awaits_head() || self.verification.error().is_some()
    }

    /// Where the next record stands.
    fn place(&self) -> Place {
        self.verification.place()
    }

    fn join(&mut self, chunk: &Chunk, part: Option<Part>) {
        let absorbed = part.is_some_and(|part| self.verification.absorb(part));
        if absorbed {
            self.neighbours.before = chunk.last().map(|record| record.to_owned());
            self.count(chunk.len() as u64);
        } else {
            self.push_all(chunk);
        }
    }

    fn push_all(&mut self, chunk: &Chunk) {
        let mut before = None;
        for record in chunk.records() {
            let failed_before = self.verification.error().is_some();
            self.verification.push_ref(record);
            if failed_before {
                if self.neighbours.after.is_none() {
                    self.neighbours.after = Some(record.to_owned());
                }
            } else if self.verification.error().is_some() {
                self.neighbours.failed = Some(record.to_owned());
                if let Some(before) = before {
                    self.neighbours.before = Some(RecordRef::to_owned(&before));
                }
            } else {
                before = Some(record);
            }
        }
        if let (None, Some(last)) = (self.verification.error(), before) {
            self.neighbours.before = Some(last.to_owned());
        }
        self.count(chunk.len() as u64);
    }

    fn push(&mut self, record: RecordRef<'_>) {
        if self.neighbours.after.is_some() {
            self.verification.push_ref(record);
            return self.count(1);
        }
        let mut alone = Chunk::default();
        alone.push(record);
        self.push_all(&alone);
    }

    fn count(&mut self, records: u64) {
        self.read += records;
        (self.watch)(self.read);
    }

    fn finish(self) -> (Report, Neighbours) {
        (self.verification.finish(), self.neighbours)
    }
}

/// The threads that check.
struct Workers<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    verifier: &'env Verifier,
    jobs: &'env Mutex<Receiver<Job>>,
    sender: Sender<Job>,
    answers: Option<Receiver<Done>>,
    threads: usize,
    /// For chunks that the calling thread checks.
    signatures: Signatures,
}

impl<'scope, 'env> Workers<'scope, 'env> {
    fn new(
        scope: &'scope Scope<'scope, 'env>,
        verifier: &'env Verifier,
        jobs: &'env Mutex<Receiver<Job>>,
        sender: Sender<Job>,
    ) -> Self {
        Self {
            scope,
            verifier,
            jobs,
            sender,
            answers: None,
            threads: 0,
            signatures: verifier.signatures(),
        }
    }

    /// Starts the threads, if several are wanted. Where none can be had the calling thread checks.
    fn start(&mut self) {
        if self.answers.is_some() {
            return;
        }
        let wanted = self.verifier.wanted_threads().map_or(1, NonZero::get);
        let (sender, answers) = channel();
        self.answers = Some(answers);
        if wanted == 1 {
            return;
        }
        for _ in 0..wanted {
            let (verifier, jobs, sender) = (self.verifier, self.jobs, sender.clone());
            let started = thread::Builder::new()
                .name("capsules-verify".to_owned())
                .spawn_scoped(self.scope, move || work(verifier, jobs, &sender));
            self.threads += usize::from(started.is_ok());
        }
    }

    /// How many chunks may be under way.
    fn room(&self) -> u64 {
        2 * self.threads as u64 + 1
    }

    /// Has a chunk checked; at once where there are no threads.
    fn check(&mut self, job: Job) -> Option<Done> {
        if self.threads == 0 {
            return Some(job.check(self.verifier, &mut self.signatures));
        }
        match self.sender.send(job) {
            Ok(()) => None,
            // The receiver lives as long as the scope.
            Err(unsent) => Some(unsent.0.check(self.verifier, &mut self.signatures)),
        }
    }

    /// Waits for a chunk.
    fn next(&self) -> Option<Done> {
        self.answers.as_ref()?.recv().ok()
    }
}

/// Checks chunks until there are no more.
fn work(verifier: &Verifier, jobs: &Mutex<Receiver<Job>>, answers: &Sender<Done>) {
    let mut signatures = verifier.signatures();
    loop {
        // Nothing can panic while the lock is held.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        if answers.send(job.check(verifier, &mut signatures)).is_err() {
            return;
        }
    }
}
