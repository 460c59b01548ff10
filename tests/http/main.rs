//! The HTTP endpoints against the published Python integration, and against requests that nobody
//! would think of.

mod chains;
mod fuzzed;
mod integration;
