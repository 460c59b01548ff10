//! What the tests record, and what has to be on record in the end.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use capsules::storage::SqliteStorage;
use capsules::verify::{Level, TrustedKeys, Verifier};
use capsules::{Capsule, Capsules, DataDir, Filter, Keyring, OutcomeStatus, Storage, audit};
use capsules_core::LocalSigner;

/// How long a test waits for a store that works again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The key of every process of a test.
pub(crate) fn signer() -> LocalSigner {
    LocalSigner::from_seed(&[7; 32]).unwrap()
}

#[audit(type = "tool")]
pub(crate) fn act(n: u32) -> u32 {
    n
}

/// Records the numbers in order.
pub(crate) fn record(capsules: &Capsules, numbers: impl IntoIterator<Item = u32>) {
    capsules.scope_sync(|| {
        for n in numbers {
            assert_eq!(act(n), n);
        }
    });
}

/// Waits until everything is committed.
#[track_caller]
pub(crate) fn settle(capsules: &Capsules) {
    let deadline = Instant::now() + PATIENCE;
    while capsules.flush().wait().is_err() || capsules.stats().waiting > 0 {
        assert!(Instant::now() < deadline, "{:?}", capsules.stats());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Asserts that the store holds these numbers in this order and nothing else, in a chain that
/// verifies with its signatures.
#[track_caller]
pub(crate) fn assert_holds(storage: &dyn Storage, expected: impl IntoIterator<Item = u32>) {
    let records = storage.list(&Filter::new().oldest_first()).unwrap();
    let ids: HashSet<_> = records.iter().map(|record| &record.columns.id).collect();
    assert_eq!(ids.len(), records.len());
    let numbers: Vec<u32> = records
        .iter()
        .map(|record| record.capsule().unwrap())
        .filter(|capsule| capsule.outcome.status == OutcomeStatus::Success)
        .map(|capsule| capsule.trigger.request.parse().unwrap())
        .collect();
    assert_eq!(numbers, expected.into_iter().collect::<Vec<_>>());
    let keys = TrustedKeys::only([capsules::Signer::public_key(&signer())]);
    let report = Verifier::new(Level::Signatures)
        .keys(keys)
        .verify(storage, None)
        .unwrap();
    assert!(report.valid(), "{report:?}");
}

/// Leaves a journal with these numbers, as a process does that dies while its store is away.
pub(crate) fn leave_journal(journals: &Path, numbers: impl IntoIterator<Item = u32>) {
    let elsewhere = capsules_tests::temp_dir();
    let path = elsewhere.path().join("empty.db");
    SqliteStorage::open(&path).unwrap().close().unwrap();
    let capsules = Capsules::builder()
        .storage(SqliteStorage::open_read_only(&path).unwrap())
        .signer(signer())
        .journals(journals)
        .build()
        .unwrap();
    record(&capsules, numbers);
    capsules.close(PATIENCE).unwrap_err();
}

/// Recovers what waits beside the default store of a program that has ended, and gives the capsules
/// of its chain, which has to verify.
#[track_caller]
pub(crate) fn recovered_chain(data: &Path) -> Vec<Capsule> {
    let data = DataDir::new(data).unwrap();
    let recovered = Capsules::builder().data_dir(data.path()).recover().unwrap();
    assert_eq!(recovered.failed, Vec::<String>::new());
    let store = SqliteStorage::open_read_only(data.database()).unwrap();
    let keys = TrustedKeys::keyring(Keyring::read(&data).unwrap());
    let verifier = Verifier::new(Level::Signatures).keys(keys);
    let report = verifier.verify(&store, None).unwrap();
    assert!(report.valid(), "{report:?}");
    let records = store.list(&Filter::new().oldest_first()).unwrap();
    let capsules = records.iter().map(|record| record.capsule().unwrap());
    capsules.collect()
}
