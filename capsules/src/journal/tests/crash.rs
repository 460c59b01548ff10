//! Processes that die at any moment, and several that work at once.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;
use crate::journal::waiting;

/// Threads of a writing process. Each appends numbers that leave this remainder.
const THREADS: usize = 3;

/// Names the directory that [`writing_process`] writes to; without it, that is no test.
const DIRECTORY: &str = "CAPSULES_TEST_JOURNAL_DIRECTORY";
/// The number of the writing process, so that ids differ.
const PROCESS: &str = "CAPSULES_TEST_JOURNAL_PROCESS";

/// Ids of different processes differ from this digit on.
const PER_PROCESS: usize = 1 << 32;

/// What a thread of a writing process does: start, accept, now and then commit; and after each
/// of them it says so on standard output.
#[test]
#[ignore = "runs as a process of its own, started by other tests"]
fn writing_process() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let process: usize = std::env::var(PROCESS).unwrap().parse().unwrap();
    let journal = Journal::open_on(SystemDisk, Path::new(&directory), 32 << 10).unwrap();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let journal = &journal;
            scope.spawn(move || {
                let say = |what: char, n: usize| {
                    // Written at once, as the process may die between two writes.
                    let line = format!("\n{what}{n}\n");
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                };
                for step in 0.. {
                    let n = process * PER_PROCESS + step * THREADS + thread;
                    journal.start(id(n), at(n), &text(n)).unwrap();
                    say('s', n);
                    let receipt = journal.accept(id(n), at(n), &text(n)).unwrap();
                    say('a', n);
                    // A while later, as a committer would; the last of 300 stay uncommitted.
                    if step % 300 < 290 {
                        say('c', n);
                        journal.committed([receipt]).unwrap();
                    }
                }
            });
        }
    });
}

fn start_writing(directory: &Path, process: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "journal::tests::crash::writing_process",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(DIRECTORY, directory)
        .env(PROCESS, process.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// When a process is killed.
#[derive(Clone, Copy)]
enum Moment {
    /// So long after its start.
    Started(Duration),
    /// So long after it has said something.
    AtWork(Duration),
}

/// Kills the process with `SIGKILL` and returns what it said that it had done.
fn kill(mut child: Child, moment: Moment) -> Vec<(char, usize)> {
    let output = BufReader::new(child.stdout.take().unwrap());
    let (silent, has_spoken) = mpsc::channel::<()>();
    let reader = thread::spawn(move || {
        let mut silent = Some(silent);
        let lines = output.lines().map(Result::unwrap);
        let said = lines.filter_map(|line| {
            let what = line.chars().next().filter(|what| "sac".contains(*what))?;
            let number = line[1..].parse().ok()?;
            drop(silent.take());
            Some((what, number))
        });
        said.collect()
    });
    thread::sleep(match moment {
        Moment::Started(after) => after,
        Moment::AtWork(after) => {
            has_spoken.recv().unwrap_err();
            after
        }
    });
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

/// Checks what is found against what the processes said before they died.
fn check(said: &[(char, usize)], found: &Found) {
    let of = |what: char| {
        let numbers = said
            .iter()
            .filter(move |said| said.0 == what)
            .map(|said| id(said.1));
        numbers.collect::<std::collections::HashSet<_>>()
    };
    let (started, accepted, committed) = (of('s'), of('a'), of('c'));
    let found_accepted: std::collections::HashSet<_> = found.accepted.iter().copied().collect();
    assert_eq!(found_accepted.len(), found.accepted.len(), "found twice");
    assert_eq!(found.damage, []);
    for id in accepted.difference(&committed) {
        assert!(found_accepted.contains(id), "lost {id}");
    }
    for id in started.difference(&accepted) {
        // Accepted, but killed before it could say so.
        assert!(
            found.started.contains(id) || found_accepted.contains(id),
            "lost the start {id}"
        );
    }
    for id in &found.started {
        assert!(!accepted.contains(id), "{id} was accepted");
    }
    // A thread waits for its append, so its capsules are in order.
    let number = |id: &Uuid| usize::try_from(id.as_u128()).unwrap();
    for process in 0..4 {
        for thread in 0..THREADS {
            let own = found
                .accepted
                .iter()
                .map(number)
                .filter(|n| n / PER_PROCESS == process && n % PER_PROCESS % THREADS == thread);
            assert!(own.is_sorted(), "out of order");
        }
    }
}

#[test]
fn a_killed_process_loses_nothing_that_had_returned() {
    let rounds = std::env::var("CAPSULES_KILLS").map_or(20, |kills| kills.parse().unwrap());
    let mut accepted = 0;
    for round in 0..rounds {
        let directory = tempfile::tempdir().unwrap();
        let child = start_writing(directory.path(), 0);
        let after = Duration::from_micros(round * 7_919 % 60_000);
        let said = kill(
            child,
            if round % 4 == 0 {
                Moment::Started(after)
            } else {
                Moment::AtWork(after)
            },
        );
        let listed = waiting(directory.path()).unwrap();
        let (found, recovery) = recover_all(directory.path());
        check(&said, &found);
        assert!(recovery.failed.is_empty(), "{recovery:?}");
        assert!(files(directory.path()).is_empty());
        let listed: u64 = listed
            .iter()
            .map(|journal| journal.accepted + journal.started)
            .sum();
        assert_eq!(listed, recovery.accepted + recovery.started);
        accepted += said.iter().filter(|said| said.0 == 'a').count();
    }
    assert!(accepted > 0, "no process accepted anything");
}

#[test]
fn a_killed_process_is_recovered_while_others_write() {
    let directory = tempfile::tempdir().unwrap();
    let children: Vec<_> = (0..4)
        .map(|process| start_writing(directory.path(), process))
        .collect();
    let mut found = Found::default();
    let mut said = Vec::new();
    for child in children {
        said.extend(kill(child, Moment::AtWork(Duration::from_millis(60))));
        // Two at once: each journal is recovered by one of them.
        let others = thread::scope(|scope| {
            let recovery = || recover_all(directory.path()).0;
            let threads = [scope.spawn(recovery), scope.spawn(recovery)];
            threads.map(|thread| thread.join().unwrap())
        });
        for other in others {
            found.append(other);
        }
    }
    check(&said, &found);
    assert!(said.iter().any(|said| said.0 == 'a'));
    assert!(files(directory.path()).is_empty());
}

#[test]
fn recoverers_at_once_deliver_each_journal_once() {
    for _ in 0..20 {
        let directory = tempfile::tempdir().unwrap();
        for journal_number in 0..8 {
            let journal = Journal::open(directory.path()).unwrap();
            for n in journal_number * 50..(journal_number + 1) * 50 {
                journal.accept(id(n), at(n), &text(n)).unwrap();
            }
        }
        let mut accepted = thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| recover_all(directory.path())))
                .collect();
            let results = threads.into_iter().flat_map(|thread| {
                let (found, recovery) = thread.join().unwrap();
                assert!(recovery.failed.is_empty(), "{recovery:?}");
                found.accepted
            });
            results.collect::<Vec<_>>()
        });
        accepted.sort();
        assert_eq!(accepted, ids(0..400));
    }
}

#[test]
fn a_copy_taken_while_threads_append_holds_what_had_returned() {
    const APPENDERS: usize = 4;
    for round in 0..40 {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::open(directory.path()).unwrap();
        let path = files(directory.path()).remove(0);
        let copy = tempfile::tempdir().unwrap();
        let stop = AtomicBool::new(false);
        let returned: [AtomicUsize; APPENDERS] = Default::default();
        let before = thread::scope(|scope| {
            for (thread, returned) in returned.iter().enumerate() {
                let (journal, stop) = (&journal, &stop);
                scope.spawn(move || {
                    while !stop.load(SeqCst) {
                        let done = returned.load(SeqCst);
                        let n = done * APPENDERS + thread;
                        journal.accept(id(n), at(n), &text(n)).unwrap();
                        returned.store(done + 1, SeqCst);
                    }
                });
            }
            thread::sleep(Duration::from_micros(500 + round * 977 % 3_000));
            let before = returned.each_ref().map(|returned| returned.load(SeqCst));
            let bytes = fs::read(&path);
            stop.store(true, SeqCst);
            fs::write(copy.path().join(path.file_name().unwrap()), bytes.unwrap()).unwrap();
            before
        });

        let (found, _) = recover_all(copy.path());
        assert_eq!(found.damage, []);
        for (thread, before) in before.into_iter().enumerate() {
            let own: Vec<_> = found
                .accepted
                .iter()
                .map(|id| usize::try_from(id.as_u128()).unwrap())
                .filter(|n| n % APPENDERS == thread)
                .collect();
            assert!(own.len() >= before, "{} of {before}", own.len());
            assert!(
                own.iter()
                    .enumerate()
                    .all(|(step, n)| *n == step * APPENDERS + thread)
            );
        }
    }
}

#[test]
fn receipts_are_in_the_order_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let mut receipts = thread::scope(|scope| {
        let appenders: Vec<_> = (0..4)
            .map(|thread| {
                let journal = &journal;
                let numbers = (0..500).map(move |step| step * 4 + thread);
                scope.spawn(move || {
                    let append = |n| (journal.accept(id(n), at(n), &text(n)).unwrap(), id(n));
                    numbers.map(append).collect::<Vec<_>>()
                })
            })
            .collect();
        appenders
            .into_iter()
            .flat_map(|appender| appender.join().unwrap())
            .collect::<Vec<_>>()
    });
    receipts.sort_by_key(|(receipt, _)| receipt.sequence);
    drop(journal);
    let by_receipt: Vec<_> = receipts.into_iter().map(|(_, id)| id).collect();
    assert_eq!(recover_all(directory.path()).0.accepted, by_receipt);
}
