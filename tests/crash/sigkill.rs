//! Writers that are killed at random moments, again and again, on one store.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::support::{Trail, number, random};

/// `CAPSULES_CRASH_ROUNDS` deaths, each start recovering those before it: most of them after some work,
/// some at any moment from the start on. Every tenth round several writers share the store and its
/// recovery.
#[test]
fn sigkill_loses_nothing_that_was_accepted() {
    let rounds = number("CAPSULES_CRASH_ROUNDS", 300);
    let trail = Trail::new();
    for round in 1..=rounds {
        let writers = if round % 10 == 0 { 3 } else { 1 };
        let mut children: Vec<_> = (0..writers)
            .map(|_| {
                // Now and then as fast as it can, in microseconds.
                let pace = random(32) * 500;
                let pace = pace.to_string();
                trail.start(env!("CARGO_BIN_EXE_writer"), &["forever", &pace])
            })
            .collect();
        for child in &mut children {
            if round % 4 == 0 {
                thread::sleep(Duration::from_micros(random(60_000)));
            } else {
                wait_for_lines(&trail, random(300));
            }
            assert_eq!(
                child.try_wait().unwrap(),
                None,
                "the writer ended by itself"
            );
            child.kill().unwrap();
        }
        for mut child in children {
            child.wait().unwrap();
        }
    }
    let (actions, pending) = trail.assert_nothing_lost();
    println!("{rounds} rounds: {actions} actions in the chain, {pending} of them pending");
    assert!(pending > rounds / 2, "hardly a writer was killed at work");
    assert!(actions > 3 * pending, "hardly an action ended");
}

/// Waits until the writers have logged so many lines more, however fast they are, and a moment longer.
fn wait_for_lines(trail: &Trail, lines: u64) {
    let length = || fs::metadata(trail.path().join("log")).map_or(0, |log| log.len());
    let wanted = length() + 64 * lines;
    while length() < wanted {
        thread::sleep(Duration::from_micros(200));
    }
    thread::sleep(Duration::from_micros(random(5_000)));
}
