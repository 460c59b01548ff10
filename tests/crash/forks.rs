//! Forks: what the child of a process that records does with its parent's instance.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use capsules::{Capsule, Filter, OutcomeStatus, Storage, recovery};

use crate::ends::Held;
use crate::support::{PATIENCE, Trail, end_within};

const PROGRAM: &str = env!("CARGO_BIN_EXE_forking");
/// As in the program.
const CALLS: usize = 20;
const QUEUE: usize = 8;

#[track_caller]
fn run(trail: &Trail, way: &str) {
    let mut program = trail.start(PROGRAM, &[way]);
    assert!(end_within(&mut program, PATIENCE).success());
}

#[test]
fn a_child_waits_for_nothing_and_loses_nothing() {
    let trail = Trail::new();
    run(&trail, "full");
    let stored = trail.store().count(&Filter::new()).unwrap();
    // The child's are in its journal, which its parent recovers if it stores so late that the child
    // is dead by then.
    let (few, all) = (QUEUE as u64, (QUEUE + CALLS) as u64);
    assert!(stored == few || stored == all, "{stored}");
    assert_eq!(trail.assert_nothing_lost(), (QUEUE + CALLS, 0));

    // The queue was full when the child began.
    let held = Held::new();
    run(&held.trail, "full");
    held.release();
    assert_eq!(held.trail.assert_nothing_lost(), (QUEUE + CALLS, 0));
}

/// Nobody would ever store what is in the child's memory.
#[test]
fn a_child_keeps_in_a_journal_what_its_parent_keeps_in_memory() {
    let trail = Trail::new();
    run(&trail, "memory");
    assert_eq!(trail.assert_nothing_lost(), (CALLS, 0));
}

#[test]
fn a_child_of_a_child() {
    let trail = Trail::new();
    run(&trail, "child-of-child");
    assert_eq!(trail.assert_nothing_lost(), (4 * CALLS, 0));
    // No process hands out the random bits of another, whatever the time is.
    let random: HashSet<_> = trail
        .log()
        .returned
        .iter()
        .map(|id| id.as_u128() & ((1 << 62) - 1))
        .collect();
    assert_eq!(random.len(), 4 * CALLS);
}

#[test]
fn what_a_child_asks_of_its_parents_instance_is_an_error_at_once() {
    let trail = Trail::new();
    run(&trail, "asks");
    assert_eq!(trail.assert_nothing_lost(), (3, 0));
}

/// A hundred forks while locks of all kinds are held by other threads.
#[test]
fn a_child_of_a_busy_process_does_not_hang() {
    let trail = Trail::new();
    run(&trail, "busy");
    let (actions, pending) = trail.assert_nothing_lost();
    assert!(actions >= 300, "{actions}");
    // Those in the midst of which the threads of the parent were when it ended.
    assert!(pending <= 3, "{pending}");
}

#[test]
fn an_action_that_ends_in_two_processes_is_on_record_twice() {
    let trail = Trail::new();
    run(&trail, "inside");
    trail.recover();
    let mut capsules = Vec::new();
    let mut read = |record: capsules::SealedRecord| {
        capsules.push(record.capsule().unwrap());
        ControlFlow::Continue(())
    };
    trail.store().scan(None, 0, &mut read).unwrap();
    capsules.sort_by_key(|capsule| capsule.parent_id.is_some());
    let [first, second] = <[Capsule; 2]>::try_from(capsules).unwrap();
    assert_eq!(second.parent_id, Some(first.id));
    for part in [first, second] {
        assert_eq!(part.outcome.status, OutcomeStatus::Success);
    }
    trail.verified();
}

/// The parent's journal is given up by the child, whose life may be long.
#[test]
fn a_parent_is_recovered_while_its_child_lives() {
    let held = Held::new();
    let mut parent = held.trail.start(PROGRAM, &["outlived"]);
    let file = |suffix: &str| held.trail.path().join(format!("log.{suffix}"));
    while !file("child").exists() {
        thread::sleep(Duration::from_millis(5));
    }
    parent.kill().unwrap();
    parent.wait().unwrap();
    held.release();
    let builder = capsules::Capsules::builder().data_dir(held.trail.path());
    assert_eq!(builder.recover().unwrap().accepted, QUEUE as u64);
    assert_eq!(held.trail.verified().len(), QUEUE);

    std::fs::write(file("end"), "").unwrap();
    while recovery::waiting(&held.trail.database())
        .unwrap()
        .is_empty()
    {
        thread::sleep(Duration::from_millis(5));
    }
    held.trail.recover();
    assert_eq!(held.trail.verified().len(), QUEUE + 1);
}
