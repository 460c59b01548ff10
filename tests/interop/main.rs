//! Reads and writes the same files as the published Python implementation, both ways.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod databases;
mod environment;
mod exports;
mod new_user;
mod post_quantum;
mod records;
mod support;
mod together;
