//! The published conformance vectors, where they lie beside the project.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::Value;

use crate::workspace_root;

/// One file of the published vectors, such as `uri-fixtures.json`.
///
/// They are looked for in `CAPSULES_CONFORMANCE_DIR`, else in the directory `shared/conformance`
/// beside the workspace. Where there is none the answer is `None`, with a message on standard
/// error, and a test returns at once.
///
/// # Panics
///
/// When the directory is there and the file is not, or is not JSON.
pub fn load(name: &str) -> Option<Value> {
    let Some(directory) = directory() else {
        // Not `eprintln!`, whose text the test runner hides when the test passes.
        let _ = writeln!(
            io::stderr(),
            "\nSKIPPED: the published vectors of {name}: there is no directory {}; \
             CAPSULES_CONFORMANCE_DIR names another one\n",
            place().display()
        );
        return None;
    };
    let path = directory.join(name);
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let vectors =
        serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some(vectors)
}

/// The directory of the published vectors, where there is one.
pub fn directory() -> Option<PathBuf> {
    Some(place()).filter(|place| place.is_dir())
}

fn place() -> PathBuf {
    match env::var_os("CAPSULES_CONFORMANCE_DIR") {
        Some(directory) => directory.into(),
        None => workspace_root().join("../shared/conformance"),
    }
}
