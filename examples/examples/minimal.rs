//! Nothing but the attribute.
//!
//! ```sh
//! cargo run --example minimal
//! ```
//!
//! This writes to the default store, `~/.quantumpipes/capsules.db`, or `capsules.db` in
//! `$QUANTUMPIPES_DATA_DIR`. Look at it with `cargo run -p capsules-cli -- inspect --seq 0`.
#![allow(clippy::print_stdout, reason = "an example's output")]

use capsules_examples::Error;

// Zero configuration: this alone seals a capsule into ~/.quantumpipes/capsules.db.
#[capsules::audit(type = "agent", tenant_from = "site_id")]
async fn run_agent(task: &str, site_id: &str) -> Result<String, Error> {
    let capsule = capsules::current();
    capsule
        .model("gpt-4o")
        .confidence(0.95)
        .session_id("session-abc");
    let text = llm(task).await?;
    capsule
        .summary(format!("Generated {} chars", text.len()))
        .resource("tokens", 1500);
    Ok(text)
}

/// Stands in for a call of a language model.
async fn llm(task: &str) -> Result<String, Error> {
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    Ok(format!("{task}: an old silent pond"))
}

// What was accepted is stored before the process ends.
#[tokio::main]
async fn main() -> Result<(), Error> {
    println!("{}", run_agent("write a haiku", "site-1").await?);
    Ok(())
}
