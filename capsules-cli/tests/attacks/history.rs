//! Chains that are right in themselves, and are not the chain that was there.

use capsules_core::storage::SqliteStorage;
use capsules_core::verify::Check::Links;

use crate::attack::{Attack, Verdict};
use crate::evidence::{Evidence, LENGTH, append, capsule};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(
        "the last record cut off",
        Verdict::Checkpoint(Links),
        |evidence| {
            cut(evidence, LENGTH - 1);
        },
    ),
    Attack::new(
        "all but the first records cut off",
        Verdict::Checkpoint(Links),
        |evidence| cut(evidence, 2),
    ),
    Attack::new(
        "every record deleted",
        Verdict::Checkpoint(Links),
        |evidence| {
            cut(evidence, 0);
        },
    ),
    Attack::new(
        "the whole chain replaced by the holder of the key",
        Verdict::Checkpoint(Links),
        |evidence| rewrite(evidence, 0, LENGTH),
    ),
    Attack::new(
        "the same, with more records than before",
        Verdict::Checkpoint(Links),
        |evidence| rewrite(evidence, 0, LENGTH + 2),
    ),
    Attack::new(
        "the last record replaced by the holder of the key",
        Verdict::Checkpoint(Links),
        |evidence| rewrite(evidence, LENGTH - 1, LENGTH),
    ),
    Attack::new(
        "the chain set back and continued by the holder of the key",
        Verdict::Checkpoint(Links),
        |evidence| rewrite(evidence, 3, LENGTH + 1),
    ),
    Attack::new(
        "a record left out by the holder of the key",
        Verdict::Checkpoint(Links),
        |evidence| rewrite(evidence, 2, LENGTH - 1),
    ),
    Attack::new(
        "another chain of the same key put in its place",
        Verdict::Checkpoint(Links),
        |evidence| {
            std::fs::copy(Evidence::other_chain().path(), evidence.path()).unwrap();
        },
    ),
];

fn cut(evidence: &Evidence, length: u64) {
    let cut = evidence.sql(
        "DELETE FROM capsules WHERE sequence >= ?1",
        [length.to_string()],
    );
    assert_eq!(cut as u64, LENGTH - length);
}

/// Seals a history of its own from this place on.
fn rewrite(evidence: &Evidence, from: u64, length: u64) {
    cut(evidence, from);
    let store = SqliteStorage::open(evidence.path()).unwrap();
    for number in from..length {
        let mut other = capsule(number);
        other.outcome.summary = "nothing happened".into();
        append(&store, &evidence.seal, &other);
    }
}
