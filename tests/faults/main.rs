//! Stores that fail: nothing that was accepted is lost or doubled, and its order is kept.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod closing;
mod every_operation;
mod faulty;
#[cfg(target_os = "linux")]
mod full;
#[cfg(target_os = "linux")]
mod injected;
#[cfg(unix)]
mod permissions;
#[cfg(unix)]
mod program;
mod sqlite;
mod support;
