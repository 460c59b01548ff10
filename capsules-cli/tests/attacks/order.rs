//! Records removed, inserted, reordered and numbered anew.

use capsules_core::storage::SqliteStorage;
use capsules_core::verify::VerifyCode::InvalidSignature;

use crate::attack::{Attack, column, content, links, or_link, signature};
use crate::evidence::{Evidence, LENGTH, append, capsule, seal};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("a record deleted", links(2), |evidence| delete(evidence, 2)),
    Attack::new("the first record deleted", links(0), |evidence| {
        delete(evidence, 0);
    }),
    Attack::new(
        "a record deleted, the columns numbered anew",
        links(2),
        |evidence| {
            delete(evidence, 2);
            close_gap(evidence, 2);
        },
    ),
    Attack::new(
        "a record deleted, columns and contents numbered anew",
        links(2),
        |evidence| delete_and_renumber(evidence, 2),
    ),
    Attack::new("the same, and the link mended", content(2), |evidence| {
        delete_and_renumber(evidence, 2);
        let before = evidence.record(1).hash;
        evidence.link(2, &before);
    }),
    Attack::new(
        "the same, and the chain hashed anew",
        signature(2, InvalidSignature),
        |evidence| {
            delete_and_renumber(evidence, 2);
            evidence.relink(2);
        },
    ),
    Attack::new(
        "the first record deleted, the second made the first",
        links(0),
        |evidence| delete_and_renumber(evidence, 0),
    ),
    Attack::new(
        "a record inserted at the end with another key",
        signature(LENGTH, InvalidSignature),
        |evidence| {
            let store = SqliteStorage::open(evidence.path()).unwrap();
            append(&store, &seal(), &capsule(LENGTH));
        },
    ),
    Attack::new(
        "a record copied to a place in the middle",
        links(3),
        |evidence| {
            for sequence in (3..LENGTH).rev() {
                evidence.set(sequence, "sequence", Some(&(sequence + 1).to_string()));
            }
            evidence.copy(2, 3);
        },
    ),
    Attack::new("a record copied to the end", links(LENGTH), |evidence| {
        evidence.copy(LENGTH - 1, LENGTH);
    }),
    Attack::new(
        "a record copied to a place before the first",
        or_link(column(0), 1),
        |evidence| {
            evidence.copy(0, LENGTH);
            let statement = "UPDATE capsules SET sequence = -1 WHERE sequence = ?1";
            assert_eq!(evidence.sql(statement, [LENGTH.to_string()]), 1);
        },
    )
    .other_in_python(),
    Attack::new("two records exchanged", links(2), |evidence| {
        exchange(evidence);
    }),
    Attack::new(
        "two contents exchanged with their places",
        content(2),
        |evidence| {
            let [second, third] = [2, 3].map(|sequence| evidence.record(sequence));
            let links =
                [&second, &third].map(|record| record.columns.previous_hash.clone().unwrap());
            let place = |content: &str, from: u64, to: u64| {
                let [from_link, to_link] = [from, to].map(|at| &links[usize::from(at == 3)]);
                content
                    .replace(
                        &format!("\"sequence\":{from}"),
                        &format!("\"sequence\":{to}"),
                    )
                    .replace(from_link, to_link)
            };
            evidence.set(2, "data", Some(&place(&third.content, 3, 2)));
            evidence.set(3, "data", Some(&place(&second.content, 2, 3)));
        },
    ),
    Attack::new("`sequence` in a content edited", links(3), |evidence| {
        evidence.edit(3, "\"sequence\":3", "\"sequence\":7");
    }),
    Attack::new("`sequence` respelled (2, 2.0)", links(2), |evidence| {
        evidence.edit(2, "\"sequence\":2", "\"sequence\":2.0");
    })
    .other_in_python(),
    Attack::new("`sequence` made a string", links(2), |evidence| {
        evidence.edit(2, "\"sequence\":2", "\"sequence\":\"2\"");
    })
    .other_in_python(),
    Attack::new("the column `sequence` edited", links(2), |evidence| {
        evidence.set(2, "sequence", Some("12"));
    }),
    Attack::new(
        "the column `sequence` of the last record edited",
        column(LENGTH - 1),
        |evidence| evidence.set(LENGTH - 1, "sequence", Some("6")),
    )
    .missed_by_python(),
    Attack::new(
        "the first record made to follow another",
        links(0),
        |evidence| {
            let link = format!("\"previous_hash\":\"{}\"", "ab".repeat(32));
            evidence.edit(0, "\"previous_hash\":null", &link);
        },
    ),
    Attack::new("a record made to follow none", links(2), |evidence| {
        let link = evidence.record(2).columns.previous_hash.unwrap();
        evidence.edit(2, &format!("\"{link}\""), "null");
    }),
    Attack::new(
        "a second record put at a place that is taken (a fork)",
        links(4),
        |evidence| {
            evidence.without_constraints();
            evidence.copy(3, 3);
        },
    ),
];

fn delete(evidence: &Evidence, sequence: u64) {
    let statement = "DELETE FROM capsules WHERE sequence = ?1";
    assert_eq!(evidence.sql(statement, [sequence.to_string()]), 1);
}

/// Moves the columns of every record after a gap down by one.
fn close_gap(evidence: &Evidence, gap: u64) {
    for sequence in gap + 1..LENGTH {
        evidence.set(sequence, "sequence", Some(&(sequence - 1).to_string()));
    }
}

fn delete_and_renumber(evidence: &Evidence, gap: u64) {
    delete(evidence, gap);
    close_gap(evidence, gap);
    for sequence in gap..LENGTH - 1 {
        let from = format!("\"sequence\":{}", sequence + 1);
        evidence.edit(sequence, &from, &format!("\"sequence\":{sequence}"));
    }
}

/// Exchanges the places of the records 2 and 3 in the columns.
fn exchange(evidence: &Evidence) {
    for (from, to) in [(2, "100"), (3, "2"), (100, "3")] {
        evidence.set(from, "sequence", Some(to));
    }
}
