//! What recording to PostgreSQL costs, beside a bare INSERT of the same rows, SQLite, and the
//! Python package's store.
//!
//! ```text
//! cargo bench -p capsules-tests --bench postgres -- [rate|python|calls|read|large] [--count N]
//! ```
//! Each part starts a throw-away server that writes to the disk as servers do (`fsync` and
//! `synchronous_commit` are on), and takes its baseline in the same run. Figures are in
//! `docs/BENCHMARKS.md`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod large;
mod rate;

use std::path::Path;
use std::time::{Duration, Instant};

use capsules::Capsules;
use capsules_tests::postgres::Server;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let (mut part, mut count) = (None, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--count" => count = Some(arguments.next().unwrap().parse().unwrap()),
            name => part = Some(name.to_owned()),
        }
    }
    let or = |usual: usize| count.unwrap_or(usual);
    match part.as_deref() {
        Some("rate") => rate::rate(or(100_000)),
        Some("python") => rate::python(or(3_000)),
        Some("calls") => rate::calls(or(10_000)),
        Some("read") => rate::read(or(100_000)),
        Some("large") => large::large(or(10_000_000)),
        _ => println!("postgres: name a part: rate, python, calls, read or large"),
    }
}

/// A server that keeps what it has acknowledged.
fn server(settings: &str) -> Server {
    Server::with_settings(&format!("fsync = on\nmax_wal_size = 8GB\n{settings}")).unwrap()
}

fn open(location: impl AsRef<Path>, directory: &Path) -> Capsules {
    Capsules::builder()
        .path(location.as_ref())
        .data_dir(directory)
        .build()
        .unwrap()
}

#[capsules::audit(type = "agent", tenant_from = "tenant")]
async fn agent(task: &str, tenant: &str) -> usize {
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

/// As many tasks as the Python package's store is measured with.
const TASKS: usize = 50;

/// Capsules per second of tasks that record for so many tenants, until all are stored.
fn record(capsules: &Capsules, count: usize, tenants: usize) -> f64 {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let start = Instant::now();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let tenant = format!("tenant-{}", task % tenants);
                tokio::spawn(capsules.scope(async move {
                    for call in 0..count / TASKS {
                        agent("compare the reports", &tenant).await;
                        if call % 16 == 0 {
                            tokio::task::yield_now().await;
                        }
                    }
                }))
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    capsules.flush().wait().unwrap();
    (count / TASKS * TASKS) as f64 / start.elapsed().as_secs_f64()
}

/// The median of what each call takes, and the 99th percentile, in microseconds.
fn percentiles(mut times: Vec<Duration>) -> [f64; 2] {
    times.sort_unstable();
    [50, 99].map(|percent| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e6)
}

fn sample(count: usize, mut run: impl FnMut()) -> [f64; 2] {
    percentiles(
        (0..count)
            .map(|_| {
                let start = Instant::now();
                run();
                start.elapsed()
            })
            .collect(),
    )
}
