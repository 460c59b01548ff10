//! What the tests check of a database.

use std::collections::HashSet;

use capsules::verify::{Level, TrustedKeys, Verifier};
use capsules::{DataDir, Keyring, Storage, Uuid};
use capsules_postgres::PostgresStorage;

/// Checks that every chain of the database verifies with the data directory's keys, and gives the
/// ids of its capsules.
pub(crate) fn verified(url: &str, data: &std::path::Path) -> HashSet<Uuid> {
    let store = PostgresStorage::open_read_only(url).unwrap();
    let keys = Keyring::read(&DataDir::new(data).unwrap()).unwrap();
    let mut ids = HashSet::new();
    for chain in store.chains().unwrap() {
        let report = Verifier::new(Level::Signatures)
            .keys(TrustedKeys::keyring(keys.clone()))
            .verify(&store, chain.as_deref())
            .unwrap();
        assert!(report.valid(), "{chain:?}: {report:#?}");
        store
            .scan(chain.as_deref(), 0, &mut |record| {
                let id = record.columns.id.parse().unwrap();
                assert!(ids.insert(id), "{id} is there twice");
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
    }
    ids
}

/// Checks that what is stored is what was to be stored, without a list of a hundred thousand ids.
pub(crate) fn assert_same(stored: &HashSet<Uuid>, returned: &HashSet<Uuid>) {
    let lost: Vec<_> = returned.difference(stored).take(10).collect();
    let strange: Vec<_> = stored.difference(returned).take(10).collect();
    assert!(
        lost.is_empty() && strange.is_empty(),
        "of {} lost {lost:?}, of {} nobody's {strange:?}",
        returned.len(),
        stored.len(),
    );
}

/// The URL with another port.
pub(crate) fn through(url: &str, port: u16) -> String {
    let (before, rest) = url.split_once("127.0.0.1:").unwrap();
    let (_, after) = rest.split_once('/').unwrap();
    format!("{before}127.0.0.1:{port}/{after}")
}

/// The URL with another user.
pub(crate) fn as_user(url: &str, user: &str) -> String {
    let (_, rest) = url.split_once('@').unwrap();
    format!("postgresql://{user}@{rest}")
}
