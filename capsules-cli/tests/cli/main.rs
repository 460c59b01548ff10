//! Runs the built `capsules` command.
#![allow(clippy::unwrap_used, reason = "test support")]

mod bytes;
mod doctor;
mod export;
mod figures;
#[cfg(target_os = "linux")]
mod hostile;
mod import;
mod inspect;
mod keys;
mod list;
mod manual;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(unix)]
mod progress;
mod python;
mod recover;
mod search;
#[cfg(unix)]
mod serve;
mod stats;
mod stores;
mod support;
#[cfg(unix)]
mod tail;
#[cfg(unix)]
mod terminal;
mod tree;
mod uri;
mod validate;
mod verify;
