//! Several audit trails in one process, each with a store and a key of its own: for tests that
//! run side by side, or for a service that keeps its customers apart.
//!
//! ```sh
//! cargo run --example own_instance
//! ```
#![allow(clippy::print_stdout, reason = "an example's output")]

use capsules::{Capsules, Filter, OutcomeStatus, audit};
use capsules_examples::Error;

#[audit(type = "tool")]
async fn divide(dividend: i32, divisor: i32) -> Result<i32, String> {
    dividend
        .checked_div(divisor)
        .ok_or_else(|| format!("{dividend} / {divisor} has no value"))
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let directory = tempfile::tempdir()?;
    let open = |name| {
        Capsules::builder()
            .data_dir(directory.path().join(name))
            .build()
    };
    let (here, there) = (open("here")?, open("there")?);

    // `scope` binds every audited call inside the future, at whatever depth, across awaits.
    let (half, nothing) = tokio::join!(here.scope(divide(84, 2)), there.scope(divide(1, 0)));
    println!("{half:?} {nothing:?}");

    for (name, capsules) in [("here", &here), ("there", &there)] {
        for record in capsules.list(Filter::new().limit(10)).await? {
            let outcome = record.capsule()?.outcome;
            println!(
                "{name}: {} {} {:?}",
                outcome.status, outcome.result, outcome.error
            );
        }
    }
    let failures = Filter::new().status(OutcomeStatus::Failure);
    println!("failures there: {}", there.count(failures).await?);
    println!("{:?}", here.stats());
    Ok(())
}
