//! Callers who wait for the store: they append to it themselves when nothing is on its way.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Condvar, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use capsules::{Capsules, Error, Filter, LocalSigner, OutcomeStatus, Storage, StorageError, audit};
use capsules_tests::hooked::{HookedStorage, Hooks, Operation};
use futures_util::FutureExt;

use crate::support::PATIENCE;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Works,
    Fails,
    /// Stores, and says that it has failed.
    FailsAfterwards,
    /// Waits until the mood changes.
    Hangs,
}

/// A store in memory that notes which threads append, and audits its own calls.
type Watched = HookedStorage<Watch>;

struct Watch {
    on_any_thread: bool,
    state: Mutex<(Mood, Vec<ThreadId>)>,
    changed: Condvar,
    /// The threads that have tidied.
    tidiers: Mutex<Vec<ThreadId>>,
}

fn watched() -> Watched {
    appending_on_any_thread(true)
}

fn appending_on_any_thread(on_any_thread: bool) -> Watched {
    HookedStorage::new(Watch {
        on_any_thread,
        state: Mutex::new((Mood::Works, Vec::new())),
        changed: Condvar::new(),
        tidiers: Mutex::default(),
    })
}

/// What was asked in the capsules that are stored, in order.
fn contents(store: &Watched) -> Vec<u32> {
    let records = store.records().list(&Filter::new().oldest_first()).unwrap();
    let capsules = records.iter().map(|record| record.capsule().unwrap());
    capsules
        .map(|capsule| {
            assert_eq!(capsule.outcome.status, OutcomeStatus::Success);
            capsule.trigger.request.parse().unwrap()
        })
        .collect()
}

impl Watch {
    fn set(&self, mood: Mood) {
        self.state.lock().unwrap().0 = mood;
        self.changed.notify_all();
    }

    /// The threads that have begun to append since the last time.
    fn threads(&self) -> Vec<ThreadId> {
        std::mem::take(&mut self.state.lock().unwrap().1)
    }

    /// Waits until a thread has begun to append: which one.
    fn wait_for_append(&self) -> ThreadId {
        let state = self.state.lock().unwrap();
        let (mut state, waited) = self
            .changed
            .wait_timeout_while(state, PATIENCE, |(_, threads)| threads.is_empty())
            .unwrap();
        assert!(!waited.timed_out(), "nobody appends");
        state.1.remove(0)
    }

    fn error(&self) -> StorageError {
        StorageError::Write {
            location: self.location(),
            reason: "it is told to fail".to_owned(),
        }
    }
}

impl Hooks for Watch {
    fn around<T>(
        &self,
        operation: Operation,
        run: impl FnOnce() -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        #[audit(type = "system")]
        fn audited_by_the_store() {}
        if operation != Operation::Append {
            return run();
        }
        audited_by_the_store();
        let mut state = self.state.lock().unwrap();
        state.1.push(thread::current().id());
        self.changed.notify_all();
        let hangs = |(mood, _): &mut (Mood, _)| *mood == Mood::Hangs;
        let mood = self.changed.wait_while(state, hangs).unwrap().0;
        if mood == Mood::Fails {
            return Err(self.error());
        }
        let done = run()?;
        if mood == Mood::FailsAfterwards {
            return Err(self.error());
        }
        Ok(done)
    }

    fn appends_on_any_thread(&self) -> bool {
        self.on_any_thread
    }

    fn is_untidy(&self) -> bool {
        true
    }

    fn tidy(&self) -> Result<(), StorageError> {
        self.tidiers.lock().unwrap().push(thread::current().id());
        Err(self.error())
    }

    fn location(&self) -> String {
        "a watched store".to_owned()
    }
}

#[audit(type = "tool", durability = "committed", swallow_errors = false)]
fn waits(n: u32) -> Result<u32, Error> {
    Ok(n)
}

#[audit(type = "tool", durability = "committed", swallow_errors = false)]
async fn awaits(n: u32) -> Result<u32, Error> {
    Ok(n)
}

#[audit(type = "tool")]
fn goes_on(_n: u32) {}

/// An instance that has opened the store: it holds the capsule 0.
fn open(store: &Watched) -> Capsules {
    let capsules = Capsules::builder()
        .storage(store.clone())
        .signer(LocalSigner::generate().unwrap())
        .build()
        .unwrap();
    capsules.scope_sync(|| waits(0)).unwrap();
    store.threads();
    capsules
}

#[test]
fn a_caller_who_waits_appends() {
    let store = watched();
    let capsules = open(&store);
    for n in 1..4 {
        capsules.scope_sync(|| waits(n)).unwrap();
        assert_eq!(contents(&store).len(), n as usize + 1);
    }
    assert_eq!(store.threads(), [thread::current().id(); 3]);
    // What the store calls meanwhile is not recorded, what the caller calls afterwards is.
    capsules.scope_sync(|| goes_on(4));
    let stats = capsules.close(PATIENCE).unwrap();
    assert_eq!((stats.accepted, stats.committed), (5, 5));
    assert_eq!(contents(&store), [0, 1, 2, 3, 4]);
}

#[test]
fn a_store_can_keep_to_the_recorders_threads() {
    let store = appending_on_any_thread(false);
    let capsules = open(&store);
    capsules.scope_sync(|| waits(1)).unwrap();
    assert_ne!(store.threads(), [thread::current().id()]);
    assert_eq!(contents(&store), [0, 1]);
}

/// On a thread of its own, and nothing depends on whether it works.
#[test]
fn a_store_is_tidied_beside_the_appends() {
    let store = watched();
    let capsules = open(&store);
    store.set(Mood::Hangs);
    capsules.scope_sync(|| goes_on(1));
    let first = store.wait_for_append();
    capsules.scope_sync(|| (2..10).for_each(goes_on));
    store.set(Mood::Works);
    let deadline = Instant::now() + PATIENCE;
    let tidiers = || store.tidiers.lock().unwrap().clone();
    while tidiers().is_empty() {
        assert!(Instant::now() < deadline, "nobody tidies");
        thread::sleep(Duration::from_millis(1));
    }
    let stats = capsules.close(PATIENCE).unwrap();
    assert_eq!((stats.committed, stats.store_errors), (10, 0));
    assert_eq!(contents(&store), (0..10).collect::<Vec<_>>());
    let appenders = [store.threads(), vec![first]].concat();
    assert!(tidiers().iter().all(|thread| !appenders.contains(thread)));
}

/// When it is needed, everybody would wait for it.
#[test]
fn the_next_segment_of_the_journal_is_made_beside_the_appends() {
    let directory = capsules_tests::temp_dir();
    let capsules = Capsules::builder()
        .storage(watched())
        .signer(LocalSigner::generate().unwrap())
        .journals(directory.path())
        .build()
        .unwrap();
    let unnamed = || {
        let mut files = fs::read_dir(directory.path()).unwrap();
        files.any(|file| file.unwrap().path().extension().unwrap() == "new")
    };
    let deadline = Instant::now() + PATIENCE;
    while !unnamed() {
        assert!(Instant::now() < deadline, "nobody makes it");
        capsules.scope_sync(|| waits(1)).unwrap();
        // Nothing is on its way any more, and whoever makes it has had time.
        capsules.flush().wait().unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    // It waits until it is needed, and is not left behind.
    thread::sleep(Duration::from_millis(20));
    assert!(unnamed());
    capsules.close(PATIENCE).unwrap();
    assert!(!unnamed());
}

#[tokio::test]
async fn a_task_that_waits_leaves_its_thread_alone() {
    let store = watched();
    let capsules = open(&store);
    store.set(Mood::Hangs);
    let task = tokio::spawn(capsules.scope(awaits(1)));
    // The runtime has one thread: this is not reached while it is blocked.
    tokio::task::yield_now().await;
    assert_ne!(store.wait_for_append(), thread::current().id());
    assert!(!task.is_finished());
    store.set(Mood::Works);
    assert_eq!(task.await.unwrap().unwrap(), 1);
    assert_eq!(contents(&store), [0, 1]);
}

#[audit(type = "tool", durability = "committed")]
fn panics() {
    panic!("on purpose");
}

#[audit(type = "tool", durability = "committed")]
async fn stays() {
    std::future::pending::<()>().await;
}

#[test]
fn a_panic_of_a_function_waits_for_the_store_and_the_drop_of_a_future_does_not() {
    let store = watched();
    let capsules = open(&store);
    catch_unwind(AssertUnwindSafe(|| capsules.scope_sync(panics))).unwrap_err();
    assert_eq!(store.threads(), [thread::current().id()]);
    assert!(capsules.scope(stays()).now_or_never().is_none());
    assert_ne!(store.wait_for_append(), thread::current().id());
}

/// A thread that calls `waits(n)`.
fn spawn(capsules: &Capsules, n: u32) -> thread::JoinHandle<Result<u32, Error>> {
    let capsules = capsules.clone();
    thread::spawn(move || capsules.scope_sync(|| waits(n)))
}

/// Waits until so many capsules are accepted.
fn wait_until_accepted(capsules: &Capsules, count: u64) {
    while capsules.stats().accepted < count {
        thread::yield_now();
    }
}

#[test]
fn behind_a_batch_it_waits_for_its_turn() {
    let store = watched();
    let capsules = open(&store);
    store.set(Mood::Hangs);
    capsules.scope_sync(|| goes_on(1));
    let batch = store.wait_for_append();
    let caller = spawn(&capsules, 2);
    wait_until_accepted(&capsules, 3);
    assert_eq!(store.threads(), []);
    store.set(Mood::Works);
    let id = caller.thread().id();
    caller.join().unwrap().unwrap();
    assert_eq!(contents(&store), [0, 1, 2]);
    assert!(batch != id && !store.threads().contains(&id));
}

#[test]
fn what_comes_later_stays_behind_it() {
    let store = watched();
    let capsules = open(&store);
    store.set(Mood::Hangs);
    let caller = spawn(&capsules, 1);
    assert_eq!(store.wait_for_append(), caller.thread().id());
    // More than the recorder waits for while something is on its way.
    capsules.scope_sync(|| (2..100).for_each(goes_on));
    let flush = capsules.flush();
    let timed_out = capsules.flush_timeout(Duration::from_millis(50));
    assert!(matches!(timed_out, Err(Error::TimedOut { waiting: 99 })));
    assert_eq!(store.threads(), []);
    store.set(Mood::Works);
    flush.wait().unwrap();
    caller.join().unwrap().unwrap();
    assert_eq!(contents(&store), (0..100).collect::<Vec<_>>());
}

#[test]
fn it_is_told_of_a_failure_and_nothing_is_lost_or_doubled() {
    for failure in [Mood::Fails, Mood::FailsAfterwards] {
        let store = watched();
        let capsules = open(&store);
        store.set(Mood::Hangs);
        let caller = spawn(&capsules, 1);
        assert_eq!(store.wait_for_append(), caller.thread().id());
        capsules.scope_sync(|| (2..100).for_each(goes_on));
        store.set(failure);
        let error = caller.join().unwrap().unwrap_err();
        assert!(matches!(error, Error::Storage(_)), "{error:?}");
        store.set(Mood::Works);
        while capsules.flush().wait().is_err() {}
        assert!(contents(&store).into_iter().eq(0..100), "{failure:?}");
        let stats = capsules.close(PATIENCE).unwrap();
        assert_eq!((stats.committed, stats.failed), (100, 0));
        assert!(stats.store_errors > 0);
    }
}

#[test]
fn closing_waits_for_it() {
    let store = watched();
    let capsules = open(&store);
    store.set(Mood::Hangs);
    let caller = spawn(&capsules, 1);
    store.wait_for_append();
    let closed = capsules.clone().close(Duration::from_millis(50));
    assert!(matches!(closed, Err(Error::TimedOut { waiting: 1 })));
    store.set(Mood::Works);
    caller.join().unwrap().unwrap();
    assert_eq!(contents(&store), [0, 1]);
    assert_eq!(capsules.stats().waiting, 0);
}

#[test]
fn closed_while_it_fails_it_is_in_the_journal() {
    let directory = capsules_tests::temp_dir();
    let store = watched();
    let open = || {
        let builder = Capsules::builder().storage(store.clone());
        builder
            .signer(LocalSigner::from_seed(&[7; 32]).unwrap())
            .journals(directory.path().join("journals"))
            .build()
            .unwrap()
    };
    let capsules = open();
    capsules.scope_sync(|| waits(0)).unwrap();
    store.threads();
    store.set(Mood::Hangs);
    let caller = spawn(&capsules, 1);
    store.wait_for_append();
    capsules.scope_sync(|| goes_on(2));
    let closed = capsules.clone().close(Duration::ZERO);
    assert!(matches!(closed, Err(Error::TimedOut { waiting: 2 })));
    store.set(Mood::Fails);
    caller.join().unwrap().unwrap_err();
    // The rest is left to the journal when both threads of the instance have ended.
    drop(capsules);
    while store.handles() > 1 {
        thread::yield_now();
    }
    store.set(Mood::Works);
    open().close(PATIENCE).unwrap();
    // The one that did not wait was in the journal first; they were made at the same time.
    assert_eq!(contents(&store), [0, 2, 1]);
}

/// What stands in a journal, with the capsules of actions that have ended.
fn journaled(journals: &Path) -> String {
    let files = fs::read_dir(journals).unwrap();
    let bytes = files.flat_map(|file| fs::read(file.unwrap().path()).unwrap());
    String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
}

#[test]
fn its_capsule_goes_to_the_journal_only_when_the_store_fails() {
    let directory = capsules_tests::temp_dir();
    let store = watched();
    let capsules = Capsules::builder()
        .storage(store.clone())
        .signer(LocalSigner::generate().unwrap())
        .journals(directory.path())
        .build()
        .unwrap();
    // Opens the store.
    capsules.scope_sync(|| goes_on(0));
    capsules.flush().wait().unwrap();
    let ended = |n| journaled(directory.path()).contains(&format!(r#""result":{n},"#));
    capsules.scope_sync(|| waits(17)).unwrap();
    let started = journaled(directory.path());
    assert!(started.contains(r#""request":"17""#), "{started}");
    assert!(!ended(17));
    store.set(Mood::Fails);
    capsules.scope_sync(|| waits(18)).unwrap_err();
    assert!(ended(18));
    store.set(Mood::Works);
    // What fails while the instance is closed is left in the journal.
    while capsules.flush().wait().is_err() {}
    capsules.close(PATIENCE).unwrap();
    assert_eq!(contents(&store), [0, 17, 18]);
}
