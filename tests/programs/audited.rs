//! A program that audits a few calls with the default store and ends as its argument says.

use std::process;

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
            // Long enough for a store that cannot be opened to be tried.
            std::thread::sleep(std::time::Duration::from_millis(300));
            report(result);
        }
        _ => {}
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
}
