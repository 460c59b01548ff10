//! Records to store, and stores to put them in.

use std::ops::Deref;

use capsules_core::{
    Capsule, CapsuleType, Draft, Head, Position, SealedRecord, Storage, StorageError, sha3_256,
};
use tempfile::TempDir;

/// A store and the directory that it lies in.
pub(crate) struct Store {
    storage: Box<dyn Storage>,
    _directory: Option<TempDir>,
}

impl Store {
    pub(crate) fn new(storage: impl Storage + 'static, directory: Option<TempDir>) -> Self {
        Self {
            storage: Box::new(storage),
            _directory: directory,
        }
    }
}

impl Deref for Store {
    type Target = dyn Storage;

    fn deref(&self) -> &Self::Target {
        &*self.storage
    }
}

/// A capsule of a tool with this source.
pub(crate) fn capsule(source: &str) -> Capsule {
    let mut capsule = Capsule::new(CapsuleType::Tool);
    source.clone_into(&mut capsule.trigger.source);
    capsule
}

/// The record of a capsule at a place. Stores do not look at signatures, so it has none to speak
/// of.
pub(crate) fn record(capsule: &Capsule, position: &Position) -> SealedRecord {
    let draft = Draft::new(capsule).unwrap();
    let content = draft.link(position);
    SealedRecord {
        hash: sha3_256(content.as_bytes()).to_string(),
        content,
        signature: "5e".repeat(64),
        signature_pq: String::new(),
        signed_at: Some("2026-01-15T12:00:00+00:00".to_owned()),
        signed_by: Some("qp_key_5e5e".to_owned()),
        columns: draft.columns(position),
    }
}

/// The records of capsules that follow a head.
pub(crate) fn follow(head: Option<&Head>, capsules: &[Capsule]) -> Vec<SealedRecord> {
    let mut head = head.cloned();
    let mut records = Vec::new();
    for capsule in capsules {
        let record = record(capsule, &Position::after(head.as_ref()));
        head = Some(head_of(&record));
        records.push(record);
    }
    records
}

pub(crate) fn head_of(record: &SealedRecord) -> Head {
    Head {
        sequence: record.columns.sequence.try_into().unwrap(),
        hash: record.hash.clone(),
    }
}

/// Appends capsules and gives their records.
pub(crate) fn append(store: &dyn Storage, capsules: &[Capsule]) -> Vec<SealedRecord> {
    try_append(store, capsules).unwrap()
}

pub(crate) fn try_append(
    store: &dyn Storage,
    capsules: &[Capsule],
) -> Result<Vec<SealedRecord>, StorageError> {
    append_to(store, None, capsules)
}

/// Appends capsules to a tenant's chain and gives their records.
pub(crate) fn append_to(
    store: &dyn Storage,
    tenant: Option<&str>,
    capsules: &[Capsule],
) -> Result<Vec<SealedRecord>, StorageError> {
    let mut appended = Vec::new();
    store.append(store.chain_of(tenant), &mut |head| {
        appended = follow(head, capsules);
        Ok(appended.clone())
    })?;
    Ok(appended)
}

/// Appends this many capsules.
pub(crate) fn fill(store: &dyn Storage, count: usize) -> Vec<SealedRecord> {
    let capsules: Vec<_> = (0..count)
        .map(|number| capsule(&format!("source {number}")))
        .collect();
    append(store, &capsules)
}

/// Takes the second of three records from a store, and gives the first a place before all.
pub(crate) fn tear(table: &str) -> String {
    format!(
        "DELETE FROM {table} WHERE sequence = 1; UPDATE {table} SET sequence = -5 WHERE sequence = 0"
    )
}

/// Checks what a store that was torn has at each place.
pub(crate) fn assert_torn(store: &dyn Storage) {
    let has = |place| store.record_at(None, place).unwrap().is_some();
    assert_eq!([0, 1, 2, 3].map(has), [false, false, true, false]);
}

/// Every record, chain by chain in order of sequence.
pub(crate) fn all(store: &dyn Storage) -> Vec<SealedRecord> {
    let chains = store.chains().unwrap();
    chains
        .iter()
        .flat_map(|chain| chain_in(store, chain.as_deref()))
        .collect()
}

/// The records of a chain, in order of sequence.
pub(crate) fn chain_in(store: &dyn Storage, tenant: Option<&str>) -> Vec<SealedRecord> {
    let mut records = Vec::new();
    store
        .scan(tenant, 0, &mut |record| {
            records.push(record);
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    records
}

/// Checks that every chain of the store is unbroken, and gives how many records there are.
pub(crate) fn assert_unbroken(store: &dyn Storage) -> usize {
    let mut count = 0;
    for chain in store.chains().unwrap() {
        let records = chain_in(store, chain.as_deref());
        let mut place = Position::after(None);
        for record in &records {
            assert_eq!(u64::try_from(record.columns.sequence), Ok(place.sequence));
            assert_eq!(record.columns.previous_hash, place.previous_hash);
            place = Position::after(Some(&head_of(record)));
        }
        let head = store.head(chain.as_deref()).unwrap();
        assert_eq!(head, records.last().map(head_of));
        count += records.len();
    }
    count
}
