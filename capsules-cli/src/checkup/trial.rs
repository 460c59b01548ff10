//! A trial in a directory of its own: capsules are recorded, stored, read and verified, and a copy
//! of them is tampered with, which the verification has to tell.

use std::error::Error;
use std::fmt::Write;
use std::ops::ControlFlow;
use std::time::Duration;

use capsules::{Capsules, audit};
use capsules_core::storage::SqliteStorage;
use capsules_core::verify::{Check, Level, TrustedKeys, Verifier};
use capsules_core::{DataDir, Keyring, SealedRecord, Storage, sha3_256};

use super::Findings;

const TRIAL: &str = "trial";

pub(super) fn run(findings: &mut Findings) {
    match attempt() {
        Ok(message) => findings.ok(TRIAL, message),
        Err(error) => {
            let mut message = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                let _ = write!(message, ": {cause}");
                source = cause.source();
            }
            findings.failed(
                TRIAL,
                message,
                "TMPDIR chooses its directory; if that can be written, report it as a bug",
            );
        }
    }
}

/// Recorded on trial.
#[audit(type = "system", tenant_id = "trial", source = "capsules doctor")]
fn step(number: u32) -> u32 {
    number + 1
}

fn attempt() -> Result<String, Box<dyn Error>> {
    let temporary = tempfile::Builder::new()
        .prefix("capsules-doctor-")
        .tempdir()?;
    let dir = DataDir::new(temporary.path())?;
    let capsules = Capsules::builder().data_dir(temporary.path()).build()?;
    capsules.scope_sync(|| (0..STEPS).for_each(|number| _ = step(number)));
    capsules.close(PATIENCE)?;

    let mut records = Vec::new();
    let store = SqliteStorage::open_read_only(dir.database())?;
    store.scan(None, 0, &mut |record| {
        records.push(record);
        ControlFlow::Continue(())
    })?;
    if records.len() != STEPS as usize {
        return Err(format!(
            "{STEPS} capsules were recorded and {} stored",
            records.len()
        )
        .into());
    }
    let keys = TrustedKeys::keyring(Keyring::read(&dir)?);
    if let Some(check) = complaint(&keys, &records) {
        let check = check.as_str();
        return Err(format!("untouched capsules were said to fail ({check})").into());
    }
    for (way, check, tamper) in WAYS {
        let mut copy = records.clone();
        tamper(&mut copy);
        if complaint(&keys, &copy) != Some(check) {
            return Err(format!("a copy was tampered with and not told: {way}").into());
        }
    }
    temporary.close()?;
    let (steps, ways) = (STEPS, WAYS.len());
    Ok(format!(
        "{steps} capsules were written, read and verified, and {ways} ways of tampering told"
    ))
}

/// What a verification with everything has to say against the records.
fn complaint(keys: &TrustedKeys, records: &[SealedRecord]) -> Option<Check> {
    let verifier = Verifier::new(Level::Signatures).keys(keys.clone());
    let report = verifier.verify_records(records.iter().cloned());
    report.error.map(|finding| finding.check())
}

/// A way to tamper with a chain, and the check that tells.
type Way = (&'static str, Check, fn(&mut Vec<SealedRecord>));

const WAYS: [Way; 6] = [
    ("an edited content", Check::Content, |chain| {
        edit(&mut chain[1]);
    }),
    (
        "an edited content with its new hash",
        Check::Signatures,
        |chain| {
            let last = STEPS as usize - 1;
            edit(&mut chain[last]);
            chain[last].hash = sha3_256(chain[last].content.as_bytes()).to_string();
        },
    ),
    (
        "the signature of another capsule",
        Check::Signatures,
        |chain| {
            chain[1].signature = chain[2].signature.clone();
        },
    ),
    ("a capsule left out", Check::Links, |chain| {
        chain.remove(1);
    }),
    ("two capsules exchanged", Check::Links, |chain| {
        chain.swap(1, 2);
    }),
    (
        "another tenant in the store's column",
        Check::Tenant,
        |chain| {
            chain[1].columns.tenant_id = Some("other".to_owned());
        },
    ),
];

fn edit(record: &mut SealedRecord) {
    record.content = record.content.replace("\"success\"", "\"failure\"");
}

const STEPS: u32 = 4;

/// The store's thread has to get a turn.
const PATIENCE: Duration = Duration::from_secs(60);
