//! A journal that is written, trimmed, closed and recovered, without any failure.

use std::io;

use super::*;
use crate::journal::entry::MAX_TEXT;
use crate::journal::error::{AppendError, JournalError};
use crate::journal::{RecoverError, waiting};

#[test]
fn what_a_dropped_journal_holds_is_recovered_once() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    journal.start(id(1), at(1), &text(1)).unwrap();
    journal.start(id(2), at(2), &text(2)).unwrap();
    journal.accept(id(2), at(2), &text(2)).unwrap();
    journal.start(id(3), at(3), &text(3)).unwrap();
    journal.end(id(3)).unwrap();
    let receipt = journal.accept(id(4), at(4), &text(4)).unwrap();
    journal.accept(id(5), at(5), &text(5)).unwrap();
    // 4 is committed, but not all before it, so that 4 may be delivered again.
    journal.committed([receipt]).unwrap();

    // Nobody takes it from its living owner.
    assert_eq!(recover_all(directory.path()).0, Found::default());
    assert!(waiting(directory.path()).unwrap().is_empty());
    drop(journal);

    let waiting_now = waiting(directory.path()).unwrap();
    let [journal] = &waiting_now[..] else {
        panic!("{waiting_now:?}")
    };
    assert_eq!(
        (journal.accepted, journal.started, journal.damaged),
        (3, 1, 0)
    );
    assert_eq!(journal.bytes, journal.path.metadata().unwrap().len());
    assert_eq!(journal.process, std::process::id());
    assert!(journal.problem.is_none());

    let (found, recovery) = recover_all(directory.path());
    assert_eq!(found.accepted, ids([2, 4, 5]));
    assert_eq!(found.started, ids([1]));
    assert_eq!(
        (recovery.journals, recovery.accepted, recovery.started),
        (1, 3, 1)
    );
    assert_eq!(recover_all(directory.path()).0, Found::default());
    assert!(files(directory.path()).is_empty());
}

#[test]
fn nothing_is_delivered_again_that_is_marked_as_committed() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let receipts: Vec<_> = (0..10)
        .map(|n| journal.accept(id(n), at(n), &text(n)).unwrap())
        .collect();
    journal.committed(receipts[..7].iter().copied()).unwrap();
    drop(journal);
    assert_eq!(waiting(directory.path()).unwrap()[0].accepted, 3);
    assert_eq!(recover_all(directory.path()).0.accepted, ids(7..10));
}

#[test]
fn a_journal_whose_content_is_committed_is_deleted_on_close() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    journal.start(id(1), at(1), &text(1)).unwrap();
    let receipt = journal.accept(id(1), at(1), &text(1)).unwrap();
    journal.committed([receipt]).unwrap();
    journal.close().unwrap();
    assert!(files(directory.path()).is_empty());
    assert!(matches!(
        journal.accept(id(2), at(2), ""),
        Err(AppendError::Closed { .. })
    ));
    assert!(matches!(
        journal.start(id(2), at(2), ""),
        Err(AppendError::Closed { .. })
    ));
    journal.close().unwrap();
}

#[test]
fn an_action_that_still_runs_keeps_the_journal_on_close() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    journal.start(id(1), at(1), &text(1)).unwrap();
    journal.close().unwrap();
    assert_eq!(recover_all(directory.path()).0.started, ids([1]));
}

#[test]
fn segments_are_deleted_when_committed_and_keep_open_starts() {
    let directory = tempfile::tempdir().unwrap();
    let journal = short_journal(directory.path());
    journal.start(id(0), at(0), &text(0)).unwrap();
    for n in 1..200 {
        journal.start(id(n), at(n), &text(n)).unwrap();
        let receipt = journal.accept(id(n), at(n), &text(n)).unwrap();
        journal.committed([receipt]).unwrap();
        let segments = files(directory.path());
        assert_eq!(segments.len(), 1, "{segments:?}");
        assert!(segments[0].metadata().unwrap().len() < 2 * SHORT_SEGMENT);
    }
    drop(journal);
    let (found, _) = recover_all(directory.path());
    assert_eq!(
        found,
        Found {
            started: ids([0]),
            ..Found::default()
        }
    );
}

/// What is recovered of a copy of the journal, as if its process had died now.
fn started_in_a_copy(directory: &Path) -> Vec<Uuid> {
    let copy = tempfile::tempdir().unwrap();
    for file in files(directory) {
        fs::copy(&file, copy.path().join(file.file_name().unwrap())).unwrap();
    }
    recover_all(copy.path()).0.started
}

#[test]
fn that_a_capsule_is_stored_is_written_with_the_next_entry() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    journal.start(id(1), at(1), &text(1)).unwrap();
    journal.start(id(2), at(2), &text(2)).unwrap();
    let length = || files(directory.path())[0].metadata().unwrap().len();
    let before = length();
    journal.stored(id(1)).unwrap();
    journal.stored(id(3)).unwrap();
    assert_eq!(length(), before);
    assert_eq!(started_in_a_copy(directory.path()), ids([1, 2]));
    journal.start(id(4), at(4), &text(4)).unwrap();
    assert_eq!(started_in_a_copy(directory.path()), ids([2, 4]));
    // A journal that stays takes it along, one that need not stay is deleted.
    journal.stored(id(4)).unwrap();
    journal.close().unwrap();
    assert_eq!(recover_all(directory.path()).0.started, ids([2]));
    let journal = Journal::open(directory.path()).unwrap();
    journal.start(id(5), at(5), &text(5)).unwrap();
    journal.stored(id(5)).unwrap();
    journal.close().unwrap();
    assert!(files(directory.path()).is_empty());
}

#[test]
fn a_journal_of_starts_alone_stays_short_and_is_missed_when_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let short = short_journal(directory.path());
    short.start(id(0), at(0), &text(0)).unwrap();
    for n in 1..200 {
        short.start(id(n), at(n), &text(n)).unwrap();
        short.stored(id(n)).unwrap();
        let segments = files(directory.path());
        assert_eq!(segments.len(), 1, "{segments:?}");
        assert!(segments[0].metadata().unwrap().len() < 2 * SHORT_SEGMENT);
    }
    drop(short);
    assert_eq!(recover_all(directory.path()).0.started, ids([0]));

    let journal = Journal::open(directory.path()).unwrap();
    fs::remove_file(&files(directory.path())[0]).unwrap();
    for n in 0..100 {
        journal.start(id(n), at(n), &text(n)).unwrap();
        journal.stored(id(n)).unwrap();
    }
    assert_eq!(files(directory.path()).len(), 1);
}

/// How many files there are, and how many of them are segments with a name.
fn named(directory: &Path) -> (usize, usize) {
    let files = files(directory);
    let named = files
        .iter()
        .filter(|file| file.extension().unwrap() == "journal");
    (files.len(), named.count())
}

#[test]
fn a_segment_that_was_made_beforehand_is_the_next_one() {
    let directory = tempfile::tempdir().unwrap();
    let journal = short_journal(directory.path());
    assert!(!journal.is_untidy());
    let mut numbers = 0..;
    let mut accept = || {
        let n = numbers.next().unwrap();
        (id(n), journal.accept(id(n), at(n), &text(n)).unwrap())
    };
    let mut accepted = Vec::new();
    while !journal.is_untidy() {
        accepted.push(accept());
    }
    journal.prepare().unwrap();
    journal.prepare().unwrap();
    assert!(!journal.is_untidy());
    assert_eq!(named(directory.path()), (2, 1));
    let prepared = files(directory.path()).pop().unwrap();
    // Nobody takes it from its living owner.
    assert_eq!(recover_all(directory.path()).0, Found::default());
    assert_eq!(named(directory.path()), (2, 1));
    let length = prepared.metadata().unwrap().len();
    while prepared.exists() {
        accepted.push(accept());
        journal.committed([]).unwrap();
    }
    assert_eq!(named(directory.path()), (2, 2));
    let taken = prepared.with_extension("");
    assert_eq!(taken.metadata().unwrap().len(), length);
    accepted.push(accept());
    journal.prepare().unwrap();
    drop(journal);
    assert_eq!(named(directory.path()), (2, 2));
    let (ids, _): (Vec<_>, Vec<_>) = accepted.into_iter().unzip();
    assert_eq!(recover_all(directory.path()).0.accepted, ids);
    assert_eq!(named(directory.path()), (0, 0));
}

#[test]
fn segments_stay_as_long_as_one_capsule_is_not_committed() {
    let directory = tempfile::tempdir().unwrap();
    let journal = short_journal(directory.path());
    let first = journal.accept(id(0), at(0), &text(0)).unwrap();
    for n in 1..50 {
        let receipt = journal.accept(id(n), at(n), &text(n)).unwrap();
        journal.committed([receipt]).unwrap();
    }
    assert!(files(directory.path()).len() > 5);
    journal.committed([first]).unwrap();
    assert_eq!(files(directory.path()).len(), 1);
    drop(journal);
    assert!(files(directory.path()).is_empty());
}

#[test]
fn a_start_is_found_once_though_it_was_copied() {
    let directory = tempfile::tempdir().unwrap();
    let journal = short_journal(directory.path());
    let kept = directory.path().join("kept");
    journal.start(id(0), at(0), &text(0)).unwrap();
    for n in 1..10 {
        if n == 5 {
            fs::copy(&files(directory.path())[0], &kept).unwrap();
        }
        let receipt = journal.accept(id(n), at(n), &text(n)).unwrap();
        journal.committed([receipt]).unwrap();
    }
    // As if the process had died between the copy of the start and the deletion of its segment.
    let segment = files(directory.path()).remove(0);
    let name = segment.file_name().unwrap().to_str().unwrap();
    let number = name.rsplit_once('-').unwrap().0;
    drop(journal);
    fs::rename(
        &kept,
        directory.path().join(format!("{number}-000001.journal")),
    )
    .unwrap();
    assert_eq!(files(directory.path()).len(), 2);
    let (found, _) = recover_all(directory.path());
    assert_eq!(
        found,
        Found {
            started: ids([0]),
            ..Found::default()
        }
    );
}

#[test]
fn a_deleted_file_is_noticed_at_the_next_commit() {
    let directory = tempfile::tempdir().unwrap();
    let nested = directory.path().join("audit.db.journals");
    let journal = Journal::open(&nested).unwrap();
    journal.start(id(1), at(1), &text(1)).unwrap();
    let receipt = journal.accept(id(2), at(2), &text(2)).unwrap();
    journal.prepare().unwrap();
    fs::remove_dir_all(&nested).unwrap();
    journal.committed([receipt]).unwrap();
    journal.accept(id(3), at(3), &text(3)).unwrap();
    drop(journal);
    let (found, _) = recover_all(&nested);
    assert_eq!((found.accepted, found.started), (ids([3]), ids([1])));
}

#[test]
fn a_journal_stays_until_all_of_it_was_delivered() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    for n in 0..3000 {
        journal.accept(id(n), at(n), &text(n)).unwrap();
    }
    drop(journal);
    let mut calls = 0;
    let result = recover(directory.path(), |_| {
        calls += 1;
        if calls == 3 {
            Err(io::Error::other("the store is down"))
        } else {
            Ok(())
        }
    });
    assert!(
        matches!(result, Err(RecoverError::Deliver { .. })),
        "{result:?}"
    );
    assert_eq!(calls, 3);
    assert_eq!(recover_all(directory.path()).0.accepted, ids(0..3000));
}

#[test]
fn a_text_beyond_the_limit_is_an_error_and_the_longest_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let mut longest = "x".repeat(MAX_TEXT + 1);
    assert!(matches!(
        journal.accept(id(1), at(1), &longest),
        Err(AppendError::TooLong { length, limit }) if length == limit + 1
    ));
    longest.pop();
    journal.accept(id(1), at(1), &longest).unwrap();
    drop(journal);
    let mut lengths = Vec::new();
    recover(directory.path(), |batch| {
        for item in batch {
            let Recovered::Accepted(record) = item else {
                panic!("{item:?}")
            };
            lengths.push(record.text.len());
        }
        Ok::<_, Infallible>(())
    })
    .unwrap();
    assert_eq!(lengths, [MAX_TEXT]);
}

#[test]
fn what_is_delivered_at_once_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let long = "x".repeat(3 << 20);
    for n in 0..4 {
        journal.accept(id(n), at(n), &long).unwrap();
    }
    for n in 4..2000 {
        journal.accept(id(n), at(n), "").unwrap();
    }
    drop(journal);
    let mut lengths = Vec::new();
    recover(directory.path(), |batch| {
        lengths.push(batch.len());
        Ok::<_, Infallible>(())
    })
    .unwrap();
    assert_eq!(lengths, [2, 2, 1024, 972]);
}

#[test]
fn small_journals_share_what_is_delivered_at_once() {
    let directory = tempfile::tempdir().unwrap();
    for number in 0..200 {
        let journal = Journal::open(directory.path()).unwrap();
        for n in number * 3..number * 3 + 3 {
            journal.accept(id(n), at(n), &text(n)).unwrap();
        }
    }
    let mut journals = Vec::new();
    let mut found = Found::default();
    let recovery = recover(directory.path(), |batch| {
        journals.push(batch.len() / 3);
        found.extend(batch);
        Ok::<_, Infallible>(())
    });
    assert_eq!(journals, [1, 2, 4, 8, 16, 32, 64, 64, 9]);
    assert_eq!(recovery.unwrap().journals, 200);
    // Each in its order, and one after the other.
    assert!(found.accepted.chunks(3).all(<[Uuid]>::is_sorted));
    found.accepted.sort();
    assert_eq!(found.accepted, ids(0..600));
    assert!(files(directory.path()).is_empty());
}

#[test]
fn a_process_that_soon_dies_again_has_recovered_something() {
    let directory = tempfile::tempdir().unwrap();
    for n in 0..100 {
        let journal = Journal::open(directory.path()).unwrap();
        journal.accept(id(n), at(n), &text(n)).unwrap();
    }
    // Each dies in the midst of what it stores next: the first in its second delivery.
    for (lives, left) in [(1, 99), (1, 98), (3, 91), (5, 60), (1, 59)] {
        let mut deliveries = 0;
        let result = recover(directory.path(), |_| {
            deliveries += 1;
            if deliveries > lives {
                return Err(io::Error::other("killed"));
            }
            Ok(())
        });
        assert!(
            matches!(result, Err(RecoverError::Deliver { .. })),
            "{result:?}"
        );
        assert_eq!(files(directory.path()).len(), left);
    }
}

#[test]
fn what_was_delivered_together_stays_together_when_that_fails() {
    let directory = tempfile::tempdir().unwrap();
    for n in 0..100 {
        let journal = Journal::open(directory.path()).unwrap();
        journal.accept(id(n), at(n), &text(n)).unwrap();
    }
    let mut delivered = 0;
    let result = recover(directory.path(), |batch| {
        if delivered > 0 {
            return Err(io::Error::other("the store is down"));
        }
        delivered = batch.len();
        Ok(())
    });
    assert!(
        matches!(result, Err(RecoverError::Deliver { .. })),
        "{result:?}"
    );
    assert_eq!(files(directory.path()).len(), 100 - delivered);
    assert_eq!(
        recover_all(directory.path()).1.journals,
        100 - delivered as u64
    );
}

#[test]
fn a_later_version_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    journal.accept(id(1), at(1), &text(1)).unwrap();
    drop(journal);
    let path = &files(directory.path())[0];
    let mut bytes = fs::read(path).unwrap();
    bytes[8] = 2;
    let checksum = crc32fast::hash(&bytes[..28]);
    bytes[28..32].copy_from_slice(&checksum.to_le_bytes());
    fs::write(path, &bytes).unwrap();

    let (found, recovery) = recover_all(directory.path());
    assert_eq!(found, Found::default());
    assert!(matches!(
        recovery.failed[..],
        [JournalError::Version { found: 2, .. }]
    ));
    let waiting = waiting(directory.path()).unwrap();
    assert_eq!(waiting[0].problem, Some(recovery.failed[0].to_string()));
    assert_eq!(fs::read(path).unwrap(), bytes);
}

#[test]
fn other_files_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let other = directory.path().join("notes.journal");
    fs::write(&other, "not ours").unwrap();
    assert_eq!(recover_all(directory.path()).0, Found::default());
    assert_eq!(files(directory.path()), [other]);
}

#[test]
fn without_a_directory_nothing_waits() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    assert_eq!(recover_all(&missing).0, Found::default());
    assert!(waiting(&missing).unwrap().is_empty());
    assert!(!missing.exists());
}

#[test]
fn a_segment_that_was_never_finished_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    journal.accept(id(1), at(1), &text(1)).unwrap();
    let name = files(directory.path())
        .remove(0)
        .into_os_string()
        .into_string()
        .unwrap();
    fs::write(name.replace("-000001.journal", "-000002.journal.new"), "").unwrap();
    recover_all(directory.path());
    assert_eq!(files(directory.path()).len(), 1);
    drop(journal);
    assert_eq!(recover_all(directory.path()).0.accepted, ids([1]));
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let nested = directory.path().join("audit.db.journals");
    let _journal = Journal::open(&nested).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&nested), 0o700);
    assert_eq!(mode(&files(&nested)[0]), 0o600);
}

#[cfg(unix)]
#[test]
fn every_path_to_a_store_names_one_directory() {
    use crate::journal::directory_for;

    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    fs::create_dir(root.join("sub")).unwrap();
    fs::write(root.join("audit.db"), "").unwrap();
    std::os::unix::fs::symlink(root.join("audit.db"), root.join("sub/link.db")).unwrap();
    let expected = root.join("audit.db.journals");
    assert_eq!(directory_for(&root.join("audit.db")), expected);
    assert_eq!(directory_for(&root.join("sub/../audit.db")), expected);
    assert_eq!(directory_for(&root.join("sub/link.db")), expected);
}
