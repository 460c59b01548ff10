//! Node.js, what it takes from npm, and Chromium.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use capsules_tests::python::transcript;
use capsules_tests::target_dir;

const PACKAGE: &str = include_str!("package.json");
const LOCK: &str = include_str!("package-lock.json");

/// What the walks need.
pub(crate) struct Tools {
    pub(crate) node: String,
    pub(crate) chromium: String,
    /// The directory `node_modules`.
    pub(crate) modules: PathBuf,
}

/// Node.js, or `None` with a message when it cannot be had.
pub(crate) fn node() -> Option<String> {
    found(find_node())
}

/// Everything that the walks need, or `None` with a message when it cannot be had.
pub(crate) fn tools() -> Option<Tools> {
    let tools = || {
        let node = find_node()?;
        let chromium = find(&["chromium", "chromium-browser", "google-chrome"])?;
        let modules = install()?;
        Ok(Tools {
            node,
            chromium,
            modules,
        })
    };
    found(tools())
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

/// The Node.js on the path, if it is new enough for its test runner and Playwright.
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

/// The program's whole path, since Playwright takes no name.
fn which(name: &str) -> String {
    let directories = env::var_os("PATH").unwrap_or_default();
    let mut paths = env::split_paths(&directories).map(|directory| directory.join(name));
    let path = paths.find(|path| path.is_file());
    path.map_or_else(
        || name.to_owned(),
        |path| path.to_string_lossy().into_owned(),
    )
}

/// Installs what the lock file names, unless that was done already.
fn install() -> Result<PathBuf, String> {
    let mut hasher = DefaultHasher::new();
    (PACKAGE, LOCK).hash(&mut hasher);
    let directory = target_dir().join(format!("explorer-env-{:016x}", hasher.finish()));
    let modules = directory.join("node_modules");
    let complete = directory.join("complete");
    let failed = |what: &Path, error: io::Error| format!("{}: {error}", what.display());

    fs::create_dir_all(&directory).map_err(|error| failed(&directory, error))?;
    let lock_path = directory.join("lock");
    let lock = File::create(&lock_path).map_err(|error| failed(&lock_path, error))?;
    lock.lock().map_err(|error| failed(&lock_path, error))?;
    if complete.exists() {
        return Ok(modules);
    }
    for (name, text) in [("package.json", PACKAGE), ("package-lock.json", LOCK)] {
        let path = directory.join(name);
        fs::write(&path, text).map_err(|error| failed(&path, error))?;
    }
    let mut command = Command::new("npm");
    command
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&directory);
    let output = command
        .output()
        .map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?} failed{}", transcript(&output)));
    }
    File::create(&complete).map_err(|error| failed(&complete, error))?;
    Ok(modules)
}
