//! Packages that are written, compiled and run: what the attribute does to lints, to the tests of
//! a published crate, and to compile times.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod annotate;
mod figures;
mod lints;
mod package;
mod public_crate;
mod tools;
