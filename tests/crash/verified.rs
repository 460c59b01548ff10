//! A chain that is verified while processes write to it.

use std::time::Instant;

use capsules::storage::SqliteStorage;
use capsules::verify::{Checkpoint, Level, TrustedKeys, Verifier};
use capsules::{Keyring, Storage};

use crate::support::{PATIENCE, Trail};

/// Each verdict is that of a whole chain up to a point in time, and later ones go on from it.
#[test]
fn verification_sees_a_prefix_while_four_processes_write() {
    const ROUNDS: usize = 5;

    let trail = Trail::new();
    // The first to come makes the key, for all.
    let instance = capsules::Capsules::builder().data_dir(trail.path());
    instance.build().unwrap();
    let mut writers: Vec<_> = (0..4)
        .map(|_| trail.start(env!("CARGO_BIN_EXE_writer"), &["forever", "5000"]))
        .collect();
    let deadline = Instant::now() + 3 * PATIENCE;
    let mut seen: Vec<Checkpoint> = Vec::new();
    while seen.len() < ROUNDS {
        assert!(
            Instant::now() < deadline,
            "the chain does not grow: {seen:?}"
        );
        let Some(checkpoint) = verify(&trail, None) else {
            continue;
        };
        if let Some(before) = seen.last() {
            assert!(before.head.sequence <= checkpoint.head.sequence);
            let continued = verify(&trail, Some(before)).unwrap();
            assert!(checkpoint.head.sequence <= continued.head.sequence);
        }
        if seen.last().map(|before| &before.head) != Some(&checkpoint.head) {
            seen.push(checkpoint);
        }
    }
    for writer in &mut writers {
        assert_eq!(writer.try_wait().unwrap(), None, "it wrote until the end");
        writer.kill().unwrap();
        writer.wait().unwrap();
    }
    trail.assert_nothing_lost();
    for checkpoint in &seen {
        verify(&trail, Some(checkpoint)).unwrap();
    }
}

/// Verifies what is in the store now. `None` when it has no record yet.
fn verify(trail: &Trail, since: Option<&Checkpoint>) -> Option<Checkpoint> {
    let store = SqliteStorage::open_read_only(trail.database()).ok()?;
    let keys = TrustedKeys::keyring(Keyring::read(&trail.data()).unwrap());
    let mut verifier = Verifier::new(Level::Signatures).keys(keys);
    if let Some(checkpoint) = since {
        verifier = verifier.after(checkpoint).unwrap();
    }
    let (report, around) = verifier
        .verify_scan(&mut |_| {}, |visit| {
            store.scan_ref(None, verifier.first(), visit)
        })
        .unwrap();
    assert!(report.valid(), "{report:#?}");
    let last = around.before.as_ref();
    let length = last.map_or(0, |last| last.columns.sequence.unsigned_abs() + 1);
    let first = since.map_or(0, |checkpoint| checkpoint.head.sequence + 1);
    assert_eq!(
        report.total_capsules,
        length - first.min(length),
        "a prefix"
    );
    Checkpoint::of(&verifier, &report, &around).ok()
}
