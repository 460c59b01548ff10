//! What the modules share.

use std::path::Path;

use capsules_tests::python;

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
