//! A store that is unavailable for a while under load, with a bounded queue.

use std::env;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use capsules::{Builder, Capsule, CapsuleType, Capsules, Error, Filter, LocalSigner, Overflow};
use capsules::{Timestamp, audit};

use crate::store::{Mood, MoodyStorage};
use crate::support::{PATIENCE, number};

const LIMIT: usize = 64;
const TASKS: usize = 32;

#[audit(type = "tool")]
async fn call(ran: &AtomicU64) {
    tokio::task::yield_now().await;
    ran.fetch_add(1, Ordering::Relaxed);
}

fn builder(store: &MoodyStorage) -> Builder {
    Capsules::builder()
        .storage(store.clone())
        .signer(LocalSigner::generate().unwrap())
        .queue(LIMIT, 64 << 20)
}

fn outage() -> Duration {
    let seconds = number("CAPSULES_CRASH_OUTAGE_SECONDS", 3);
    Duration::from_secs(seconds.try_into().unwrap())
}

/// How much memory this process has, where the system tells.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).map(|pages| pages.parse().unwrap());
    pages.unwrap_or(0) * 4096
}

fn recorded(capsules: &Capsules) -> Vec<Capsule> {
    let records = capsules.list(Filter::new().oldest_first()).wait().unwrap();
    let read = records.iter().map(|record| record.capsule().unwrap());
    read.collect()
}

/// A test that measures the memory of its process, in which no others may run.
#[test]
fn callers_wait_for_a_store_that_fails() {
    let mut alone = Command::new(env::current_exe().unwrap());
    alone.args(["outage::callers_and_a_store_that_fails", "--exact"]);
    let ran = alone.args(["--ignored", "--nocapture"]).output().unwrap();
    // Shown where the output of passing tests is.
    println!("{}", String::from_utf8_lossy(&ran.stdout));
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

/// The calls wait, the runtime's only thread does not, and nothing is lost or out of order.
#[tokio::test]
#[ignore = "runs as a process of its own, started by the test above"]
async fn callers_and_a_store_that_fails() {
    let store = MoodyStorage::new(Mood::Works);
    let capsules = builder(&store).build().unwrap();
    let ran = Arc::new(AtomicU64::new(0));
    let order = Arc::new(Mutex::new(Vec::new()));
    let over = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (ran, order, over) = (ran.clone(), order.clone(), over.clone());
            tokio::spawn(capsules.scope(async move {
                while !over.load(Ordering::Relaxed) {
                    ordered_call(&ran, &order).await;
                }
            }))
        })
        .collect();

    tokio::time::sleep(Duration::from_millis(200)).await;
    store.set(Mood::Fails);
    // Once the queue is full, nothing more can come.
    while capsules.stats().waiting < LIMIT as u64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let memory = resident();
    let failing = Instant::now();
    let pause = Duration::from_millis(10);
    for _ in 0..outage().as_millis() / pause.as_millis() {
        tokio::time::sleep(pause).await;
        let waiting = capsules.stats().waiting;
        assert!(waiting <= (LIMIT + TASKS) as u64, "{waiting} waiting");
    }
    let during = ran.load(Ordering::Relaxed);
    // Had a call blocked the runtime's thread, it would have done so until the store works again.
    let took = failing.elapsed();
    assert!(took < 10 * outage() + PATIENCE, "blocked for {took:?}");
    let grown = resident().saturating_sub(memory);
    assert!(grown < 8 << 20, "{grown} bytes of memory more");
    let stats = capsules.stats();
    assert!(stats.store_errors > 0);
    println!(
        "{:?}: {during} calls, {} waiting, {} failed attempts, {grown} bytes of memory more",
        outage(),
        stats.waiting,
        stats.store_errors
    );

    store.set(Mood::Works);
    while ran.load(Ordering::Relaxed) == during {
        tokio::time::sleep(pause).await;
    }
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    capsules.flush().await.unwrap();
    let stats = capsules.stats();
    assert_eq!((stats.waiting, stats.dropped, stats.failed), (0, 0, 0));
    let chain: Vec<_> = recorded(&capsules)
        .iter()
        .map(|capsule| capsule.id)
        .collect();
    assert!(chain == *order.lock().unwrap(), "lost, or out of order");
}

/// A call that ends without waiting after it has noted its id: on one thread, the order of the
/// notes is the order in which the capsules are accepted.
#[audit(type = "tool")]
async fn ordered_call(ran: &AtomicU64, order: &Mutex<Vec<capsules::Uuid>>) {
    tokio::task::yield_now().await;
    ran.fetch_add(1, Ordering::Relaxed);
    order
        .lock()
        .unwrap()
        .push(capsules::current().id().unwrap());
}

#[tokio::test]
async fn dropped_calls_are_counted_on_record() {
    let store = MoodyStorage::new(Mood::Fails);
    let capsules = builder(&store).overflow(Overflow::Drop).build().unwrap();
    let ran = AtomicU64::new(0);
    let begin = Timestamp::now();
    let calls = async {
        for _ in 0..1_000 {
            call(&ran).await;
        }
    };
    capsules.scope(calls).await;
    let end = Timestamp::now();
    store.set(Mood::Works);
    capsules.flush().await.unwrap();

    assert_eq!(
        ran.load(Ordering::Relaxed),
        1_000,
        "the calls run all the same"
    );
    let dropped = capsules.stats().dropped;
    assert_eq!(dropped, 1_000 - LIMIT as u64);
    let all = recorded(&capsules);
    let (gaps, calls): (Vec<_>, Vec<_>) = all
        .iter()
        .partition(|capsule| capsule.kind == CapsuleType::System);
    assert_eq!(calls.len(), LIMIT);
    // One for each gap that the recorder tried to put on record.
    let counts = gaps
        .iter()
        .map(|gap| gap.outcome.metrics["count"].as_u64().unwrap());
    assert_eq!(counts.sum::<u64>(), dropped);
    for gap in gaps {
        let time = |name: &str| -> Timestamp {
            gap.outcome.metrics[name].as_str().unwrap().parse().unwrap()
        };
        let (first, last) = (time("first"), time("last"));
        assert!(begin <= first && first <= last && last <= end);
    }
}

/// An instance whose store never answers, and how many capsules wait for it.
fn stuck() -> (MoodyStorage, Capsules) {
    let store = MoodyStorage::new(Mood::Hangs);
    let capsules = builder(&store).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(capsules.scope(async {
        for _ in 0..10 {
            call(&AtomicU64::new(0)).await;
        }
    }));
    (store, capsules)
}

/// Checks that something gives up, at its time or soon after it. The runtime that the calls were made
/// on is gone.
#[track_caller]
fn in_time<T>(most: Duration, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = run();
    let took = start.elapsed();
    assert!(
        took >= most && took < most + Duration::from_secs(30),
        "took {took:?}"
    );
    result
}

#[test]
fn flush_and_close_give_up_on_a_store_that_never_answers() {
    let most = Duration::from_millis(300);
    let (store, capsules) = stuck();
    let flushed = in_time(most, || capsules.flush_timeout(most));
    assert!(
        matches!(flushed, Err(Error::TimedOut { waiting: 10 })),
        "{flushed:?}"
    );
    let closed = in_time(most, || capsules.close(most));
    assert!(
        matches!(closed, Err(Error::TimedOut { waiting: 10 })),
        "{closed:?}"
    );
    store.set(Mood::Works);
}

#[test]
fn the_guard_gives_up_on_a_store_that_never_answers() {
    let (store, capsules) = stuck();
    let guard = capsules.install();
    in_time(Duration::from_secs(10), || drop(guard));
    assert_eq!(capsules.stats().waiting, 10);
    store.set(Mood::Works);
    capsules.close(Duration::from_secs(10)).unwrap();
}
