//! The explorer: the modules of the page under Node.js.
//!
//! Where Node.js is missing, the tests are skipped with a message; with `CI=true` in the
//! environment they fail instead.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

mod browser;

use std::fs;
use std::path::PathBuf;

use capsules_tests::{conformance, workspace_root};

/// The most that the page may weigh, all of its files together.
const MOST_BYTES: u64 = 200_000;

#[test]
fn the_page_is_small() {
    let bytes: u64 = assets()
        .iter()
        .map(|path| path.metadata().expect("a file's size").len())
        .sum();
    assert!(bytes < MOST_BYTES, "the explorer has {bytes} bytes");
}

#[test]
fn modules() {
    let Some(node) = browser::node() else { return };
    let vectors = conformance::directory();
    let vectors = vectors.map(|found| ("CAPSULES_CONFORMANCE_DIR", found.into_os_string()));
    browser::run(&node, "modules", vectors);
}

/// The files of the page.
fn assets() -> Vec<PathBuf> {
    let directory = workspace_root().join("capsules-axum/explorer");
    let files = fs::read_dir(&directory).expect("the page's directory");
    files
        .map(|file| file.expect("a file").path())
        // Tells Node.js that the scripts are modules; no part of the page.
        .filter(|path| !path.ends_with("package.json"))
        .collect()
}
