//! ML-DSA-65 keys and signatures, exchanged with an implementation that shares no code with ours.

use std::fs;
use std::path::Path;

use capsules_core::pq::{PqKeyPair, PqPublicKey};
use capsules_core::{Capsule, CapsuleType, DataDir, Draft, Position, Seal, SealedRecord};
use capsules_tests::{python, temp_dir};

use crate::support;

const ML_DSA: &str = include_str!("python/ml_dsa.py");

#[test]
fn our_keys_and_signatures() {
    let Some(_) = python::interpreter() else {
        return;
    };
    let dir = temp_dir();
    let data = DataDir::new(dir.path()).unwrap();
    let record = seal(&data);

    let public = data.key_pq_public();
    assert_eq!(verify(&public, &record.hash, &record.signature_pq), "valid");
    let other = "0".repeat(64);
    assert_eq!(verify(&public, &other, &record.signature_pq), "invalid");

    // The secret key that we stored signs there, and the signature is valid here.
    let signature = sign(&data.key_pq(), &record.hash);
    assert_ne!(signature, record.signature_pq, "signatures are randomised");
    accepts(&data, &record.hash, &signature);
}

#[test]
fn their_keys_and_signatures() {
    let Some(_) = python::interpreter() else {
        return;
    };
    let dir = temp_dir();
    let data = DataDir::new(dir.path()).unwrap();
    support::run(
        ML_DSA,
        &["keygen", &dir.path().to_string_lossy()],
        dir.path(),
    );
    let secret = fs::read(data.key_pq()).unwrap();

    let message = "f".repeat(64);
    accepts(&data, &message, &sign(&data.key_pq(), &message));

    let record = seal(&data);
    assert_eq!(
        verify(&data.key_pq_public(), &record.hash, &record.signature_pq),
        "valid"
    );
    assert_eq!(
        fs::read(data.key_pq()).unwrap(),
        secret,
        "the key stays as it was found"
    );
}

fn seal(data: &DataDir) -> SealedRecord {
    let seal = Seal::open(data)
        .unwrap()
        .with_pq(PqKeyPair::open(data).unwrap());
    let draft = Draft::new(&Capsule::new(CapsuleType::Agent)).unwrap();
    seal.seal(&draft, &Position::after(None)).unwrap()
}

/// Checks that the public key of the directory accepts the signature, and of this message only.
fn accepts(data: &DataDir, message: &str, signature: &str) {
    let key = PqPublicKey::read(data).unwrap().unwrap();
    let signature = const_hex::decode(signature).unwrap();
    key.verify(message.as_bytes(), &signature).unwrap();
    key.verify(&message.as_bytes()[1..], &signature)
        .unwrap_err();
}

fn sign(secret_key: &Path, message: &str) -> String {
    let arguments = ["sign", &secret_key.to_string_lossy(), message];
    support::run(ML_DSA, &arguments, secret_key.parent().unwrap())
}

fn verify(public_key: &Path, message: &str, signature: &str) -> String {
    let arguments = ["verify", &public_key.to_string_lossy(), message, signature];
    support::run(ML_DSA, &arguments, public_key.parent().unwrap())
}
