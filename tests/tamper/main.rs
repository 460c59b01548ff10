//! Tampering, one test each: at which level it is found and with which message, and what cannot
//! be found.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod columns;
mod content;
mod evidence;
mod order;
mod python;
mod signatures;
mod tenants;
mod unseen;
