//! An instance in memory, and what it has recorded.

use std::future::Future;
use std::time::Duration;

use capsules::storage::MemoryStorage;
use capsules::{Capsule, Capsules, Filter, OutcomeStatus};
use capsules_core::LocalSigner;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A fresh instance that keeps its chain in memory.
pub(crate) fn instance() -> Capsules {
    Capsules::builder()
        .storage(MemoryStorage::new())
        .signer(LocalSigner::generate().unwrap())
        .build()
        .unwrap()
}

/// Everything that an instance has recorded, oldest first.
pub(crate) fn recorded(capsules: &Capsules) -> Vec<Capsule> {
    let records = capsules.list(Filter::new().oldest_first()).wait().unwrap();
    records
        .iter()
        .map(|record| record.capsule().unwrap())
        .collect()
}

/// Runs the closure against a fresh instance: its value, and the capsules.
pub(crate) fn audited<R>(run: impl FnOnce() -> R) -> (R, Vec<Capsule>) {
    let capsules = instance();
    let value = capsules.scope_sync(run);
    (value, recorded(&capsules))
}

/// Runs the future against a fresh instance: its value, and the capsules.
pub(crate) async fn audited_async<F: Future>(future: F) -> (F::Output, Vec<Capsule>) {
    let capsules = instance();
    let value = capsules.scope(future).await;
    (value, recorded(&capsules))
}

/// The only capsule.
pub(crate) fn only(capsules: Vec<Capsule>) -> Capsule {
    let [capsule] = <[Capsule; 1]>::try_from(capsules).unwrap();
    capsule
}

/// Asserts how a capsule ended.
#[track_caller]
pub(crate) fn assert_ended(capsule: &Capsule, status: &OutcomeStatus, error: Option<&str>) {
    assert_eq!(&capsule.outcome.status, status);
    assert_eq!(capsule.outcome.error.as_deref(), error);
}
