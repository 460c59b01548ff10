//! A store in memory that fails, or never answers, when it is told to.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use capsules::storage::MemoryStorage;
use capsules::{Filter, SealedRecord, Storage, StorageError, Uuid};
use capsules_core::Head;
use capsules_core::storage::SealNext;

/// What an append does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Works,
    Fails,
    /// Waits until the mood changes.
    Hangs,
}

/// Handles share the store.
#[derive(Clone)]
pub(crate) struct MoodyStorage(Arc<Inner>);

struct Inner {
    records: MemoryStorage,
    mood: Mutex<Mood>,
    changed: Condvar,
    appends: AtomicU64,
}

impl MoodyStorage {
    pub(crate) fn new(mood: Mood) -> Self {
        Self(Arc::new(Inner {
            records: MemoryStorage::new(),
            mood: Mutex::new(mood),
            changed: Condvar::new(),
            appends: AtomicU64::new(0),
        }))
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.0.mood.lock().unwrap() = mood;
        self.0.changed.notify_all();
    }

    /// How many appends have begun.
    pub(crate) fn appends(&self) -> u64 {
        self.0.appends.load(Ordering::SeqCst)
    }
}

impl Storage for MoodyStorage {
    fn append(&self, tenant: Option<&str>, seal: &mut SealNext<'_>) -> Result<(), StorageError> {
        self.0.appends.fetch_add(1, Ordering::SeqCst);
        let mood = self.0.mood.lock().unwrap();
        let hangs = |mood: &mut Mood| *mood == Mood::Hangs;
        let mood = *self.0.changed.wait_while(mood, hangs).unwrap();
        if mood == Mood::Fails {
            return Err(StorageError::Write {
                location: self.location(),
                reason: "it is told to fail".to_owned(),
            });
        }
        self.0.records.append(tenant, seal)
    }

    fn appends_on_any_thread(&self) -> bool {
        true
    }

    fn get(&self, id: &Uuid) -> Result<Option<SealedRecord>, StorageError> {
        self.0.records.get(id)
    }

    fn get_by_hash(&self, hash: &str) -> Result<Option<SealedRecord>, StorageError> {
        self.0.records.get_by_hash(hash)
    }

    fn head(&self, tenant: Option<&str>) -> Result<Option<Head>, StorageError> {
        self.0.records.head(tenant)
    }

    fn scan(
        &self,
        tenant: Option<&str>,
        from: u64,
        visit: &mut dyn FnMut(SealedRecord) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.0.records.scan(tenant, from, visit)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<SealedRecord>, StorageError> {
        self.0.records.list(filter)
    }

    fn count(&self, filter: &Filter) -> Result<u64, StorageError> {
        self.0.records.count(filter)
    }

    fn close(&self) -> Result<(), StorageError> {
        Ok(())
    }

    fn location(&self) -> String {
        "a moody store".to_owned()
    }
}
