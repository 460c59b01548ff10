//! Many processes that write to one file at once.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::process::Stdio;
use std::time::Duration;

use capsules::Storage;
use capsules_tests::python;

use crate::support::{Trail, end_within, number};

/// More than the full size needs, and less than a hang.
const PATIENCE: Duration = Duration::from_secs(900);

const PYTHON: &str = include_str!("python/append.py");

#[test]
fn many_processes_make_one_chain() {
    let trail = Trail::new();
    let calls = write_from_many_processes(&trail);
    assert_eq!(trail.assert_nothing_lost(), (calls, 0));
    println!("{calls} capsules in one chain");
}

/// The Python implementation appends all the time.
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
        .args(["-c", PYTHON])
        .env("QUANTUMPIPES_DATA_DIR", trail.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(File::create(&errors).unwrap())
        .spawn()
        .unwrap();
    let errors = || fs::read_to_string(&errors).unwrap();
    let mut output = BufReader::new(python.stdout.take().unwrap()).lines();
    let mut line = || {
        let line = output.next();
        line.unwrap_or_else(|| panic!("{}", errors())).unwrap()
    };
    assert_eq!(line(), "ready");
    let calls = write_from_many_processes(&trail);
    drop(python.stdin.take());
    let kept = line();
    assert!(end_within(&mut python, PATIENCE).success(), "{}", errors());
    let (theirs, failed) = kept.split_once(' ').unwrap();
    let theirs: usize = theirs.parse().unwrap();
    assert!(theirs > 0, "Python wrote nothing; {failed} attempts");
    assert_eq!(trail.assert_nothing_lost(), (calls + theirs, 0));
    let quarters = theirs_by_quarter(&trail, calls + theirs);
    assert_eq!(quarters.iter().sum::<usize>(), theirs);
    println!(
        "{calls} capsules of ours and {theirs} of Python's in one chain; {quarters:?} of them in \
         each quarter of it, and {failed} attempts that Python gave up"
    );
}

/// How many records of each quarter of the chain are Python's.
fn theirs_by_quarter(trail: &Trail, records: usize) -> [usize; 4] {
    let mut quarters = [0; 4];
    let mut place = 0;
    let mut count = |record: capsules::SealedRecord| {
        let source = record.capsule().unwrap().trigger.source;
        quarters[place * 4 / records] += usize::from(source == "python.append");
        place += 1;
        ControlFlow::Continue(())
    };
    trail.store().scan(None, 0, &mut count).unwrap();
    quarters
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
