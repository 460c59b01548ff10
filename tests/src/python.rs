//! The published Python implementation, in a virtual environment under `target/`.
//!
//! The environment is made on first use from `tests/python-requirements.txt`, and another one, for
//! the tests over HTTP, from `tests/python-http-requirements.txt`. Where Python 3.11, pip or the
//! network is missing, tests that need it are skipped with a message; with `CI=true` in the
//! environment they fail instead.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::target_dir;

/// The interpreter of the virtual environment, or `None` when it cannot be had; a test then
/// returns at once.
///
/// # Panics
///
/// With `CI=true`, when it cannot be had.
pub fn interpreter() -> Option<PathBuf> {
    static INTERPRETER: OnceLock<Option<PathBuf>> = OnceLock::new();
    INTERPRETER.get_or_init(|| available(&PACKAGE)).clone()
}

/// The interpreter of an environment that also has FastAPI and Schemathesis, or `None` when it
/// cannot be had; a test then returns at once.
///
/// # Panics
///
/// With `CI=true`, when it cannot be had.
pub fn http_interpreter() -> Option<PathBuf> {
    static INTERPRETER: OnceLock<Option<PathBuf>> = OnceLock::new();
    INTERPRETER.get_or_init(|| available(&HTTP)).clone()
}

fn available(requirements: &Requirements) -> Option<PathBuf> {
    match environment(requirements) {
        Ok(python) => Some(python),
        Err(reason) => {
            assert!(
                env::var_os("CI").is_none_or(|ci| ci != "true"),
                "the tests against Python cannot run: {reason}"
            );
            // Not `eprintln!`, whose text the test runner hides when the test passes.
            let _ = writeln!(
                io::stderr(),
                "\nSKIPPED: tests against the Python implementation: {reason}\n"
            );
            None
        }
    }
}

/// Runs a Python program and returns what it wrote.
///
/// # Panics
///
/// When there is no [`interpreter`] or the program fails; the message holds its output.
pub fn run<A: AsRef<OsStr>>(script: &str, args: &[A], env: &[(&str, &OsStr)]) -> Output {
    let mut command = command();
    command
        .arg("-c")
        .arg(script)
        .args(args)
        .envs(env.iter().copied());
    let output = output(&mut command);
    assert!(
        output.status.success(),
        "the Python program failed{}",
        transcript(&output)
    );
    output
}

/// Runs the Python implementation's `capsule` command on a data directory. Its exit status is
/// the caller's to judge.
///
/// # Panics
///
/// When there is no [`interpreter`].
pub fn capsule<A: AsRef<OsStr>>(data_dir: &Path, args: &[A]) -> Output {
    let mut command = command();
    command
        .args([
            "-c",
            "import sys; from qp_capsule.cli import main; sys.exit(main())",
        ])
        .args(args)
        .env("QUANTUMPIPES_DATA_DIR", data_dir);
    output(&mut command)
}

/// A command that runs the [`interpreter`], away from the user's own files.
///
/// # Panics
///
/// When there is no interpreter.
pub fn command() -> Command {
    command_of(&interpreter().expect("a Python interpreter"))
}

/// As [`command`], with the [`http_interpreter`].
///
/// # Panics
///
/// When there is no interpreter.
pub fn http_command() -> Command {
    command_of(&http_interpreter().expect("a Python interpreter"))
}

fn command_of(interpreter: &Path) -> Command {
    let mut command = Command::new(interpreter);
    command
        .env("PYTHONUTF8", "1")
        .env("NO_COLOR", "1")
        .env_remove("PYTHONPATH");
    command
}

/// What a program wrote, for the message of a failed assertion.
pub fn transcript(output: &Output) -> String {
    format!(
        " ({})\n--- stdout\n{}\n--- stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// What an environment is made from.
struct Requirements {
    file: &'static str,
    text: &'static str,
}

const PACKAGE: Requirements = Requirements {
    file: "python-requirements.txt",
    text: include_str!("../python-requirements.txt"),
};

const HTTP: Requirements = Requirements {
    file: "python-http-requirements.txt",
    text: include_str!("../python-http-requirements.txt"),
};

/// Makes the virtual environment unless it is complete already.
fn environment(requirements: &Requirements) -> Result<PathBuf, String> {
    let target = target_dir();
    let dir = target.join(format!("python-env-{:016x}", hash(requirements.text)));
    let python = dir.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    });
    let complete = dir.join("complete");

    fs::create_dir_all(&target).map_err(|e| format!("cannot make {}: {e}", target.display()))?;
    let lock_path = target.join("python-env.lock");
    let lock = File::create(&lock_path)
        .map_err(|e| format!("cannot make {}: {e}", lock_path.display()))?;
    // Test binaries that start together wait here for the first of them.
    lock.lock()
        .map_err(|e| format!("cannot lock {}: {e}", lock_path.display()))?;
    if complete.exists() {
        return Ok(python);
    }

    if dir.exists() {
        fs::remove_dir_all(&dir).map_err(|e| format!("cannot remove {}: {e}", dir.display()))?;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(requirements.file);
    step(
        Command::new(system_python()?)
            .args(["-m", "venv"])
            .arg(&dir),
    )?;
    step(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(["--retries", "2", "--timeout", "30", "--requirement"])
            .arg(&file),
    )?;
    File::create(&complete).map_err(|e| format!("cannot make {}: {e}", complete.display()))?;
    Ok(python)
}

fn hash(requirements: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    requirements.hash(&mut hasher);
    hasher.finish()
}

/// The first Python on the path that is new enough.
fn system_python() -> Result<&'static str, String> {
    const CHECK: &str = "import sys; sys.exit(sys.version_info < (3, 11))";
    [
        "python3",
        "python3.13",
        "python3.12",
        "python3.11",
        "python",
    ]
    .into_iter()
    .find(|name| {
        Command::new(name)
            .args(["-c", CHECK])
            .output()
            .is_ok_and(|output| output.status.success())
    })
    .ok_or_else(|| "no Python 3.11 or later on the path".to_owned())
}

fn step(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{command:?} failed{}", transcript(&output)))
    }
}

fn output(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"))
}
