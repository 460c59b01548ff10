//! What recording costs: the caller's overhead, the sustained rate against the bare primitives,
//! and waiting for the commit against a bare commit.
//!
//! ```text
//! cargo bench -p capsules --bench recorder -- [calls|rate|committed|python|large]
//! ```
//! Each part takes its baseline in the same run. Figures are in `docs/BENCHMARKS.md`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod committed;
mod python;

use std::hint::black_box;
use std::num::NonZero;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use capsules::storage::SqliteStorage;
use capsules::{Capsule, CapsuleType, Capsules, Durability, Filter, Seal, Storage};
use capsules_core::{DataDir, Draft, Head, Position, Unsigned};

#[capsules::audit(type = "tool", trigger_from = none)]
fn no_op() {}

#[capsules::audit(type = "agent", tenant_from = "tenant")]
fn agent(task: &str, tenant: &str) -> usize {
    let capsule = capsules::current();
    capsule
        .model("gpt-4o")
        .confidence(0.95)
        .session_id("session-abc");
    capsule
        .analysis(ANALYSIS)
        .summary("Answered from two sources")
        .resource("tokens", 1500);
    task.len() + tenant.len()
}

/// Brings the agent's capsule to about 1.1 KB.
const ANALYSIS: &str = "The question needs the current figures, so the two reports of this \
    quarter were read and compared; they agree on the total and differ in how refunds are \
    booked, which the answer mentions. No tool had to be called a second time.";

fn main() {
    let wanted: Vec<_> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let asks = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);
    if asks("calls") {
        calls();
    }
    if asks("rate") {
        rate(200_000);
    }
    if asks("committed") {
        committed::committed();
    }
    if asks("python") {
        python::python();
    }
    if wanted.iter().any(|name| name == "large") {
        large();
    }
}

fn open(directory: &Path, durability: Durability) -> Capsules {
    Capsules::builder()
        .path(directory.join("bench.db"))
        .data_dir(directory)
        .durability(durability)
        .build()
        .unwrap()
}

/// Percentiles of what each call of `run` takes, in microseconds.
fn sample(count: usize, mut run: impl FnMut()) -> [f64; 3] {
    let mut times: Vec<Duration> = (0..count)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    percentiles(&mut times)
}

fn percentiles(times: &mut [Duration]) -> [f64; 3] {
    times.sort_unstable();
    [50, 90, 99].map(|percent| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e6)
}

fn row(name: &str, [p50, p90, p99]: [f64; 3]) {
    println!("{name:<44} {p50:>9.2} {p90:>9.2} {p99:>9.2}");
}

/// The caller's overhead, and its parts.
fn calls() {
    println!("\ncaller's overhead, us                              p50       p90       p99");
    let count = 50_000;
    row("the clock, read twice", sample(count, || {}));
    row(
        "id and time of a capsule",
        sample(count, || drop(black_box(Capsule::new(CapsuleType::Tool)))),
    );
    let capsule = Capsule::new(CapsuleType::Tool);
    row(
        "canonical text",
        sample(count, || drop(black_box(Draft::new(&capsule)))),
    );
    let directory = tempfile::tempdir().unwrap();
    let text = Draft::new(&capsule).unwrap().text().to_owned();
    let mut file = std::fs::File::create(directory.path().join("file")).unwrap();
    row(
        "one write of that text to a file",
        sample(count, || {
            std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        }),
    );
    for durability in [Durability::Journaled, Durability::Memory] {
        let directory = tempfile::tempdir().unwrap();
        let capsules = open(directory.path(), durability);
        capsules.scope_sync(|| {
            (0..1_000).for_each(|_| no_op());
            row(
                &format!("audited no-op, {durability:?}"),
                paced(20_000, no_op),
            );
            row(
                &format!("audited agent of 1.1 KB, {durability:?}"),
                paced(20_000, || {
                    black_box(agent("compare the reports", "acme"));
                }),
            );
        });
        capsules.close(Duration::from_secs(60)).unwrap();
    }
}

/// Percentiles of calls that leave the committer time to follow: what a program that does
/// something else between its calls sees.
fn paced(count: usize, run: impl Fn()) -> [f64; 3] {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        run();
        let elapsed = start.elapsed();
        times.push(elapsed);
        while start.elapsed() < Duration::from_micros(100) {
            std::hint::spin_loop();
        }
    }
    percentiles(&mut times)
}

/// The sustained rate of one chain from the annotated call to the commit, and the floor that the
/// bare primitives give on the same cores.
fn rate(count: usize) {
    let floor = floor(count / 4);
    println!("\nsustained rate, capsules/s, {count} capsules of one chain");
    println!("{:<44} {floor:>9.0}", "floor: primitives on all cores");
    for durability in [Durability::Journaled, Durability::Memory] {
        let directory = tempfile::tempdir().unwrap();
        let capsules = open(directory.path(), durability);
        let rate = record(&capsules, count);
        let name = format!("audited calls, {durability:?}");
        println!(
            "{name:<44} {rate:>9.0}  {:.0} % of the floor",
            100.0 * rate / floor
        );
        assert_eq!(capsules.count(Filter::new()).wait().unwrap(), count as u64);
        capsules.close(Duration::from_secs(60)).unwrap();
    }
}

/// Capsules per second from two threads of callers, until all are committed.
fn record(capsules: &Capsules, count: usize) -> f64 {
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                capsules.scope_sync(|| {
                    for _ in 0..count / 2 {
                        black_box(agent("compare the reports", "acme"));
                    }
                });
            });
        }
    });
    capsules.flush().wait().unwrap();
    count as f64 / start.elapsed().as_secs_f64()
}

/// Canonical text, hash, signature and batched insert of the same capsules, each measured by
/// itself; what two cores could do if they were always busy with these alone.
fn floor(count: usize) -> f64 {
    let directory = tempfile::tempdir().unwrap();
    let seal = Seal::open(&DataDir::new(directory.path()).unwrap()).unwrap();
    let template = {
        let capsules = open(directory.path(), Durability::Memory);
        capsules.scope_sync(|| agent("compare the reports", "acme"));
        let record = capsules.list(Filter::new()).wait().unwrap().remove(0);
        println!("\na capsule of the rate has {} bytes", record.content.len());
        record.capsule().unwrap()
    };
    let capsules: Vec<Capsule> = (0..count)
        .map(|_| Capsule {
            id: Capsule::new(CapsuleType::Agent).id,
            ..template.clone()
        })
        .collect();

    let start = Instant::now();
    let drafts: Vec<Draft> = capsules
        .iter()
        .map(|capsule| Draft::new(capsule).unwrap())
        .collect();
    let canonical = start.elapsed();

    let start = Instant::now();
    let mut head: Option<Head> = None;
    let linked: Vec<Unsigned> = drafts
        .iter()
        .map(|draft| {
            let linked = Unsigned::new(draft, &Position::after(head.as_ref()));
            head = Some(linked.head());
            linked
        })
        .collect();
    let hash = start.elapsed();

    let start = Instant::now();
    let records: Vec<_> = linked
        .into_iter()
        .map(|linked| seal.sign(linked).unwrap())
        .collect();
    let sign = start.elapsed();

    let storage = SqliteStorage::open(directory.path().join("floor.db")).unwrap();
    let start = Instant::now();
    for batch in records.chunks(1024) {
        storage.append(None, &mut |_| Ok(batch.to_vec())).unwrap();
    }
    let insert = start.elapsed();

    let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
    println!(
        "primitives, us a capsule: canonical {:.2}, link and hash {:.2}, sign {:.2}, insert {:.2}",
        each(canonical),
        each(hash),
        each(sign),
        each(insert)
    );
    let cores = thread::available_parallelism().map_or(1, NonZero::get) as f64;
    1e6 * cores / each(canonical + hash + sign + insert)
}

/// The rate with 1,000,000 rows in the file against the rate with 10,000, and the memory until the
/// process has recorded 2,000,000 capsules.
fn large() {
    println!("\nrate by the rows in the file, capsules/s");
    let directory = tempfile::tempdir().unwrap();
    let capsules = open(directory.path(), Durability::Journaled);
    record(&capsules, 10_000);
    let small = record(&capsules, 90_000);
    println!("{:<44} {small:>9.0}", "from 10,000 rows on");
    let mut memory = vec![resident_memory()];
    for hundreds in 2..=20 {
        let rate = record(&capsules, 100_000);
        if hundreds == 11 {
            println!(
                "{:<44} {rate:>9.0}  {:.0} %",
                "from 1,000,000 rows on",
                100.0 * rate / small
            );
        }
        memory.push(resident_memory());
    }
    println!("resident memory, MiB, after each 100,000 capsules: {memory:?}");
    assert_eq!(capsules.stats().committed, 2_000_000);
}

/// The resident memory in MiB, where the system tells.
fn resident_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap_or_default();
    let kib = line
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
