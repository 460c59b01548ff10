//! What an append costs. Run it alone, optimised and with `--ignored --nocapture`.

use std::thread;
use std::time::Instant;

use super::*;

const APPENDS: usize = 40_000;
const ROUNDS: usize = 5;

#[test]
#[ignore = "measures, and checks nothing"]
fn microseconds_per_append() {
    let text = "x".repeat(2048);
    for journals in [1, 2] {
        for threads in [1, 2, 8] {
            let mut rounds: Vec<_> = (0..ROUNDS)
                .map(|_| {
                    let directory = tempfile::tempdir().unwrap();
                    let journals: Vec<_> = (0..journals)
                        .map(|_| Journal::open(directory.path()).unwrap())
                        .collect();
                    measure(&journals, threads, &text)
                })
                .collect();
            rounds.sort_by(|a, b| a[0].total_cmp(&b[0]));
            let [each, p50, p99, p999] = rounds[ROUNDS / 2];
            println!(
                "{journals} journal(s), {threads} thread(s): {each:.2} µs per append in all, \
                 {p50:.2} p50, {p99:.2} p99, {p999:.2} p99.9 for the caller"
            );
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let start = "x".repeat(300);
    let clock = Instant::now();
    for n in 0..APPENDS {
        journal.start(id(n), at(n), &start).unwrap();
        journal.end(id(n)).unwrap();
    }
    println!(
        "start of 300 bytes and end: {:.2} µs",
        micros(clock) / as_float(APPENDS)
    );
    let clock = Instant::now();
    for n in 0..APPENDS {
        let receipt = journal.accept(id(n), at(n), &text).unwrap();
        journal.committed([receipt]).unwrap();
    }
    println!(
        "accept and commit one by one: {:.2} µs",
        micros(clock) / as_float(APPENDS)
    );
    let clock = Instant::now();
    for n in 0..APPENDS / 256 {
        let receipts: Vec<_> = (0..256)
            .map(|_| journal.accept(id(n), at(n), &text).unwrap())
            .collect();
        journal.committed(receipts).unwrap();
    }
    println!(
        "accept and commit 256: {:.2} µs",
        micros(clock) / as_float(APPENDS)
    );
}

/// Wall time over all appends, and percentiles of what a caller waits.
fn measure(journals: &[Journal], threads: usize, text: &str) -> [f64; 4] {
    let each = APPENDS / threads;
    let clock = Instant::now();
    let mut waits = thread::scope(|scope| {
        let appenders: Vec<_> = (0..threads)
            .map(|thread| {
                let journal = &journals[thread % journals.len()];
                scope.spawn(move || {
                    let append = |n| {
                        let clock = Instant::now();
                        journal.accept(id(n), at(n), text).unwrap();
                        micros(clock)
                    };
                    (0..each).map(append).collect::<Vec<_>>()
                })
            })
            .collect();
        appenders
            .into_iter()
            .flat_map(|appender| appender.join().unwrap())
            .collect::<Vec<_>>()
    });
    let all = micros(clock) / as_float(waits.len());
    waits.sort_by(f64::total_cmp);
    let quantile = |per_mille: usize| waits[(waits.len() - 1) * per_mille / 1000];
    [all, quantile(500), quantile(990), quantile(999)]
}

fn micros(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e6
}

fn as_float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}
