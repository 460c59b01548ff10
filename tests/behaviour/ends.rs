//! However a program ends, what was accepted is on record.

use std::process::Command;

use capsules::{Capsules, Filter};

/// Runs the program with an empty data directory: its exit status, and how many capsules there
/// are afterwards.
fn capsules_after(ending: &str) -> (Option<i32>, u64) {
    let directory = capsules_tests::temp_dir();
    let status = Command::new(env!("CARGO_BIN_EXE_audited"))
        .arg(ending)
        .env("QUANTUMPIPES_DATA_DIR", directory.path())
        .output()
        .unwrap()
        .status;
    let capsules = Capsules::builder()
        .data_dir(directory.path())
        .build()
        .unwrap();
    (status.code(), capsules.count(Filter::new()).wait().unwrap())
}

#[test]
fn main_that_returns_loses_nothing() {
    assert_eq!(capsules_after("return"), (Some(0), 2));
}

#[test]
fn main_that_returns_loses_nothing_of_spawned_tasks() {
    assert_eq!(capsules_after("return-spawned"), (Some(0), 2));
}

#[test]
fn main_that_returns_loses_nothing_of_other_threads() {
    assert_eq!(capsules_after("return-threads"), (Some(0), 2));
}

#[test]
fn exit_loses_nothing() {
    assert_eq!(capsules_after("exit"), (Some(0), 2));
}

#[test]
fn a_panic_of_main_loses_nothing() {
    assert_eq!(capsules_after("panic"), (Some(101), 2));
}
