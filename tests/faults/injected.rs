//! Every system call by which SQLite writes, made to fail, or the last thing that a process does:
//! `strace` injects it into a program that records to its default store.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use capsules::{DataDir, OutcomeStatus};

use crate::program::PROGRAM;
use crate::support::recovered_chain;

/// Transactions of the recorder and of the caller, and the checkpoint of the end.
const COMMANDS: &str = "calls 2\nsettle\ncommits 2\ncalls 2\nsettle\n";

/// What SQLite does to the file and its log.
const SYSTEM_CALLS: [&str; 4] = ["pwrite64", "fsync", "fdatasync", "ftruncate"];

/// How a run with an injection has ended.
struct Run {
    /// The ids of the calls that have returned.
    returned: Vec<String>,
    /// What is on record in the end, with everything recovered.
    recorded: Vec<(String, OutcomeStatus)>,
    output: Output,
}

/// Runs the program with this injection into the system calls on the store's file and log.
/// `None` when there was nothing to inject it into.
fn run(system_call: &str, injection: &str) -> Option<Run> {
    let data = capsules_tests::temp_dir();
    let log = data.path().join("strace");
    let store = DataDir::new(data.path()).unwrap().database();
    let mut child = Command::new("strace")
        .args(["-f", "-qq", "-o"])
        .arg(&log)
        .args(["-e", &format!("trace={system_call}"), "-P"])
        .arg(&store)
        .arg("-P")
        .arg(format!("{}-wal", store.display()))
        .args(["-e", &format!("inject={system_call}:{injection}")])
        .arg(PROGRAM)
        .arg(data.path())
        .env("QUANTUMPIPES_DATA_DIR", data.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // A program that was killed reads no more.
    let _ = input.write_all(COMMANDS.as_bytes());
    drop(input);
    let output = child.wait_with_output().unwrap();
    let injected = |log: &str| log.contains("(INJECTED)") || log.contains("killed by SIGKILL");
    if !injected(&fs::read_to_string(&log).unwrap()) {
        assert!(output.status.success(), "{output:?}");
        return None;
    }
    let lines = String::from_utf8(output.stdout.clone()).unwrap();
    let lines = lines.split_inclusive('\n').filter(|l| l.ends_with('\n'));
    let returned = lines
        .filter(|line| !line.starts_with('{'))
        .map(|line| line.trim_end().to_owned());
    Some(Run {
        returned: returned.collect(),
        recorded: recorded(data.path()),
        output,
    })
}

fn recorded(data: &Path) -> Vec<(String, OutcomeStatus)> {
    let capsules = recovered_chain(data).into_iter();
    let recorded = capsules.map(|capsule| (capsule.id.to_string(), capsule.outcome.status));
    recorded.collect()
}

/// Checks the runs with each of the system calls struck in turn: one of each thread, as `strace`
/// counts. None without `strace`.
fn for_each_call(injection: &str, check: impl Fn(&str, &Run)) {
    let mut trial = Command::new("strace");
    trial.args(["-qq", "-e", "trace=none", "true"]);
    if !trial.status().is_ok_and(|status| status.success()) {
        let reason = "`strace` is missing or may not trace";
        return capsules_tests::skip("errors of single system calls", reason);
    }
    let mut runs = 0;
    for system_call in SYSTEM_CALLS {
        for number in 1.. {
            let Some(run) = run(system_call, &format!("{injection}:when={number}")) else {
                break;
            };
            check(&format!("{injection} in {system_call} {number}"), &run);
            runs += 1;
        }
    }
    assert!(runs > 20, "only {runs} system calls");
}

fn succeeded(ids: &[String]) -> Vec<(String, OutcomeStatus)> {
    let succeeded = ids.iter().map(|id| (id.clone(), OutcomeStatus::Success));
    succeeded.collect()
}

/// A program that goes on after the failure records everything once and in order.
fn assert_survived(name: &str, run: &Run) {
    assert!(run.output.status.success(), "{name}: {:?}", run.output);
    assert_eq!(run.returned.len(), 6, "{name}");
    assert_eq!(run.recorded, succeeded(&run.returned), "{name}");
}

#[test]
fn nothing_is_lost_or_doubled_by_an_error_of_the_disk() {
    for_each_call("error=EIO", assert_survived);
}

#[test]
fn nothing_is_lost_or_doubled_by_a_full_disk() {
    for_each_call("error=ENOSPC", assert_survived);
}

#[test]
fn nothing_is_lost_or_doubled_by_a_death_at_any_write() {
    for_each_call("signal=SIGKILL", |name, run| {
        // One call may have been recorded that could not be reported any more.
        let known = run.returned.len();
        assert!(run.recorded.len() <= known + 1, "{name}");
        let recorded = run.recorded.get(..known);
        assert_eq!(recorded, Some(&succeeded(&run.returned)[..]), "{name}");
    });
}
