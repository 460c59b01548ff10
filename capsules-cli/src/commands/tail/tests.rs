//! Stores that fail while they are followed.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

use capsules_core::storage::{MemoryStorage, SealNext};
use capsules_core::{Capsule, CapsuleType, Draft, Head, Position, RecordRef};

use super::*;

/// A store that another program has locked for so many looks.
struct Locked {
    store: MemoryStorage,
    looks: AtomicU32,
    /// As if the records were a chain of each of these.
    chains: Vec<Option<String>>,
    /// The list that fails, counted from 1.
    failing: AtomicU32,
}

impl Locked {
    fn new(records: u64) -> Self {
        let store = MemoryStorage::new();
        for _ in 0..records {
            let draft = Draft::new(&Capsule::new(CapsuleType::Tool)).unwrap();
            let append = store.append(None, &mut |head| {
                let position = Position::after(head);
                Ok(vec![SealedRecord {
                    content: draft.link(&position),
                    hash: format!("{:064x}", position.sequence),
                    signature: String::new(),
                    signature_pq: String::new(),
                    signed_at: None,
                    signed_by: None,
                    columns: draft.columns(&position),
                }])
            });
            append.unwrap();
        }
        Self {
            store,
            looks: AtomicU32::new(0),
            chains: vec![None],
            failing: AtomicU32::new(0),
        }
    }

    fn lock(&self, looks: u32) {
        self.looks.store(looks, Ordering::Relaxed);
    }

    fn look(&self) -> Result<&MemoryStorage, StorageError> {
        let left = self.looks.load(Ordering::Relaxed);
        self.looks.store(left.saturating_sub(1), Ordering::Relaxed);
        match left {
            0 => Ok(&self.store),
            _ => Err(StorageError::Locked {
                location: self.location(),
            }),
        }
    }
}

impl Storage for Locked {
    fn append(&self, tenant: Option<&str>, seal: &mut SealNext<'_>) -> Result<(), StorageError> {
        self.look()?.append(tenant, seal)
    }

    fn get(&self, id: &capsules_core::Uuid) -> Result<Option<SealedRecord>, StorageError> {
        self.look()?.get(id)
    }

    fn get_by_hash(&self, hash: &str) -> Result<Option<SealedRecord>, StorageError> {
        self.look()?.get_by_hash(hash)
    }

    fn head(&self, tenant: Option<&str>) -> Result<Option<Head>, StorageError> {
        self.look()?.head(tenant)
    }

    fn scan(
        &self,
        tenant: Option<&str>,
        from: u64,
        visit: &mut dyn FnMut(SealedRecord) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.look()?.scan(tenant, from, visit)
    }

    fn scan_ref(
        &self,
        tenant: Option<&str>,
        from: u64,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.look()?.scan_ref(tenant, from, visit)
    }

    fn chains(&self) -> Result<Vec<Option<String>>, StorageError> {
        Ok(self.chains.clone())
    }

    fn list(&self, filter: &Filter) -> Result<Vec<SealedRecord>, StorageError> {
        let left = self.failing.load(Ordering::Relaxed);
        self.failing
            .store(left.saturating_sub(1), Ordering::Relaxed);
        match left {
            1 => Err(StorageError::Unreachable {
                location: self.location(),
                reason: "it is away".to_owned(),
            }),
            _ => self.look()?.list(filter),
        }
    }

    fn count(&self, filter: &Filter) -> Result<u64, StorageError> {
        self.look()?.count(filter)
    }

    fn close(&self) -> Result<(), StorageError> {
        Ok(())
    }

    fn location(&self) -> String {
        "locked".to_owned()
    }
}

#[test]
fn a_store_that_is_locked_for_long_is_followed_all_the_same() {
    let storage = Locked::new(3);
    let mut follower = Follower {
        storage: &storage,
        filter: Filter::new(),
        shown: HashMap::from([(None, 0)]),
        failures: 0,
        is_away: false,
    };
    storage.lock(10 * MOST_FAILURES);
    for _ in 0..10 * MOST_FAILURES {
        assert!(follower.next().unwrap().is_none());
    }
    let found = follower.next().unwrap().unwrap();
    assert_eq!(found.len(), 2);
    // In the middle of a look as well.
    follower.shown = HashMap::from([(None, 1)]);
    assert!(follower.next().unwrap().is_some());
    follower.shown = HashMap::new();
    storage.lock(1);
    assert!(follower.next().unwrap().is_none());
    assert_eq!(follower.next().unwrap().unwrap().len(), 3);
}

#[test]
fn what_was_found_before_a_look_failed_is_shown_by_the_next() {
    let mut storage = Locked::new(2);
    storage.chains.push(Some("other".to_owned()));
    storage.failing = AtomicU32::new(2);
    let mut follower = Follower {
        storage: &storage,
        filter: Filter::new(),
        shown: HashMap::new(),
        failures: 0,
        is_away: false,
    };
    assert!(follower.next().unwrap().is_none());
    assert!(follower.is_away);
    assert_eq!(follower.next().unwrap().unwrap().len(), 4);
    assert!(!follower.is_away);
}

#[test]
fn other_failures_end_it_after_some_looks() {
    let storage = Locked::new(1);
    storage.store.close().unwrap();
    let mut follower = Follower {
        storage: &storage,
        filter: Filter::new(),
        shown: HashMap::new(),
        failures: 0,
        is_away: false,
    };
    for _ in 1..MOST_FAILURES {
        assert!(follower.next().unwrap().is_none());
    }
    assert!(follower.next().is_err());
}

#[test]
fn the_beginning_waits_as_long_as_somebody_follows() {
    let storage = Locked::new(2);
    storage.lock(100);
    let begin = || Ok(latest(&storage, &Filter::new(), 10)?);
    let pauses = Cell::new(0);
    let pause = || {
        pauses.set(pauses.get() + 1);
        ControlFlow::Continue(())
    };
    let (heads, records) = while_locked(pause, begin).unwrap();
    assert_eq!((heads.get(&None), records.len()), (Some(&1), 2));
    assert_eq!(pauses.get(), 100);
    assert_eq!(records[0].columns.sequence, 0);

    storage.lock(2);
    let given_up = while_locked(|| ControlFlow::Break(()), begin);
    assert!(given_up.is_err());
}
