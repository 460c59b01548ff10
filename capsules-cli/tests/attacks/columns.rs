//! What the store keeps beside a content, changed alone.

use capsules_core::verify::Check;

use crate::attack::{Attack, Verdict, column, tenant};
use crate::evidence::Evidence;

/// An edit of one column of record 2, of which other implementations take no notice.
macro_rules! edit {
    ($name:literal, $column:literal, $value:expr) => {
        Attack::new($name, column(2), |evidence| {
            evidence.set(2, $column, $value)
        })
        .missed_by_python()
    };
}

pub(crate) const ATTACKS: &[Attack] = &[
    edit!(
        "the column `id` edited",
        "id",
        Some("a1b2c3d4-e5f6-4890-abcd-ef1234567890")
    ),
    edit!("the column `type` edited", "type", Some("kill")),
    Attack::new("the column `previous_hash` edited", column(2), |evidence| {
        let hash = evidence.record(2).columns.previous_hash.unwrap();
        evidence.set(2, "previous_hash", Some(&Evidence::edited(&hash)));
    })
    .missed_by_python(),
    edit!("the column `previous_hash` emptied", "previous_hash", None),
    edit!(
        "the column `session_id` edited",
        "session_id",
        Some("session-2")
    ),
    edit!("the column `session_id` emptied", "session_id", None),
    edit!("the column `domain` edited", "domain", Some("sales")),
    Attack::new(
        "the column `domain` emptied",
        Verdict::Unseen("other tools leave the column empty; the content still names the domain"),
        |evidence| {
            evidence.set(2, "domain", None);
        },
    ),
    Attack::new(
        "a record moved to another tenant in the store",
        tenant(2),
        |evidence| {
            evidence.set(2, "tenant_id", Some("globex"));
        },
    )
    .missed_by_python(),
    Attack::new(
        "a record moved to another tenant in store and content",
        crate::attack::content(2),
        |evidence| {
            evidence.set(2, "tenant_id", Some("globex"));
            evidence.edit(2, "\"tenant_id\":\"acme\"", "\"tenant_id\":\"globex\"");
        },
    ),
    Attack::new(
        "a record taken from its tenant in the store",
        Verdict::Open(Check::Tenant),
        |evidence| {
            evidence.set(2, "tenant_id", None);
        },
    ),
    Attack::new(
        "a record that names no tenant given to one",
        Verdict::Open(Check::Tenant),
        |evidence| {
            evidence.set(5, "tenant_id", Some("globex"));
        },
    ),
];
