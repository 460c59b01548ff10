//! What every store must do: the modules of `suite` are compiled once per store. Beside them
//! stands what holds for one store only.
#![allow(clippy::duplicate_mod, reason = "one copy of the suite per store")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod fixture;
mod memory;
mod postgres;
mod sqlite;
