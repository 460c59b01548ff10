//! How a program tests that its agents are audited, and what a test says when they are not.
//!
//! ```sh
//! cargo run --example testing
//! ```
#![allow(clippy::print_stdout, reason = "an example's output")]

use std::panic::{self, AssertUnwindSafe};

use capsules::audit;
use capsules::testing::{Expected, Recorder, agent, tool};

#[audit(type = "tool")]
async fn search(city: &str) -> Result<u32, String> {
    match city {
        "Oslo" => Ok(120),
        _ => Err(format!("no flights to {city}")),
    }
}

#[audit(type = "tool")]
async fn book(price: u32) -> u32 {
    price
}

#[audit(type = "agent")]
async fn travel(city: &str) -> Option<u32> {
    let price = search(city).await.ok()?;
    Some(book(price).await)
}

/// The whole of an agent's work, in the order in which it ended.
fn booked() -> [Expected; 3] {
    [
        tool("search").within("travel"),
        tool("book").within("travel"),
        agent("travel"),
    ]
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // In a program of yours these are two functions with `#[tokio::test]`.
    let recorder = Recorder::new();
    let price = recorder.scope(travel("Oslo")).await;
    recorder.assert_sequence(booked());
    assert_eq!(price, Some(120));
    println!("as it should be");

    let recorder = Recorder::new();
    recorder.scope(travel("Atlantis")).await;
    panic::set_hook(Box::new(|panic| println!("{panic}")));
    let assertion = AssertUnwindSafe(|| recorder.assert_sequence(booked()));
    assert!(panic::catch_unwind(assertion).is_err());
}
