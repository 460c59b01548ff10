//! Signatures edited, removed and made with other keys.

use capsules_core::Keyring;
use capsules_core::verify::VerifyCode::{
    InvalidSignature, MalformedHex, MissingPqSignature, MissingSignature, PqVerificationFailed,
};
use capsules_core::verify::{Check, PqPolicy};

use crate::attack::{Attack, Verdict, post_quantum, signature};
use crate::evidence::{Evidence, LENGTH, append, capsule, seal, stranger};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(
        "a signature edited",
        signature(2, InvalidSignature),
        |evidence| {
            let signature = evidence.record(2).signature;
            evidence.set(2, "signature", Some(&Evidence::edited(&signature)));
        },
    ),
    Attack::new(
        "a signature removed",
        signature(2, MissingSignature),
        |evidence| evidence.set(2, "signature", Some("")),
    ),
    Attack::new(
        "a signature in capital letters",
        signature(2, MalformedHex),
        |evidence| {
            let signature = evidence.record(2).signature.to_uppercase();
            evidence.set(2, "signature", Some(&signature));
        },
    )
    .missed_by_python(),
    Attack::new("a signature cut", signature(2, MalformedHex), |evidence| {
        let signature = evidence.record(2).signature;
        evidence.set(2, "signature", Some(&signature[..126]));
    }),
    Attack::new(
        "a signature in a second form (S plus the order of the group)",
        signature(2, InvalidSignature),
        |evidence| {
            let signature = evidence.record(2).signature;
            evidence.set(2, "signature", Some(&malleated(&signature)));
        },
    ),
    Attack::new(
        "a signature of a point of small order",
        signature(2, InvalidSignature),
        |evidence| {
            let neutral = format!("01{}", "00".repeat(63));
            evidence.set(2, "signature", Some(&neutral));
        },
    ),
    Attack::new(
        "the signature of the right key over the bytes of the hash instead of its digits",
        signature(2, InvalidSignature),
        |evidence| {
            let hash = const_hex::decode(evidence.record(2).hash).unwrap();
            let signature = evidence.sign(&hash);
            evidence.set(2, "signature", Some(&signature));
        },
    ),
    Attack::new(
        "every record signed with another key",
        signature(0, InvalidSignature),
        |evidence| evidence.sign_all_with(&seal()),
    ),
    Attack::new(
        "the same, with a keyring that does not have the key",
        signature(0, InvalidSignature),
        |evidence| {
            evidence.sign_all_with(&seal());
            evidence.trust([stranger(), evidence.seal.public_key()]);
        },
    ),
    Attack::new(
        "a record attributed to another epoch",
        signature(2, InvalidSignature),
        |evidence| {
            let other = stranger();
            evidence.set(2, "signed_by", Some(&other.to_string()[..16]));
            evidence.trust([other, evidence.seal.public_key()]);
        },
    ),
    Attack::new(
        "the keyring's entry replaced by another key",
        signature(0, InvalidSignature),
        |evidence| evidence.trust([stranger()]),
    ),
    Attack::new(
        "the keyring's entry replaced and every record signed with that key",
        Verdict::Checkpoint(Check::Signatures),
        |evidence| {
            let attacker = seal();
            evidence.sign_all_with(&attacker);
            evidence.trust([attacker.public_key()]);
        },
    ),
    Attack::new(
        "a key added to the keyring and a record appended with it",
        post_quantum(LENGTH, MissingPqSignature),
        |evidence| {
            let attacker = seal();
            let store = capsules_core::storage::SqliteStorage::open(evidence.path()).unwrap();
            append(&store, &attacker, &capsule(LENGTH));
            drop(store);
            evidence.trust([evidence.seal.public_key(), attacker.public_key()]);
        },
    )
    .missed_by_python(),
    Attack::new(
        "the same, where no post-quantum signature is required",
        Verdict::Key(LENGTH),
        |evidence| {
            let attacker = seal();
            let store = capsules_core::storage::SqliteStorage::open(evidence.path()).unwrap();
            append(&store, &attacker, &capsule(LENGTH));
            drop(store);
            evidence.trust([evidence.seal.public_key(), attacker.public_key()]);
            evidence.pq_policy = PqPolicy::Ignore;
        },
    ),
    Attack::new(
        "a record sealed with the key of an epoch that had ended",
        Verdict::Reported(Check::Epochs, 0),
        |evidence| {
            let keyring: Keyring = [evidence.seal.public_key(), stranger()]
                .into_iter()
                .collect();
            let mut keyring = serde_json::to_value(keyring).unwrap();
            keyring["epochs"][0]["rotated_at"] = "2001-01-01T00:00:00+00:00".into();
            evidence.keyring = Some(serde_json::from_value(keyring).unwrap());
        },
    ),
    Attack::new(
        "the post-quantum signature removed",
        post_quantum(2, MissingPqSignature),
        |evidence| evidence.set(2, "signature_pq", Some("")),
    )
    .missed_by_python(),
    Attack::new(
        "the post-quantum signature edited",
        post_quantum(2, PqVerificationFailed),
        |evidence| {
            let signature = evidence.record(2).signature_pq;
            evidence.set(2, "signature_pq", Some(&Evidence::edited(&signature)));
        },
    )
    .missed_by_python(),
    Attack::new(
        "the post-quantum signature in capital letters",
        post_quantum(2, PqVerificationFailed),
        |evidence| {
            let signature = evidence.record(2).signature_pq.to_uppercase();
            evidence.set(2, "signature_pq", Some(&signature));
        },
    )
    .missed_by_python(),
    Attack::new(
        "the post-quantum signature of another key",
        post_quantum(2, PqVerificationFailed),
        |evidence| {
            let hash = evidence.record(2).hash;
            let attacker = capsules_core::PqKeyPair::generate().unwrap();
            let signature = const_hex::encode(attacker.sign(hash.as_bytes()).unwrap());
            evidence.set(2, "signature_pq", Some(&signature));
        },
    )
    .missed_by_python(),
];

/// The signature with S + L in place of S, which satisfies the same equation (RFC 8032, 5.1.7).
fn malleated(signature: &str) -> String {
    let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let [s, order]: [[u8; 32]; 2] =
        [&signature[64..], order].map(|digits| const_hex::decode_to_array(digits).unwrap());
    let mut carry = 0;
    let sum: [u8; 32] = std::array::from_fn(|index| {
        let sum = u16::from(s[index]) + u16::from(order[index]) + carry;
        carry = sum >> 8;
        sum.to_le_bytes()[0]
    });
    format!("{}{}", &signature[..64], const_hex::encode(sum))
}
