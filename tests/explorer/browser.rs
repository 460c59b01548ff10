//! Node.js.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use capsules_tests::python::transcript;

/// Node.js, or `None` with a message when it cannot be had.
pub(crate) fn node() -> Option<String> {
    found(find_node())
}

/// Runs the test files of a directory, one after the other.
pub(crate) fn run(
    node: &str,
    directory: &str,
    settings: impl IntoIterator<Item = (&'static str, OsString)>,
) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("explorer")
        .join(directory);
    let mut command = Command::new(node);
    command
        .args(["--test", "--test-concurrency=1"])
        .args(test_files(&directory))
        .envs(settings)
        .env_remove("NODE_OPTIONS");
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{} failed{}",
        directory.display(),
        transcript(&output)
    );
}

fn test_files(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory).expect("the tests' directory");
    let paths = files.map(|file| file.expect("a file").path());
    let mut tests: Vec<_> = paths
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    tests.sort();
    tests
}

fn found<T>(found: Result<T, String>) -> Option<T> {
    match found {
        Ok(found) => Some(found),
        Err(reason) => {
            assert!(
                env::var_os("CI").is_none_or(|ci| ci != "true"),
                "the tests of the explorer cannot run: {reason}"
            );
            // Not `eprintln!`, whose text the test runner hides when the test passes.
            let _ = writeln!(io::stderr(), "\nSKIPPED: tests of the explorer: {reason}\n");
            None
        }
    }
}

/// The Node.js on the path, if it is new enough for its test runner.
fn find_node() -> Result<String, String> {
    let node = find(&["node", "nodejs"])?;
    let check = "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)";
    let new_enough = Command::new(&node).args(["-e", check]).status();
    match new_enough {
        Ok(status) if status.success() => Ok(node),
        _ => Err(format!("{node} is older than Node.js 20")),
    }
}

/// The first of these programs that there is.
fn find(names: &[&str]) -> Result<String, String> {
    let runs = |name: &&&str| {
        let version = Command::new(name).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    let name = names.iter().find(runs);
    name.map(|name| which(name))
        .ok_or_else(|| format!("there is no {} on the path", names.join(" and no ")))
}

/// The program's whole path.
fn which(name: &str) -> String {
    let directories = env::var_os("PATH").unwrap_or_default();
    let mut paths = env::split_paths(&directories).map(|directory| directory.join(name));
    let path = paths.find(|path| path.is_file());
    path.map_or_else(
        || name.to_owned(),
        |path| path.to_string_lossy().into_owned(),
    )
}
