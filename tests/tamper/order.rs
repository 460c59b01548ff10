//! Records removed, inserted, reordered and numbered anew.

use capsules_core::storage::SqliteStorage;
use capsules_core::verify::Level;

use crate::evidence::{Evidence, LENGTH, append, capsule, from, seal};

/// Moves the columns of every record after a gap down by one.
fn close_gap(evidence: &Evidence, gap: u64) {
    for sequence in gap + 1..LENGTH {
        let statement = "UPDATE capsules SET sequence = sequence - 1 WHERE sequence = ?1";
        assert_eq!(evidence.sql(statement, [sequence.to_string()]), 1);
    }
}

#[test]
fn deletion() {
    let evidence = Evidence::new();
    evidence.sql("DELETE FROM capsules WHERE sequence = 2", ());
    evidence.assert_found(from(Level::Structural, "Sequence gap: expected 2, got 3"));
}

#[test]
fn deletion_of_the_first_record() {
    let evidence = Evidence::new();
    evidence.sql("DELETE FROM capsules WHERE sequence = 0", ());
    evidence.assert_found(from(Level::Structural, "Sequence gap: expected 0, got 1"));
}

#[test]
fn deletion_with_columns_numbered_anew() {
    let evidence = Evidence::new();
    evidence.sql("DELETE FROM capsules WHERE sequence = 2", ());
    close_gap(&evidence, 2);
    evidence.assert_found(from(Level::Structural, "Sequence gap: expected 2, got 3"));
}

#[test]
fn deletion_with_contents_numbered_anew() {
    let evidence = Evidence::new();
    evidence.sql("DELETE FROM capsules WHERE sequence = 2", ());
    close_gap(&evidence, 2);
    for sequence in 2..LENGTH - 1 {
        let (from, to) = (sequence + 1, sequence);
        evidence.edit(
            sequence,
            &format!("\"sequence\":{from}"),
            &format!("\"sequence\":{to}"),
        );
    }
    evidence.assert_found(from(
        Level::Structural,
        "Chain broken: previous_hash mismatch at sequence 2",
    ));

    // The links mended too, the hash of the record does not fit.
    let (before, record) = (evidence.record(1).hash, evidence.record(2));
    let old = record.columns.previous_hash.unwrap();
    evidence.edit(2, &old, &before);
    evidence.set(2, "previous_hash", Some(&before));
    evidence.assert_found(from(Level::Full, "Content hash mismatch at sequence 2"));
}

#[test]
fn first_record_removed_and_the_second_made_the_first() {
    let evidence = Evidence::new();
    evidence.sql("DELETE FROM capsules WHERE sequence = 0", ());
    close_gap(&evidence, 0);
    for sequence in 0..LENGTH - 1 {
        let (from, to) = (sequence + 1, sequence);
        evidence.edit(
            sequence,
            &format!("\"sequence\":{from}"),
            &format!("\"sequence\":{to}"),
        );
    }
    evidence.assert_found(from(
        Level::Structural,
        "Genesis Capsule has previous_hash (should be None)",
    ));
}

#[test]
fn chain_numbered_and_hashed_anew_without_the_key() {
    let evidence = Evidence::new();
    evidence.edit(2, "\"source\":\"caller 2\"", "\"source\":\"caller 9\"");
    evidence.relink(2);
    evidence.assert_found(from(
        Level::Signatures,
        "Signature verification failed at sequence 2",
    ));
}

#[test]
fn insertion_at_the_end_with_another_key() {
    let evidence = Evidence::new();
    let store = SqliteStorage::open(evidence.path()).unwrap();
    append(&store, &seal(), &capsule(LENGTH));
    drop(store);
    evidence.assert_found(from(
        Level::Signatures,
        "Signature verification failed at sequence 6",
    ));
}

/// A record copied under a new id and given a place of its own in the columns.
#[test]
fn insertion_in_the_middle() {
    let evidence = Evidence::new();
    for sequence in (3..LENGTH).rev() {
        evidence.set(sequence, "sequence", Some(&(sequence + 1).to_string()));
    }
    let copied = evidence.sql(
        "INSERT INTO capsules SELECT 'a1b2c3d4-e5f6-4890-abcd-ef1234567890', type, 3, \
         previous_hash, data, hash, signature, signature_pq, signed_at, signed_by, session_id, \
         tenant_id, domain FROM capsules WHERE sequence = 2",
        (),
    );
    assert_eq!(copied, 1);
    evidence.assert_found(from(Level::Structural, "Sequence gap: expected 3, got 2"));
}

#[test]
fn reordering() {
    let evidence = Evidence::new();
    for (from, to) in [(2, 100), (3, 2), (100, 3)] {
        let statement = "UPDATE capsules SET sequence = ?2 WHERE sequence = ?1";
        assert_eq!(evidence.sql(statement, [from, to]), 1);
    }
    evidence.assert_found(from(Level::Structural, "Sequence gap: expected 2, got 3"));
}

/// Two contents exchanged, with their places: everything else of the rows stays.
#[test]
fn contents_exchanged() {
    let evidence = Evidence::new();
    let [second, third] = [2, 3].map(|sequence| evidence.record(sequence));
    let place = |content: &str, from: u64, to: u64, link: &str, to_link: &str| {
        content
            .replace(
                &format!("\"sequence\":{from}"),
                &format!("\"sequence\":{to}"),
            )
            .replace(link, to_link)
    };
    let links = [&second, &third].map(|record| record.columns.previous_hash.clone().unwrap());
    let contents = [
        place(&third.content, 3, 2, &links[1], &links[0]),
        place(&second.content, 2, 3, &links[0], &links[1]),
    ];
    evidence.set(2, "data", Some(&contents[0]));
    evidence.set(3, "data", Some(&contents[1]));
    evidence.assert_found(from(Level::Full, "Content hash mismatch at sequence 2"));
}
