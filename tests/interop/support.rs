//! What the modules share.

use std::path::Path;
use std::process::Output;

use capsules_tests::python;
use serde_json::Value;

/// Runs one of the programs in `python/` on a data directory and returns what it printed.
pub(crate) fn run(script: &str, arguments: &[&str], dir: &Path) -> String {
    let output = python::run(
        script,
        arguments,
        &[("QUANTUMPIPES_DATA_DIR", dir.as_os_str())],
    );
    String::from_utf8(output.stdout)
        .expect("UTF-8")
        .trim_end()
        .to_owned()
}

/// Checks what a `verify --json` command, theirs or ours, said: that it verified the signatures
/// of so many records and found nothing.
#[track_caller]
pub(crate) fn assert_verified(output: &Output, records: usize) {
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        python::transcript(output)
    );
    let verdict: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(verdict["valid"], true, "{verdict}");
    assert_eq!(verdict["level"], "signatures", "{verdict}");
    assert_eq!(verdict["capsules_verified"], records, "{verdict}");
    assert_eq!(verdict["total_capsules"], records, "{verdict}");
}
