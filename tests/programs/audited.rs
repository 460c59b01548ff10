//! A program that audits a few calls with the default store and ends as its argument says.

use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tracing::{Event, Level, Metadata, Subscriber, span};

/// How many errors of the audit were reported.
static ERRORS: AtomicU64 = AtomicU64::new(0);

struct CountErrors;

impl Subscriber for CountErrors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "capsules" && *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &Event<'_>) {
        ERRORS.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[capsules::audit(type = "tool", tenant_from = "tenant")]
fn double(number: u32, tenant: &str) -> u32 {
    capsules::current().summary(format!("doubled for {tenant}"));
    number * 2
}

#[capsules::audit(type = "agent")]
async fn agent(number: u32) -> u32 {
    tokio::task::yield_now().await;
    double(number, "acme")
}

/// Prints what it computed and the statistics, then ends. Each way records the same two capsules.
fn main() {
    let ending = std::env::args().nth(1).unwrap_or_default();
    if tracing::subscriber::set_global_default(CountErrors).is_err() {
        process::exit(4);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build();
    let Ok(runtime) = runtime else {
        process::exit(3)
    };
    let result = match ending.as_str() {
        "return-spawned" => runtime.block_on(runtime.spawn(agent(21))).unwrap_or(0),
        "return-threads" => std::thread::scope(|scope| {
            scope
                .spawn(|| runtime.block_on(agent(21)))
                .join()
                .unwrap_or(0)
        }),
        _ => runtime.block_on(agent(21)),
    };
    report(result);
    match ending.as_str() {
        "exit" => process::exit(0),
        "panic" => assert_eq!(result, 0, "the end"),
        "flushed" => {
            // Long enough for a store that cannot be opened to be tried each time.
            for number in 0..3 {
                sleep(Duration::from_millis(100));
                double(number, "acme");
            }
            wait_for_failures();
            sleep(Duration::from_millis(200));
            report(result);
        }
        _ => {}
    }
}

/// Waits until as many capsules have failed and as many errors were reported as the arguments say.
fn wait_for_failures() {
    let mut arguments = std::env::args().skip(2);
    let mut next = || {
        arguments
            .next()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0_u64)
    };
    let (failed, errors) = (next(), next());
    let deadline = Instant::now() + Duration::from_secs(60);
    while capsules::stats().failed < failed || ERRORS.load(Ordering::Relaxed) < errors {
        if Instant::now() > deadline {
            return;
        }
        sleep(Duration::from_millis(10));
    }
}

#[allow(clippy::print_stdout, reason = "the test reads it")]
fn report(result: u32) {
    let stats = capsules::stats();
    println!(
        "{result} {} {} {}",
        stats.accepted, stats.committed, stats.failed
    );
    if let Some(error) = stats.last_error {
        println!("{error}");
    }
    println!("{} error events", ERRORS.load(Ordering::Relaxed));
}
