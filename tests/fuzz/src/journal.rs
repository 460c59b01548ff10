//! Journals of processes that died: whatever bytes they hold, recovery puts on record what it can
//! read, says what it cannot, and does so once.
//!
//! Checksums stand between a fuzzer and the code behind them, so that the input is a script: the
//! entries of a segment, written with right checksums, and bytes that are put in as they are.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use capsules::Capsules;
use capsules::recovery::Recovered;
use capsules_core::storage::MemoryStorage;
use capsules_core::verify::{Level, TrustedKeys, Verifier};
use capsules_core::{Filter, LocalSigner, SealedRecord, Signer, Storage, StorageError, Uuid};

/// A segment of a journal, built after a script.
pub fn journal(script: &[u8]) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let segment = directory.path().join(SEGMENT);
    let bytes = segment_of(script);
    fs::write(&segment, &bytes).expect("a file in it");

    let store = Shared(Arc::new(MemoryStorage::new()));
    let signer = LocalSigner::from_seed(&[7; 32]).expect("any seed is a key");
    let key = signer.public_key();
    let recovered = recover(&store, directory.path());
    let stored = store.0.count(&Filter::new()).expect("memory can be read");
    let reported = recovered.accepted + recovered.started + recovered.damaged;
    assert!(stored <= reported, "{stored} of {recovered:?}");
    if recovered.failed.is_empty() {
        assert!(!segment.exists(), "{recovered:?}");
        assert_eq!(recovered.journals, 1);
    } else {
        assert_eq!(
            fs::read(&segment).ok(),
            Some(bytes.clone()),
            "{recovered:?}"
        );
    }

    // The process that recovered died before it deleted the journal.
    fs::write(&segment, &bytes).expect("a file in it");
    recover(&store, directory.path());
    let again = store.0.count(&Filter::new()).expect("memory can be read");
    assert_eq!(again, stored, "stored twice");

    let verifier = Verifier::new(Level::Signatures).keys(TrustedKeys::only([key]));
    let report = verifier
        .verify(&*store.0, None)
        .expect("memory can be read");
    assert!(report.valid(), "{report:?}");
}

const SEGMENT: &str = "7-0000000000000000-000001.journal";

fn recover(store: &Shared, journals: &Path) -> Recovered {
    Capsules::builder()
        .storage(store.clone())
        .signer(LocalSigner::from_seed(&[7; 32]).expect("any seed is a key"))
        .journals(journals)
        .recover()
        .expect("memory takes everything")
}

/// The header of a file, then for each command of the script an entry or bytes as they are.
fn segment_of(mut script: &[u8]) -> Vec<u8> {
    let mut bytes = b"\xffCAPSJ\r\n".to_vec();
    bytes.extend([1, 0, 0, 0, 7, 0, 0, 0]);
    bytes.extend([0; 12]);
    checksum(&mut bytes, 0);
    while let [command, length, rest @ ..] = script {
        let (text, rest) = rest.split_at(rest.len().min(usize::from(*length) * 8));
        script = rest;
        match command % 8 {
            kind @ 1..=4 => entry(&mut bytes, kind, command / 8, text),
            5 => bytes.extend(text),
            6 => bytes.truncate(bytes.len() - usize::from(*length).min(bytes.len())),
            _ => {
                let at = usize::from(*length) * 7 % bytes.len().max(1);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= command;
                }
            }
        }
    }
    bytes
}

fn entry(bytes: &mut Vec<u8>, kind: u8, number: u8, text: &[u8]) {
    let begin = bytes.len();
    bytes.extend(b"\xffcj\xfe");
    bytes.extend([kind, 0, 0, 0]);
    bytes.extend(u32::try_from(text.len()).unwrap_or(0).to_le_bytes());
    bytes.extend(crc32fast::hash(text).to_le_bytes());
    bytes.extend(u64::from(number).to_le_bytes());
    bytes.extend(1_768_478_400_000_000_i64.to_le_bytes());
    bytes.extend(Uuid::from_u128(number.into()).as_bytes());
    checksum(bytes, begin);
    bytes.extend(text);
}

fn checksum(bytes: &mut Vec<u8>, from: usize) {
    let checksum = crc32fast::hash(&bytes[from..]);
    bytes.extend(checksum.to_le_bytes());
}

/// A store that outlives the instance that it is given to.
#[derive(Clone)]
struct Shared(Arc<MemoryStorage>);

impl Storage for Shared {
    fn append(
        &self,
        tenant: Option<&str>,
        seal: &mut capsules_core::storage::SealNext<'_>,
    ) -> Result<(), StorageError> {
        self.0.append(tenant, seal)
    }

    fn get(&self, id: &Uuid) -> Result<Option<SealedRecord>, StorageError> {
        self.0.get(id)
    }

    fn get_by_hash(&self, hash: &str) -> Result<Option<SealedRecord>, StorageError> {
        self.0.get_by_hash(hash)
    }

    fn head(&self, tenant: Option<&str>) -> Result<Option<capsules_core::Head>, StorageError> {
        self.0.head(tenant)
    }

    fn scan(
        &self,
        tenant: Option<&str>,
        from: u64,
        visit: &mut dyn FnMut(SealedRecord) -> std::ops::ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.0.scan(tenant, from, visit)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<SealedRecord>, StorageError> {
        self.0.list(filter)
    }

    fn count(&self, filter: &Filter) -> Result<u64, StorageError> {
        self.0.count(filter)
    }

    fn close(&self) -> Result<(), StorageError> {
        Ok(())
    }

    fn location(&self) -> String {
        self.0.location()
    }
}
