//! A store that is slow.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use capsules_core::storage::{MemoryStorage, SealNext};
use capsules_core::{Filter, Head, SealedRecord, Storage, StorageError, Uuid};

/// A chain without an end, of which a list takes as long as it is told.
#[derive(Default)]
pub(crate) struct Endless {
    empty: MemoryStorage,
    pub(crate) scans: AtomicU64,
    pub(crate) ended: AtomicBool,
    /// Set when a list may end.
    pub(crate) released: AtomicBool,
}

impl Storage for Endless {
    fn head(&self, _: Option<&str>) -> Result<Option<Head>, StorageError> {
        Ok(Some(Head {
            sequence: 1_000,
            hash: String::new(),
        }))
    }

    fn scan(
        &self,
        _: Option<&str>,
        _: u64,
        visit: &mut dyn FnMut(SealedRecord) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.scans.fetch_add(1, Ordering::SeqCst);
        for sequence in 0.. {
            let record = SealedRecord {
                content: format!(
                    r#"{{"id":"a","type":"tool","sequence":{sequence},"previous_hash":null}}"#
                ),
                hash: String::new(),
                signature: String::new(),
                signature_pq: String::new(),
                signed_at: None,
                signed_by: None,
                columns: capsules_core::Columns {
                    sequence,
                    ..Default::default()
                },
            };
            if visit(record).is_break() {
                break;
            }
            thread::sleep(Duration::from_micros(50));
        }
        self.ended.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn append(&self, tenant: Option<&str>, seal: &mut SealNext<'_>) -> Result<(), StorageError> {
        self.empty.append(tenant, seal)
    }

    fn get(&self, id: &Uuid) -> Result<Option<SealedRecord>, StorageError> {
        self.empty.get(id)
    }

    fn get_by_hash(&self, hash: &str) -> Result<Option<SealedRecord>, StorageError> {
        self.empty.get_by_hash(hash)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<SealedRecord>, StorageError> {
        while !self.released.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        self.empty.list(filter)
    }

    fn count(&self, filter: &Filter) -> Result<u64, StorageError> {
        self.empty.count(filter)
    }

    fn close(&self) -> Result<(), StorageError> {
        self.empty.close()
    }

    fn location(&self) -> String {
        "endless".to_owned()
    }
}
