//! Records and parts of them taken from elsewhere: from another chain that the same key sealed,
//! from another tenant, from another record.

use capsules_core::verify::VerifyCode::{InvalidSignature, PqVerificationFailed};

use crate::attack::{Attack, content, links, or_link, post_quantum, signature};
use crate::evidence::{Evidence, LENGTH};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(
        "a record replaced by the one at its place in another chain",
        links(2),
        |evidence| evidence.take(2, &Evidence::other_chain().record(2)),
    ),
    Attack::new(
        "the first record replaced by that of another chain",
        links(1),
        |evidence| evidence.take(0, &Evidence::other_chain().record(0)),
    ),
    Attack::new(
        "the end replaced by the end of another chain",
        links(3),
        |evidence| {
            let other = Evidence::other_chain();
            for sequence in 3..LENGTH {
                evidence.take(sequence, &other.record(sequence));
            }
        },
    ),
    Attack::new("the same, and the link mended", content(3), |evidence| {
        let other = Evidence::other_chain();
        for sequence in 3..LENGTH {
            evidence.take(sequence, &other.record(sequence));
        }
        let before = evidence.record(2).hash;
        evidence.link(3, &before);
    }),
    Attack::new(
        "the same, and the chain hashed anew",
        signature(3, InvalidSignature),
        |evidence| {
            let other = Evidence::other_chain();
            for sequence in 3..LENGTH {
                evidence.take(sequence, &other.record(sequence));
            }
            evidence.relink(3);
        },
    ),
    Attack::new(
        "another chain put behind the end",
        links(LENGTH),
        |evidence| {
            let other = Evidence::other_chain();
            evidence.copy(0, LENGTH);
            evidence.take(LENGTH, &other.record(0));
        },
    ),
    Attack::new(
        "a record replaced by that of another tenant's chain",
        links(4),
        |evidence| {
            let other = Evidence::other_chain();
            other.set(4, "tenant_id", Some("globex"));
            other.edit(4, "\"tenant_id\":\"acme\"", "\"tenant_id\":\"globex\"");
            evidence.take(4, &other.record(4));
        },
    ),
    Attack::new(
        "a content replaced by that of another record",
        links(2),
        |evidence| {
            let data = evidence.record(3).content;
            evidence.set(2, "data", Some(&data));
        },
    ),
    Attack::new(
        "the whole seal of another record",
        or_link(content(2), 3),
        |evidence| {
            let other = evidence.record(4);
            evidence.set(2, "hash", Some(&other.hash));
            evidence.set(2, "signature", Some(&other.signature));
            evidence.set(2, "signature_pq", Some(&other.signature_pq));
            evidence.set(2, "signed_at", other.signed_at.as_deref());
            evidence.set(2, "signed_by", other.signed_by.as_deref());
        },
    ),
    Attack::new(
        "the signature of another record",
        signature(2, InvalidSignature),
        |evidence| {
            let other = evidence.record(3).signature;
            evidence.set(2, "signature", Some(&other));
        },
    ),
    Attack::new(
        "the signatures of two records exchanged",
        signature(2, InvalidSignature),
        |evidence| {
            let [second, third] = [2, 3].map(|sequence| evidence.record(sequence).signature);
            evidence.set(2, "signature", Some(&third));
            evidence.set(3, "signature", Some(&second));
        },
    ),
    Attack::new(
        "the post-quantum signatures of two records exchanged",
        post_quantum(2, PqVerificationFailed),
        |evidence| {
            let [second, third] = [2, 3].map(|sequence| evidence.record(sequence).signature_pq);
            evidence.set(2, "signature_pq", Some(&third));
            evidence.set(3, "signature_pq", Some(&second));
        },
    )
    .missed_by_python(),
];
