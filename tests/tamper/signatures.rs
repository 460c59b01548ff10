//! Signatures exchanged, removed and made with other keys.

use capsules_core::verify::{Check, Level, PqPolicy, TrustedKeys, Verdict, VerifyCode};
use capsules_core::{Keyring, Seal};

use crate::evidence::{Evidence, LENGTH, from, seal, stranger};

const FAILED_AT_2: &str = "Signature verification failed at sequence 2";

/// Signs every record with another key and names that key.
fn sign_with(evidence: &Evidence, attacker: &Seal) {
    for record in evidence.records() {
        let sequence = u64::try_from(record.columns.sequence).unwrap();
        let position = capsules_core::Position {
            sequence,
            previous_hash: record.columns.previous_hash.clone(),
        };
        let draft = capsules_core::Draft::new(&record.capsule().unwrap()).unwrap();
        let forged = attacker.seal(&draft, &position).unwrap();
        assert_eq!(forged.hash, record.hash, "the content stays");
        evidence.set(sequence, "signature", Some(&forged.signature));
        evidence.set(sequence, "signed_by", forged.signed_by.as_deref());
    }
}

#[test]
fn exchanged() {
    let evidence = Evidence::new();
    let [second, third] = [2, 3].map(|sequence| evidence.record(sequence).signature);
    evidence.set(2, "signature", Some(&third));
    evidence.set(3, "signature", Some(&second));
    evidence.assert_found(from(Level::Signatures, FAILED_AT_2));
}

#[test]
fn removed() {
    let evidence = Evidence::new();
    evidence.set(2, "signature", Some(""));
    evidence.assert_found(from(Level::Signatures, FAILED_AT_2));
    let error = evidence.verify(Level::Signatures).error.unwrap();
    assert_eq!(error.code(), Some(VerifyCode::MissingSignature));
}

#[test]
fn made_with_another_key() {
    let evidence = Evidence::new();
    sign_with(&evidence, &seal());
    evidence.assert_found(from(
        Level::Signatures,
        "Signature verification failed at sequence 0",
    ));
}

/// The name in `signed_by` only chooses among the keys of the keyring.
#[test]
fn made_with_a_key_that_the_keyring_does_not_have() {
    let evidence = Evidence::new();
    sign_with(&evidence, &seal());
    let keyring: Keyring = [stranger(), evidence.seal.public_key()]
        .into_iter()
        .collect();
    let report = evidence.verify_with(
        Level::Signatures,
        TrustedKeys::from(keyring),
        PqPolicy::Ignore,
    );
    let error = report.error.unwrap();
    assert_eq!(
        error.to_string(),
        "Signature verification failed at sequence 0"
    );
    assert_eq!(error.code(), Some(VerifyCode::InvalidSignature));
}

/// Whoever can replace the keyring decides what is trusted; a key that was kept elsewhere tells.
#[test]
fn made_with_a_key_that_was_put_into_the_keyring() {
    let evidence = Evidence::new();
    let attacker = seal();
    sign_with(&evidence, &attacker);
    let keyring: Keyring = [attacker.public_key()].into_iter().collect();
    let report = evidence.verify_with(
        Level::Signatures,
        TrustedKeys::from(keyring),
        PqPolicy::Ignore,
    );
    assert!(report.valid());

    let kept = TrustedKeys::only([evidence.seal.public_key()]);
    let report = evidence.verify_with(Level::Signatures, kept, PqPolicy::Ignore);
    assert_eq!(report.capsules_verified, 0);
}

#[test]
fn attributed_to_another_epoch() {
    let evidence = Evidence::new();
    let other = stranger();
    evidence.set(2, "signed_by", Some(&other.to_string()[..16]));
    let keyring: Keyring = [other, evidence.seal.public_key()].into_iter().collect();
    let report = evidence.verify_with(
        Level::Signatures,
        TrustedKeys::from(keyring),
        PqPolicy::Ignore,
    );
    assert_eq!(report.error.unwrap().to_string(), FAILED_AT_2);
}

#[test]
fn without_a_key_nothing_is_accepted() {
    let evidence = Evidence::new();
    let report = evidence.verify_with(Level::Signatures, TrustedKeys::none(), PqPolicy::Ignore);
    let error = report.error.unwrap();
    assert_eq!(error.check(), Check::Signatures);
    assert_eq!(report.capsules_verified, 0);
}

#[test]
fn post_quantum_removed() {
    let evidence = Evidence::new();
    evidence.set(2, "signature_pq", Some(""));
    let report = evidence.verify(Level::Signatures);
    let error = report.error.unwrap();
    assert_eq!(error.code(), Some(VerifyCode::MissingPqSignature));
    assert_eq!(error.sequence, 2);
    assert_eq!(error.check(), Check::PostQuantum);

    let keys = evidence.trusted.clone();
    let report = evidence.verify_with(Level::Signatures, keys, PqPolicy::IfPresent);
    assert!(report.valid());
    let passed = Verdict::Passed {
        checked: LENGTH - 1,
    };
    assert_eq!(report.checks.post_quantum, passed, "the others are counted");
}

#[test]
fn post_quantum_exchanged() {
    let evidence = Evidence::new();
    let [second, third] = [2, 3].map(|sequence| evidence.record(sequence).signature_pq);
    evidence.set(2, "signature_pq", Some(&third));
    evidence.set(3, "signature_pq", Some(&second));
    let error = evidence.verify(Level::Signatures).error.unwrap();
    assert_eq!(error.code(), Some(VerifyCode::PqVerificationFailed));
    assert_eq!(error.sequence, 2);
}

#[test]
fn post_quantum_required_and_no_key_for_it() {
    let evidence = Evidence::new();
    let keys = TrustedKeys::only([evidence.seal.public_key()]);
    for policy in [PqPolicy::IfPresent, PqPolicy::Required] {
        let report = evidence.verify_with(Level::Signatures, keys.clone(), policy);
        let error = report.error.unwrap();
        assert_eq!(error.code(), Some(VerifyCode::PqVerificationFailed));
        assert_eq!(error.sequence, 0);
    }
}
