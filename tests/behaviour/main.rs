//! What audited functions do and what is recorded of them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;
mod waiting;

mod actions;
mod arguments;
mod asynchronous;
mod carrying;
mod correlation;
mod current;
mod ends;
mod failures;
mod futures;
mod inputs;
mod instances;
mod interleavings;
mod limits;
mod nesting;
mod order;
mod outcome;
mod properties;
mod reasoning;
mod recorder;
mod redaction;
mod refused;
mod secrets;
mod services;
mod shapes;
mod signatures;
mod sizes;
mod skip;
mod spans;
mod streams;
