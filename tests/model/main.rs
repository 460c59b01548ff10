//! A model check of the protocol between callers, journal, committer, store and recovery: every
//! interleaving of two callers, one of them with two actions, who may commit by themselves, their
//! process that may die at any step, and two recoverers of which one may die too.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod protocol;

use protocol::Protocol;
use stateright::{Checker, HasDiscoveries, Model};

const RETURNED: &str = "a call that returned is on record or on file";
const STARTED: &str = "an action that started is on record or on file";
const ONCE: &str = "nothing is on record twice";
const ORDER: &str = "what a caller did is on record in its order";

#[test]
fn the_protocol_keeps_its_promises() {
    let checker = Protocol::Sound.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    // A model that can do little proves little.
    assert!(checker.unique_state_count() > 100_000);
}

/// Asserts that the mistake breaks the promise, and that the checker finds it.
#[track_caller]
fn assert_caught(mistake: Protocol, promise: &'static str) {
    let checker = mistake
        .checker()
        .finish_when(HasDiscoveries::AnyOf([promise].into()))
        .spawn_bfs()
        .join();
    assert!(
        checker.discovery(promise).is_some(),
        "{mistake:?} breaks {:?}",
        checker.discoveries().keys()
    );
}

#[test]
fn trimming_before_the_commit_loses() {
    assert_caught(Protocol::TrimsBeforeCommit, RETURNED);
}

#[test]
fn marking_past_a_gap_loses() {
    // Already before the call has returned: its start does not count any more.
    assert_caught(Protocol::MarksPastGaps, STARTED);
}

#[test]
fn returning_before_the_journal_is_written_loses() {
    assert_caught(Protocol::ReturnsBeforeJournal, RETURNED);
}

#[test]
fn repeating_an_append_blindly_doubles() {
    assert_caught(Protocol::RepeatsBlindly, ONCE);
}

#[test]
fn recovering_without_a_look_at_the_store_doubles() {
    assert_caught(Protocol::RecoversBlindly, ONCE);
}

#[test]
fn deleting_a_journal_before_its_delivery_loses() {
    assert_caught(Protocol::DeletesBeforeDelivery, RETURNED);
}

#[test]
fn recovering_without_the_lock_doubles() {
    assert_caught(Protocol::RecoversWithoutLock, ONCE);
}

#[test]
fn deleting_a_segment_with_open_starts_loses_them() {
    assert_caught(Protocol::DropsOpenStarts, STARTED);
}

#[test]
fn storing_past_what_was_left_to_the_journal_breaks_the_order() {
    assert_caught(Protocol::OvertakesTheJournal, ORDER);
}

#[test]
fn committing_past_the_queue_breaks_the_order() {
    assert_caught(Protocol::PassesTheQueue, ORDER);
}

#[test]
fn trimming_what_a_caller_could_not_commit_loses() {
    assert_caught(Protocol::TrimsAFailedPass, RETURNED);
}

#[test]
fn queueing_what_a_caller_could_not_commit_without_a_journal_loses() {
    assert_caught(Protocol::ForgetsAFailedPass, RETURNED);
}
