//! The time of the seal, which the protocol leaves outside of the hash.

use capsules_core::verify::Check::TimeOrder;

use crate::attack::{Attack, Verdict};
use crate::evidence::LENGTH;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(
        "a seal backdated before the one before it",
        Verdict::Reported(TimeOrder, 2),
        |evidence| evidence.set(2, "signed_at", Some("2001-01-01T00:00:00+00:00")),
    ),
    Attack::new(
        "a seal postdated beyond the one after it",
        Verdict::Reported(TimeOrder, 3),
        |evidence| evidence.set(2, "signed_at", Some("2999-01-01T00:00:00+00:00")),
    ),
    Attack::new(
        "the first seal backdated before its action began",
        Verdict::Reported(TimeOrder, 0),
        |evidence| evidence.set(0, "signed_at", Some("2001-01-01T00:00:00+00:00")),
    ),
    Attack::new(
        "the time of a seal made unreadable",
        Verdict::Reported(TimeOrder, 2),
        |evidence| evidence.set(2, "signed_at", Some("not a time")),
    )
    .other_in_python(),
    Attack::new(
        "the time of every seal removed",
        Verdict::Open(TimeOrder),
        |evidence| {
            for sequence in 0..LENGTH {
                evidence.set(sequence, "signed_at", None);
            }
        },
    ),
    Attack::new(
        "the last seal postdated",
        Verdict::Unseen("the time of a seal is not sealed, and it contradicts no other time"),
        |evidence| evidence.set(LENGTH - 1, "signed_at", Some("2999-01-01T00:00:00+00:00")),
    ),
    Attack::new(
        "the name of the key changed to one that leads to the same key",
        Verdict::Unseen("`signed_by` only chooses among the trusted keys"),
        |evidence| evidence.set(2, "signed_by", Some("qp_key_0000")),
    ),
];
