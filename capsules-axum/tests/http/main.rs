//! The endpoints, as a client sees them.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod caching;
mod content;
mod endless;
mod events;
mod lists;
mod records;
mod refusals;
mod support;
mod tenants;
mod verification;
