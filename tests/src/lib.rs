//! What the integration tests share.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test support"
)]

pub mod conformance;
pub mod postgres;
pub mod proxy;
pub mod python;

use std::env;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// An empty directory for one test, removed when dropped.
///
/// # Panics
///
/// When the system's directory for temporary files cannot be written.
pub fn temp_dir() -> TempDir {
    tempfile::Builder::new()
        .prefix("capsules-test-")
        .tempdir()
        .expect("a temporary directory")
}

/// The root of the workspace.
///
/// # Panics
///
/// Never: this package lies inside the workspace.
pub fn workspace_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests package has a parent")
}

/// Where Cargo builds: `CARGO_TARGET_DIR`, or `target` in the workspace.
pub fn target_dir() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => workspace_root().join(dir),
        None => workspace_root().join("target"),
    }
}

/// Runs the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
