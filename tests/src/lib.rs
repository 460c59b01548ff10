//! What the integration tests share.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test support"
)]

pub mod conformance;
pub mod hooked;
pub mod pgbouncer;
mod place;
pub mod postgres;
pub mod proxy;
pub mod python;

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use capsules::storage::MemoryStorage;
use capsules::{Capsule, Capsules, Filter, LocalSigner, SealedRecord};
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

/// Says that tests are skipped, and why: `what` cannot be had.
///
/// # Panics
///
/// With `CI=true` in the environment, where nothing is skipped.
pub fn skip(what: &str, reason: &str) {
    assert!(
        env::var_os("CI").is_none_or(|ci| ci != "true"),
        "{what} cannot run: {reason}"
    );
    // Not `eprintln!`, whose text the test runner hides when the test passes.
    let _ = writeln!(io::stderr(), "\nSKIPPED: {what}: {reason}\n");
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

/// What a closure records, in the order in which it ended.
///
/// # Panics
///
/// When it cannot be recorded.
pub fn recorded<R>(run: impl FnOnce() -> R) -> Vec<Capsule> {
    let capsules = Capsules::builder()
        .storage(MemoryStorage::new())
        .signer(LocalSigner::generate().expect("a key"))
        .build()
        .expect("an instance in memory");
    drop(capsules.scope_sync(run));
    let records = capsules.list(Filter::new().oldest_first()).wait();
    let records = records.expect("a store in memory can be read");
    let capsule = |record: &SealedRecord| record.capsule().expect("a capsule");
    records.iter().map(capsule).collect()
}

/// Runs the examples of the README and of the attribute's description.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../README.md")]
    mod readme {}
    #[doc = include_str!("../../docs/ATTRIBUTE.md")]
    mod attribute {}
}
