//! Every operation of a scenario fails once, in every way. Whatever fails, what was accepted and
//! not committed is recovered, unchanged and in order.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use super::faulty::{Fault, FaultyDisk};
use super::*;
use crate::journal::RecoverError;
use crate::journal::error::{AppendError, OpenError};
use crate::journal::waiting::waiting_on;

/// What the callers of a journal know.
#[derive(Default)]
struct Callers {
    /// Capsules whose `accept` returned well, and those of them that were committed.
    accepted: Vec<Uuid>,
    committed: BTreeSet<Uuid>,
    /// Actions whose `start` returned well and that neither ended nor tried to.
    running: BTreeSet<Uuid>,
    /// Everything that was tried.
    tried: BTreeSet<Uuid>,
    failures: usize,
}

impl Callers {
    /// Twelve actions, two at a time: one in four leaves no capsule, one in four still runs.
    fn run(journal: &Journal<FaultyDisk>) -> Self {
        let mut callers = Self::default();
        for n in 0..12 {
            callers.tried.insert(id(n));
            if callers
                .returned(journal.start(id(n), at(n), &text(n)))
                .is_some()
            {
                callers.running.insert(id(n));
            }
            if n % 5 == 1 {
                callers.returned(journal.prepare());
            }
            if n > 0 {
                callers.finish(journal, n - 1);
            }
        }
        callers.finish(journal, 11);
        callers
    }

    fn finish(&mut self, journal: &Journal<FaultyDisk>, n: usize) {
        match n % 4 {
            0 => return,
            1 => _ = self.returned(journal.end(id(n))),
            _ => {
                let receipt = self.returned(journal.accept(id(n), at(n), &text(n)));
                self.accepted.extend(receipt.map(|_| id(n)));
                // The sixth is never committed, so that not every segment can be deleted.
                if n != 6 {
                    self.returned(journal.committed(receipt));
                    self.committed.extend(receipt.map(|_| id(n)));
                }
            }
        }
        self.running.remove(&id(n));
    }

    fn returned<T, E>(&mut self, result: Result<T, E>) -> Option<T> {
        self.failures += usize::from(result.is_err());
        result.ok()
    }

    fn check(&self, found: &Found) {
        assert_eq!(found.damage, []);
        assert!(found.accepted.is_sorted_by(|a, b| a < b), "{found:?}");
        for id in &self.accepted {
            assert!(
                self.committed.contains(id) || found.accepted.contains(id),
                "lost {id}"
            );
        }
        for id in &self.running {
            assert!(found.started.contains(id), "lost the start of {id}");
        }
        for id in found.accepted.iter().chain(&found.started) {
            assert!(self.tried.contains(id));
        }
        for id in &found.started {
            assert!(!self.accepted.contains(id), "{id} was accepted");
        }
    }
}

#[test]
fn whatever_fails_while_writing_nothing_accepted_is_lost() {
    for fault in Fault::ALL {
        for n in 0.. {
            let directory = tempfile::tempdir().unwrap();
            let nested = directory.path().join("journals");
            let disk = FaultyDisk::failing_at(n, fault);
            let Ok(journal) = Journal::open_on(disk.clone(), &nested, SHORT_SEGMENT) else {
                assert!(disk.has_failed());
                assert_eq!(recover_all(&nested).0, Found::default());
                continue;
            };
            let callers = Callers::run(&journal);
            drop(journal);
            let (mut found, recovery) = recover_all(&nested);
            callers.check(&found);
            assert!(recovery.failed.is_empty(), "{fault:?} at {n}: {recovery:?}");
            assert!(files(&nested).is_empty(), "{fault:?} at {n}");
            if fault != Fault::Death {
                assert!(callers.failures <= 1, "{fault:?} at {n}");
            }
            if !disk.has_failed() {
                assert!(n > 40, "the scenario is too short: {n}");
                assert_eq!(callers.failures, 0);
                // Actions that are ended are not reported as started.
                found.started.sort();
                assert_eq!(found.started, ids([0, 4, 8]));
                break;
            }
        }
    }
}

#[test]
fn whatever_fails_while_recovering_nothing_is_lost() {
    for n in 0.. {
        let directory = tempfile::tempdir().unwrap();
        let written = FaultyDisk::healthy();
        let journal = Journal::open_on(written, directory.path(), SHORT_SEGMENT).unwrap();
        let callers = Callers::run(&journal);
        drop(journal);
        assert!(files(directory.path()).len() > 1);

        let disk = FaultyDisk::failing_at(n, Fault::Error);
        let mut found = Found::default();
        let result = recover_on(&disk, directory.path(), |batch| {
            found.extend(batch);
            Ok::<_, Infallible>(())
        });
        if disk.has_failed() {
            // Failing to list stops recovery, failing at a journal does not.
            match result {
                Err(RecoverError::List(_)) => assert_eq!(found, Found::default()),
                result => assert_eq!(result.unwrap().failed.len(), 1, "at {n}"),
            }
        }
        // What was not delivered now is delivered later; some of it may be delivered twice.
        found.append(recover_all(directory.path()).0);
        found.accepted.sort();
        found.accepted.dedup();
        callers.check(&found);
        assert!(files(directory.path()).is_empty(), "at {n}");
        if !disk.has_failed() {
            assert!(n > 20, "the scenario is too short: {n}");
            break;
        }
    }
}

#[test]
fn a_journal_that_another_process_has_just_recovered_is_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    journal.accept(id(1), at(1), &text(1)).unwrap();
    drop(journal);
    let disk = FaultyDisk::healthy();
    disk.set_vanishing(1);
    let recovery = recover_on(&disk, directory.path(), Err).unwrap();
    assert!(recovery.failed.is_empty(), "{recovery:?}");
    assert_eq!(recovery.journals, 0);
}

#[test]
fn a_file_that_a_recovery_removes_before_it_is_finished_is_created_again() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    disk.set_vanishing(3);
    let journal = Journal::open_on(disk.clone(), directory.path(), SHORT_SEGMENT).unwrap();
    journal.accept(id(1), at(1), &text(1)).unwrap();
    drop(journal);
    assert_eq!(recover_all(directory.path()).0.accepted, ids([1]));

    disk.set_vanishing(u32::MAX);
    let result = Journal::open_on(disk, directory.path(), SHORT_SEGMENT);
    assert!(matches!(result, Err(OpenError::Create { .. })));
}

#[test]
fn a_recovery_that_stopped_leaves_the_journal_to_others() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    journal.accept(id(1), at(1), &text(1)).unwrap();
    drop(journal);
    // Keeps copies of the handles, as a process has that another thread is just starting.
    let disk = FaultyDisk::healthy();
    recover_on(&disk, directory.path(), Err).unwrap_err();
    assert_eq!(recover_all(directory.path()).0.accepted, ids([1]));
    drop(disk);
}

#[test]
fn whatever_fails_while_listing_nothing_is_changed() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    journal.accept(id(1), at(1), &text(1)).unwrap();
    drop(journal);
    let bytes = fs::read(&files(directory.path())[0]).unwrap();
    for n in 0.. {
        let disk = FaultyDisk::failing_at(n, Fault::Error);
        let result = waiting_on(&disk, directory.path());
        assert_eq!(fs::read(&files(directory.path())[0]).unwrap(), bytes);
        if !disk.has_failed() {
            assert_eq!(result.unwrap()[0].accepted, 1);
            break;
        }
        if let Ok(waiting) = result {
            assert!(waiting[0].problem.is_some(), "at {n}");
        }
    }
}

#[test]
fn a_full_disk_is_reported_and_over_when_there_is_room() {
    for stuck in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::healthy();
        let journal = Journal::open_on(disk.clone(), directory.path(), SHORT_SEGMENT).unwrap();
        journal.accept(id(1), at(1), &text(1)).unwrap();
        let length = files(directory.path())[0].metadata().unwrap().len();

        disk.set_full(true);
        disk.set_stuck(stuck);
        for n in [2, 3, 4] {
            let error = journal.accept(id(n), at(n), &text(n)).unwrap_err();
            assert!(matches!(error, AppendError::Write { .. }), "{error}");
            let torn = files(directory.path())[0].metadata().unwrap().len() > length;
            assert_eq!(torn, stuck);
        }
        disk.set_full(false);
        if stuck {
            // The torn bytes cannot be cut off: nothing is written behind them.
            journal.accept(id(5), at(5), &text(5)).unwrap_err();
            journal.committed([]).unwrap();
            assert_eq!(files(directory.path()).len(), 2);
        }
        journal.accept(id(6), at(6), &text(6)).unwrap();
        drop(journal);
        let (found, _) = recover_all(directory.path());
        assert_eq!(
            found,
            Found {
                accepted: ids([1, 6]),
                ..Found::default()
            }
        );
    }
}

#[test]
fn a_forked_child_lets_go_of_its_parents_journal() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let journal = Journal::open_on(disk.clone(), directory.path(), SHORT_SEGMENT).unwrap();
    journal.accept(id(1), at(1), &text(1)).unwrap();
    let bytes = fs::read(&files(directory.path())[0]).unwrap();

    disk.set_process(2);
    journal.let_go();
    let error = journal.accept(id(2), at(2), &text(2)).unwrap_err();
    assert!(matches!(error, AppendError::Closed { .. }), "{error}");
    drop(journal);
    // The copies of the handles are the parent's.
    assert_eq!(recover_all(directory.path()).0, Found::default());
    assert_eq!(fs::read(&files(directory.path())[0]).unwrap(), bytes);
    disk.close_copies();
    eventually(|| recover_all(directory.path()).0.accepted == ids([1]));
}

#[test]
fn a_closed_journal_is_free_though_a_forked_child_has_its_handle() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let journal = Journal::open_on(disk.clone(), directory.path(), SHORT_SEGMENT).unwrap();
    journal.accept(id(1), at(1), &text(1)).unwrap();
    assert_eq!(recover_all(directory.path()).0, Found::default());
    journal.close().unwrap();
    assert_eq!(recover_all(directory.path()).0.accepted, ids([1]));
    drop(disk);
}

#[test]
fn a_forked_child_that_ends_deletes_nothing_of_its_parent() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let journal = Journal::open_on(disk.clone(), directory.path(), SHORT_SEGMENT).unwrap();
    let parents_file = files(directory.path());
    disk.set_process(2);
    drop(journal);
    assert_eq!(files(directory.path()), parents_file);
}

/// A lock that ends with its last handle ends a little later while other tests start processes.
fn eventually(condition: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if condition() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it did not happen");
}

#[test]
fn a_lock_ends_with_the_last_handle() {
    // After a fork, parent and child have such handles: the child closing its own frees nothing.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let parents = fs::File::create(&path).unwrap();
    parents.try_lock().unwrap();
    let childs = parents.try_clone().unwrap();
    drop(childs);
    let other = fs::File::open(&path).unwrap();
    assert!(matches!(
        other.try_lock(),
        Err(fs::TryLockError::WouldBlock)
    ));
    drop(parents);
    eventually(|| other.try_lock().is_ok());
}
