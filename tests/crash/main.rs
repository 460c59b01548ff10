//! Programs that end in every way, stores that fail for a while, and many writers at once: what
//! was accepted is in the chain, once.
#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests"
)]

mod committed;
mod ends;
#[cfg(unix)]
mod forks;
mod journals;
mod many;
mod outage;
mod sigkill;
mod store;
mod support;
mod verified;
