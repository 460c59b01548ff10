//! PostgreSQL: what goes wrong, who may do what, and many writers at once.
#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests"
)]

mod away;
mod errors;
mod faults;
mod many;
mod paging;
mod python;
mod reading;
mod replicas;
mod roles;
mod support;
mod tenants;
mod tls;
