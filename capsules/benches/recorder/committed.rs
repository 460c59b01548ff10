//! Waiting for the commit against a bare commit.

use std::hint::black_box;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use capsules::storage::SqliteStorage;
use capsules::{Capsule, CapsuleType, Capsules, Durability, Seal, Storage};
use capsules_core::{DataDir, Draft, Head, Position, Unsigned};

use crate::{no_op, open, percentiles, row};

/// Waiting for the commit. One caller, and the commits to compare it with, take turns, so that what
/// else the disk does strikes all of them.
pub(crate) fn committed() {
    println!("\nwaiting for the commit, us                         p50       p90       p99");
    let directory = tempfile::tempdir().unwrap();
    let capsules = open(directory.path(), Durability::Committed);
    let mut bare = bare_commit(directory.path());
    let mut append = bare_append(directory.path(), ROUNDS);
    let mut seal = bare_seal(directory.path());
    let mut times = [const { Vec::new() }; 4];
    capsules.scope_sync(|| {
        (0..100).for_each(|_| no_op());
        for _ in 0..ROUNDS {
            times[0].push(timed(&mut bare));
            times[1].push(timed(&mut append));
            times[2].push(timed(no_op));
            times[3].push(timed(&mut seal));
        }
    });
    let [bare, append, one, seal] = times.map(|mut times| percentiles(&mut times));
    row("bare commit of one row, WAL and FULL", bare);
    row("hash and signature of one capsule", seal);
    row("bare append of one sealed record", append);
    row("Committed, one caller", one);
    println!("{:<44} {:>9.2}", "  ratio of the p50", one[0] / bare[0]);
    let many = |name: &str, every: Option<Duration>| {
        let (times, rate) = callers(&capsules, 64, 320, every);
        row(name, times);
        println!("{:<44} {rate:>9.0}", "  calls per second");
        println!("{:<44} {:>9.2}", "  p99, bare commits", times[2] / bare[0]);
    };
    many(
        "Committed, 64 callers, 10,000 calls/s",
        Some(Duration::from_micros(6_400)),
    );
    many("Committed, 64 callers, without a pause", None);
    row(
        "bare commits of what is due, 10,000 rows/s",
        bare_groups(directory.path(), 10_000, 20_480),
    );
}

const ROUNDS: usize = 2_000;

fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

/// Percentiles of so many calls of each of many threads, and how many there were in a second.
///
/// With an interval each caller calls at fixed times, the callers one after another. What a call
/// takes is counted from the time at which it was due, if the one before it took until then, and
/// otherwise from the moment at which the caller woke: how late a sleep ends has nothing to do with
/// recording. Without an interval each calls again at once.
fn callers(
    capsules: &Capsules,
    count: u32,
    calls: u32,
    every: Option<Duration>,
) -> ([f64; 3], f64) {
    let start = Instant::now();
    let mut times: Vec<Duration> = thread::scope(|scope| {
        let run = |caller: u32| {
            let call = |call: u32| {
                let mut from = Instant::now();
                if let Some(every) = every {
                    let due = start + every * call + every * caller / count;
                    let early = due.saturating_duration_since(from);
                    from = due;
                    if !early.is_zero() {
                        thread::sleep(early);
                        from = Instant::now();
                    }
                }
                no_op();
                from.elapsed()
            };
            capsules.scope_sync(|| (0..calls).map(call).collect::<Vec<_>>())
        };
        let callers: Vec<_> = (0..count)
            .map(|caller| scope.spawn(move || run(caller)))
            .collect();
        callers
            .into_iter()
            .flat_map(|caller| caller.join().unwrap())
            .collect()
    });
    let rate = times.len() as f64 / start.elapsed().as_secs_f64();
    (percentiles(&mut times), rate)
}

/// What many callers could have at best: percentiles of the time from when a row is due until it is
/// committed, by one thread that does nothing but commit what is due, without sealing, journal and
/// callers to wake. SQLite moves its log by itself.
fn bare_groups(directory: &Path, per_second: u32, rows: u32) -> [f64; 3] {
    let connection = bare(directory, "groups.db");
    let data = "x".repeat(1_000);
    let mut times = Vec::new();
    let start = Instant::now();
    let due_at = |row| Duration::from_secs(1) * row / per_second;
    let mut next = 0;
    while next < rows {
        let due = (next..rows).find(|row| due_at(*row) > start.elapsed());
        let due = due.unwrap_or(rows);
        if due == next {
            continue;
        }
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        for _ in next..due {
            insert(&connection, &data);
        }
        connection.execute_batch("COMMIT").unwrap();
        let now = start.elapsed();
        times.extend((next..due).map(|row| now.saturating_sub(due_at(row))));
        next = due;
    }
    percentiles(&mut times)
}

/// Commits a row with each call.
fn bare_commit(directory: &Path) -> impl FnMut() {
    let connection = bare(directory, "bare.db");
    let data = "x".repeat(1_000);
    move || insert(&connection, &data)
}

/// A table of rows, in a file with pages of the store's size.
fn bare(directory: &Path, name: &str) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(directory.join(name)).unwrap();
    let store = rusqlite::Connection::open(directory.join("bench.db")).unwrap();
    let page: i64 = store
        .pragma_query_value(None, "page_size", |row| row.get(0))
        .unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA page_size = {page}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE rows (sequence INTEGER PRIMARY KEY, data TEXT NOT NULL)",
        ))
        .unwrap();
    connection
}

fn insert(connection: &rusqlite::Connection, data: &str) {
    let mut insert = connection
        .prepare_cached("INSERT INTO rows (data) VALUES (?1)")
        .unwrap();
    insert.execute([data]).unwrap();
}

/// The primitives of sealing: SHA3-256 and Ed25519.
fn bare_seal(directory: &Path) -> impl FnMut() {
    let seal = Seal::open(&DataDir::new(directory).unwrap()).unwrap();
    let draft = Draft::new(&Capsule::new(CapsuleType::Tool)).unwrap();
    move || {
        let linked = Unsigned::new(&draft, &Position::after(None));
        black_box(seal.sign(linked)).unwrap();
    }
}

/// The store's own part: appends one of so many records that are sealed already.
fn bare_append(directory: &Path, count: usize) -> impl FnMut() {
    let directory = directory.join("append");
    std::fs::create_dir(&directory).unwrap();
    let seal = Seal::open(&DataDir::new(&directory).unwrap()).unwrap();
    let storage = SqliteStorage::open(directory.join("bench.db")).unwrap();
    let mut head: Option<Head> = None;
    let records: Vec<_> = (0..count)
        .map(|_| {
            let draft = Draft::new(&Capsule::new(CapsuleType::Tool)).unwrap();
            let linked = Unsigned::new(&draft, &Position::after(head.as_ref()));
            head = Some(linked.head());
            seal.sign(linked).unwrap()
        })
        .collect();
    let mut records = records.into_iter();
    move || {
        storage
            .append(None, &mut |_| Ok(records.next().into_iter().collect()))
            .unwrap();
    }
}
