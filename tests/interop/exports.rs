//! Exports in JSON, verified by the other side with nothing but the public key.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use capsules_core::{Draft, LocalSigner, Position, Seal, SealedRecord, Signer, Unsigned};
use capsules_tests::{python, temp_dir};

use crate::{records, support};

#[test]
fn ours_verify_there() {
    let Some(_) = python::interpreter() else {
        return;
    };
    let dir = temp_dir();
    let seal = Seal::with_signer(Arc::new(LocalSigner::generate().unwrap()));
    let file = dir.path().join("export.json");
    let file_name = file.to_string_lossy();

    let mut chain = chain(&seal);
    let key = seal.public_key().to_string();
    write(&file, &chain);
    let arguments = ["verify", "--json", &file_name, "--pubkey", &key];
    support::assert_verified(&python::capsule(dir.path(), &arguments), chain.len());

    // What that command says of a record that was changed, so that the check above means something.
    let last = chain.last_mut().unwrap();
    last.content = last.content.replacen("\"auth\"", "\"chat\"", 1);
    write(&file, &chain);
    let output = python::capsule(dir.path(), &arguments);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        python::transcript(&output)
    );

    let other = LocalSigner::generate().unwrap();
    let key = other.public_key().to_string();
    let output = python::capsule(dir.path(), &["verify", &file_name, "--pubkey", &key]);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        python::transcript(&output)
    );
}

/// Every capsule of [`records`], in a chain.
fn chain(seal: &Seal) -> Vec<SealedRecord> {
    let mut head = None;
    records::all()
        .iter()
        .map(|capsule| {
            let draft = Draft::new(capsule).unwrap();
            let unsigned = Unsigned::new(&draft, &Position::after(head.as_ref()));
            head = Some(unsigned.head());
            seal.sign(unsigned).unwrap()
        })
        .collect()
}

fn write(file: &Path, records: &[SealedRecord]) {
    let records: Vec<_> = records
        .iter()
        .map(|record| record.to_json().unwrap())
        .collect();
    fs::write(file, format!("[{}]", records.join(","))).unwrap();
}
