//! The ends of a program: with a store that works, and with one that another writer holds, so
//! that at the end everything is in the journal alone.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::Duration;

use capsules::{Filter, Storage};
use rusqlite::Connection;

use crate::support::{PATIENCE, Trail, end_within};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ending");
/// How many calls the program makes before its end.
const CALLS: usize = 100;

/// A store that exists, and the write lock on it.
pub(crate) struct Held {
    pub(crate) trail: Trail,
    lock: Connection,
}

impl Held {
    pub(crate) fn new() -> Self {
        let trail = Trail::new();
        let builder = capsules::Capsules::builder().data_dir(trail.path());
        builder.build().unwrap().close(PATIENCE).unwrap();
        let lock = Connection::open(trail.database()).unwrap();
        lock.execute_batch("BEGIN IMMEDIATE").unwrap();
        Self { trail, lock }
    }

    /// Releases the lock; until then nothing was stored.
    #[track_caller]
    pub(crate) fn release(&self) {
        assert_eq!(self.trail.store().count(&Filter::new()).unwrap(), 0);
        self.lock.execute_batch("ROLLBACK").unwrap();
    }

    /// Releases the lock when the program has ended, and looks at what is recovered.
    #[track_caller]
    fn assert_recovered(self, calls: usize, pending: usize) {
        self.release();
        assert_eq!(self.trail.log().returned.len(), CALLS);
        assert_eq!(self.trail.assert_nothing_lost(), (calls + pending, pending));
    }
}

/// Runs the program until it ends by itself.
fn run(trail: &Trail, ending: &str) -> ExitStatus {
    end_within(&mut trail.start(PROGRAM, &[ending]), PATIENCE)
}

/// Starts the program, and waits until it is in the midst of its last call.
fn start_unfinished(trail: &Trail, ending: &str) -> Child {
    let child = trail.start(PROGRAM, &[ending]);
    while trail.log().running.is_empty() {
        thread::sleep(Duration::from_millis(5));
    }
    child
}

fn ends_well(ending: &str) {
    let trail = Trail::new();
    assert!(run(&trail, ending).success());
    let committed = trail.store().count(&Filter::new()).unwrap();
    assert_eq!(committed, CALLS as u64, "committed at the end");
    assert_eq!(trail.assert_nothing_lost(), (CALLS, 0));

    let held = Held::new();
    assert!(run(&held.trail, ending).success());
    held.assert_recovered(CALLS, 0);
}

#[test]
fn main_returns_without_a_guard() {
    ends_well("return");
}

#[test]
fn main_returns_with_a_guard() {
    ends_well("guard");
}

#[test]
fn process_exit() {
    ends_well("exit");
}

/// Compiles the program again with `panic = "abort"`, against the libraries of this build: as for
/// the standard library, only the program decides what a panic does.
fn compile_to_abort(program: &Path) {
    let dependencies = env::current_exe().unwrap();
    let dependencies = dependencies.parent().unwrap();
    let mut libraries: Vec<_> = fs::read_dir(dependencies)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| {
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            stem.is_some_and(|stem| stem.starts_with("libcapsules-"))
                && path
                    .extension()
                    .is_some_and(|extension| extension == "rlib")
        })
        .collect();
    // Builds with other features may lie there too; the latest is this one.
    libraries.sort_by_key(|path| path.metadata().unwrap().modified().unwrap());
    let mut failures = Vec::new();
    for library in libraries.iter().rev() {
        let mut compiler = Command::new("rustc");
        compiler
            .args(["--edition=2024", "--crate-name=aborting", "-Cpanic=abort"])
            .arg(format!("-Ldependency={}", dependencies.display()))
            .arg(format!("--extern=capsules={}", library.display()))
            .arg("-o")
            .arg(program)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("programs/ending.rs"));
        if !cfg!(debug_assertions) {
            // The libraries of a release build hold nothing that can be linked without it.
            compiler.arg("-Clto=fat");
        }
        let output = compiler.output().unwrap();
        if output.status.success() {
            return;
        }
        failures.push(String::from_utf8(output.stderr).unwrap());
    }
    panic!("{}", failures.join("\n"));
}

/// The action that panicked has started and not ended.
#[test]
fn panic_that_aborts() {
    let directory = capsules_tests::temp_dir();
    let program = directory.path().join("aborting");
    compile_to_abort(&program);
    let held = Held::new();
    let mut child = held.trail.start(program.to_str().unwrap(), &["panic"]);
    let status = end_within(&mut child, PATIENCE);
    assert_eq!(status.code(), None, "{status}: it was not a signal");
    held.assert_recovered(CALLS, 1);
}

#[cfg(unix)]
#[test]
fn exec() {
    let held = Held::new();
    assert!(run(&held.trail, "exec").success());
    held.assert_recovered(CALLS, 0);
}

#[test]
fn sigkill() {
    let held = Held::new();
    let mut child = start_unfinished(&held.trail, "unfinished");
    child.kill().unwrap();
    child.wait().unwrap();
    held.assert_recovered(CALLS, 1);
}

#[cfg(unix)]
#[test]
fn sigterm() {
    let held = Held::new();
    let mut child = start_unfinished(&held.trail, "unfinished");
    let process = child.id().to_string();
    let kill = Command::new("kill").args(["-TERM", &process]).status();
    assert!(kill.unwrap().success());
    let status = end_within(&mut child, PATIENCE);
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(15)
    );
    held.assert_recovered(CALLS, 1);
}

#[test]
fn memory_is_committed_when_main_returns() {
    let trail = Trail::new();
    assert!(run(&trail, "memory-return").success());
    assert_eq!(trail.assert_nothing_lost(), (CALLS, 0));
}

/// As documented: what is in memory alone dies with the process.
#[test]
fn memory_is_lost_when_killed() {
    let held = Held::new();
    let mut child = start_unfinished(&held.trail, "memory-unfinished");
    child.kill().unwrap();
    child.wait().unwrap();
    held.lock.execute_batch("ROLLBACK").unwrap();
    held.trail.recover();
    assert_eq!(held.trail.log().returned.len(), CALLS);
    assert_eq!(held.trail.verified().len(), 0);
}
