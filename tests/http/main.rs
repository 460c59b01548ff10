//! The HTTP endpoints against the published Python integration, and against requests that nobody
//! would think of.
#![allow(clippy::unwrap_used, reason = "tests")]

mod chains;
mod fuzzed;
mod integration;
