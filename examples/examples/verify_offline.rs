//! One side exports its chain, the other verifies the file with nothing but the public key.
//!
//! ```sh
//! cargo run --example verify_offline
//! ```
#![allow(clippy::print_stdout, reason = "an example's output")]

use std::fs::{self, File};
use std::path::Path;

use capsules::export::Records;
use capsules::verify::{Level, TrustedKeys, Verifier};
use capsules::{Capsules, Filter, SealedRecord, audit};
use capsules_examples::Error;

#[audit(type = "agent")]
fn approve(payment: u32) -> &'static str {
    if payment < 1_000 {
        "approved"
    } else {
        "refused"
    }
}

fn main() -> Result<(), Error> {
    let directory = tempfile::tempdir()?;
    let export = directory.path().join("export.json");
    let capsules = Capsules::builder()
        .data_dir(directory.path().join("data"))
        .build()?;
    capsules.scope_sync(|| [200, 3_000, 70].map(approve));

    // The export is a JSON array of sealed records, which other implementations read as well.
    let records = capsules.list(Filter::new().oldest_first()).wait()?;
    let records: Result<Vec<_>, _> = records.iter().map(SealedRecord::to_json).collect();
    fs::write(&export, format!("[\n{}\n]\n", records?.join(",\n")))?;
    let public_key = capsules.seal().public_key().to_string();

    println!("as exported: {}", verify(&export, &public_key)?);

    let forged = fs::read_to_string(&export)?.replace("refused", "approved");
    fs::write(&export, forged)?;
    println!("as forged:   {}", verify(&export, &public_key)?);
    Ok(())
}

/// The auditor's side. One record at a time is in memory.
fn verify(export: &Path, public_key: &str) -> Result<String, Error> {
    let keys = TrustedKeys::only([public_key.parse()?]);
    let verifier = Verifier::new(Level::Signatures)
        .keys(keys)
        .without_columns();
    let mut verification = verifier.begin();
    for record in Records::new(File::open(export)?) {
        verification.push(&record?);
    }
    let report = verification.finish();
    Ok(match report.error {
        None => format!("valid, {} capsules", report.capsules_verified),
        Some(finding) => finding.to_string(),
    })
}
