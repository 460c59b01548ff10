//! A store in memory that fails on demand.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use capsules::storage::{MemoryStorage, SealNext};
use capsules::{Filter, SealedRecord, Storage, StorageError, Uuid};
use capsules_core::Head;

/// When a store fails, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// The first operation that fails, counted from 1.
    pub(crate) at: u32,
    /// How many in a row fail.
    pub(crate) times: u32,
    pub(crate) moment: Moment,
    pub(crate) kind: Kind,
    /// How long an operation takes that fails.
    pub(crate) delay: Duration,
}

impl Fault {
    /// One that never comes.
    pub(crate) const NONE: Self = Self {
        at: u32::MAX,
        times: 0,
        moment: Moment::BeforeTheEffect,
        kind: Kind::Write,
        delay: Duration::ZERO,
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    BeforeTheEffect,
    AfterTheEffect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Write,
    Locked,
    Read,
    Panic,
}

/// Clones share the store.
#[derive(Debug, Clone)]
pub(crate) struct Faulty {
    store: Arc<MemoryStorage>,
    fault: Fault,
    operations: Arc<AtomicU32>,
}

impl Faulty {
    pub(crate) fn new(fault: Fault) -> Self {
        Self {
            store: Arc::default(),
            fault,
            operations: Arc::default(),
        }
    }

    /// What is in the store, even after it was closed.
    pub(crate) fn contents(&self) -> &MemoryStorage {
        &self.store
    }

    /// Whether an operation has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.operations.load(SeqCst) >= self.fault.at
    }

    fn operation<T>(
        &self,
        run: impl FnOnce() -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let Fault { at, times, .. } = self.fault;
        let number = self.operations.fetch_add(1, SeqCst) + 1;
        if !(at..at + times).contains(&number) {
            return run();
        }
        std::thread::sleep(self.fault.delay);
        if self.fault.moment == Moment::AfterTheEffect {
            run()?;
        }
        Err(self.error())
    }

    fn error(&self) -> StorageError {
        let location = self.location();
        let reason = "injected".to_owned();
        match self.fault.kind {
            Kind::Write => StorageError::Write { location, reason },
            Kind::Locked => StorageError::Locked { location },
            Kind::Read => StorageError::Read { location, reason },
            Kind::Panic => panic!("injected"),
        }
    }
}

impl Storage for Faulty {
    fn append(&self, tenant: Option<&str>, seal: &mut SealNext<'_>) -> Result<(), StorageError> {
        self.operation(|| self.store.append(tenant, seal))
    }

    fn appends_on_any_thread(&self) -> bool {
        true
    }

    fn get(&self, id: &Uuid) -> Result<Option<SealedRecord>, StorageError> {
        self.operation(|| self.store.get(id))
    }

    fn get_by_hash(&self, hash: &str) -> Result<Option<SealedRecord>, StorageError> {
        self.operation(|| self.store.get_by_hash(hash))
    }

    fn head(&self, tenant: Option<&str>) -> Result<Option<Head>, StorageError> {
        self.operation(|| self.store.head(tenant))
    }

    fn scan(
        &self,
        tenant: Option<&str>,
        from: u64,
        visit: &mut dyn FnMut(SealedRecord) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.operation(|| self.store.scan(tenant, from, visit))
    }

    fn list(&self, filter: &Filter) -> Result<Vec<SealedRecord>, StorageError> {
        self.operation(|| self.store.list(filter))
    }

    fn count(&self, filter: &Filter) -> Result<u64, StorageError> {
        self.operation(|| self.store.count(filter))
    }

    /// Keeps the contents, so that they can be looked at.
    fn close(&self) -> Result<(), StorageError> {
        Ok(())
    }

    fn location(&self) -> String {
        let Fault {
            at, moment, kind, ..
        } = self.fault;
        format!("faulty-{at}-{moment:?}-{kind:?}")
    }
}
