//! Many processes that write to one file at once.

use std::fs::{self, File};
use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use capsules_tests::python;

use crate::support::{Trail, end_within, number};

/// More than the full size needs, and less than a hang.
const PATIENCE: Duration = Duration::from_secs(900);

const PYTHON: &str = include_str!("../interop/python/append.py");

#[test]
fn many_processes_make_one_chain() {
    let trail = Trail::new();
    let calls = write_from_many_processes(&trail);
    assert_eq!(trail.assert_nothing_lost(), (calls, 0));
    println!("{calls} capsules in one chain");
}

/// The Python implementation gives up a record after a few lost races, and says so. Ours are all
/// there.
#[test]
fn many_processes_make_one_chain_with_python() {
    if python::interpreter().is_none() {
        return;
    }
    let trail = Trail::new();
    // The first to come makes the key, for both.
    capsules::Capsules::builder()
        .data_dir(trail.path())
        .build()
        .unwrap();
    let errors = trail.path().join("python.errors");
    let mut python = python::command()
        .args(["-c", PYTHON, "60"])
        .env("QUANTUMPIPES_DATA_DIR", trail.path())
        .stdout(Stdio::piped())
        .stderr(File::create(&errors).unwrap())
        .spawn()
        .unwrap();
    let calls = write_from_many_processes(&trail);
    let status = end_within(&mut python, PATIENCE);
    assert!(status.success(), "{}", fs::read_to_string(&errors).unwrap());
    let mut output = String::new();
    python
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut output)
        .unwrap();
    let theirs: usize = output.lines().last().unwrap().parse().unwrap();
    assert!(theirs > 0, "Python wrote nothing");
    assert_eq!(trail.assert_nothing_lost(), (calls + theirs, 0));
    println!("{calls} capsules of ours and {theirs} of Python's in one chain");
}

/// Starts the processes, waits for them, and gives how many calls they made.
fn write_from_many_processes(trail: &Trail) -> usize {
    let processes = number("CAPSULES_CRASH_PROCESSES", 16);
    let tasks = number("CAPSULES_CRASH_TASKS", 16);
    let calls = number("CAPSULES_CRASH_CALLS", 12);
    let arguments = ["calls", &tasks.to_string(), &calls.to_string()];
    let mut children: Vec<_> = (0..processes)
        .map(|_| trail.start(env!("CARGO_BIN_EXE_writer"), &arguments))
        .collect();
    for child in &mut children {
        assert!(end_within(child, PATIENCE).success());
    }
    let total = processes * tasks * calls;
    assert_eq!(trail.log().returned.len(), total);
    total
}
