//! A store in memory of which a test chooses what its operations do.

use std::ops::{ControlFlow, Deref};
use std::sync::Arc;

use capsules::storage::{MemoryStorage, SealNext};
use capsules::{Filter, SealedRecord, Storage, StorageError, Uuid};
use capsules_core::Head;

/// What a store is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// To append.
    Append,
    /// To list records.
    List,
    /// To read in another way.
    Read,
}

/// What the operations of a store do besides, or instead.
pub trait Hooks: Send + Sync {
    /// Where the store says that it is.
    fn location(&self) -> String;

    /// Runs an operation, or does not.
    ///
    /// # Errors
    ///
    /// That of the operation, or one of the test's.
    fn around<T>(
        &self,
        operation: Operation,
        run: impl FnOnce() -> Result<T, StorageError>,
    ) -> Result<T, StorageError>;

    /// Whether it appends on any thread.
    fn appends_on_any_thread(&self) -> bool {
        true
    }

    /// The chains that it says it has, each of which holds everything.
    fn chains(&self) -> Vec<Option<String>> {
        vec![None]
    }

    /// Whether it wants to be tidied.
    fn is_untidy(&self) -> bool {
        false
    }

    /// Tidies.
    ///
    /// # Errors
    ///
    /// One of the test's.
    fn tidy(&self) -> Result<(), StorageError> {
        Ok(())
    }
}

/// A store in memory with hooks, which it derefs to. Clones share both; to close it keeps what it
/// holds.
#[derive(Debug)]
pub struct HookedStorage<H> {
    records: Arc<MemoryStorage>,
    hooks: Arc<H>,
}

impl<H> HookedStorage<H> {
    /// An empty store.
    pub fn new(hooks: impl Into<H>) -> Self {
        Self {
            records: Arc::default(),
            hooks: Arc::new(hooks.into()),
        }
    }

    /// What is in it, past the hooks.
    pub fn records(&self) -> &MemoryStorage {
        &self.records
    }

    /// How many clones there are.
    pub fn handles(&self) -> usize {
        Arc::strong_count(&self.hooks)
    }
}

impl<H> Clone for HookedStorage<H> {
    fn clone(&self) -> Self {
        Self {
            records: Arc::clone(&self.records),
            hooks: Arc::clone(&self.hooks),
        }
    }
}

impl<H> Deref for HookedStorage<H> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.hooks
    }
}

impl<H: Hooks> HookedStorage<H> {
    fn read<T>(
        &self,
        read: impl FnOnce(&MemoryStorage) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        self.hooks.around(Operation::Read, || read(&self.records))
    }
}

impl<H: Hooks> Storage for HookedStorage<H> {
    fn append(&self, tenant: Option<&str>, seal: &mut SealNext<'_>) -> Result<(), StorageError> {
        self.hooks
            .around(Operation::Append, || self.records.append(tenant, seal))
    }

    fn appends_on_any_thread(&self) -> bool {
        self.hooks.appends_on_any_thread()
    }

    fn is_untidy(&self) -> bool {
        self.hooks.is_untidy()
    }

    fn tidy(&self) -> Result<(), StorageError> {
        self.hooks.tidy()
    }

    fn get(&self, id: &Uuid) -> Result<Option<SealedRecord>, StorageError> {
        self.read(|records| records.get(id))
    }

    fn get_by_hash(&self, hash: &str) -> Result<Option<SealedRecord>, StorageError> {
        self.read(|records| records.get_by_hash(hash))
    }

    fn head(&self, tenant: Option<&str>) -> Result<Option<Head>, StorageError> {
        self.read(|records| records.head(tenant))
    }

    fn scan(
        &self,
        tenant: Option<&str>,
        from: u64,
        visit: &mut dyn FnMut(SealedRecord) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.read(|records| records.scan(tenant, from, visit))
    }

    fn chains(&self) -> Result<Vec<Option<String>>, StorageError> {
        Ok(self.hooks.chains())
    }

    fn list(&self, filter: &Filter) -> Result<Vec<SealedRecord>, StorageError> {
        self.hooks
            .around(Operation::List, || self.records.list(filter))
    }

    fn count(&self, filter: &Filter) -> Result<u64, StorageError> {
        self.read(|records| records.count(filter))
    }

    fn close(&self) -> Result<(), StorageError> {
        Ok(())
    }

    fn location(&self) -> String {
        self.hooks.location()
    }
}
