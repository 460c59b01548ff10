//! Canonical JSON, compared with what other implementations of the protocol write.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod documents;
mod golden;
mod nesting;
mod peer;
mod properties;
mod random;
mod records;
mod refusals;
mod vectors;
