//! A store in memory.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::{Filter, SealNext, Storage, StorageError, check_links};
use crate::chain::Head;
use crate::record::SealedRecord;

/// Keeps records in memory, for tests and for programs that export them by themselves.
///
/// Like the SQLite store it keeps a single chain that every tenant shares.
///
/// ```
/// use capsules_core::storage::{Filter, MemoryStorage, Storage};
///
/// let store = MemoryStorage::new();
/// assert_eq!(store.head(None)?, None);
/// assert_eq!(store.count(&Filter::new())?, 0);
/// # Ok::<(), capsules_core::StorageError>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryStorage {
    state: Mutex<State>,
}

/// A record's place in `records` is its sequence.
#[derive(Debug, Default)]
struct State {
    records: Vec<SealedRecord>,
    by_id: HashMap<String, usize>,
    by_hash: HashMap<String, usize>,
    closed: bool,
}

impl MemoryStorage {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The state, unless the store is closed. It changes only where nothing can panic, so that of
    /// a poisoned lock is intact.
    fn open(&self) -> Result<MutexGuard<'_, State>, StorageError> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return Err(StorageError::Closed {
                location: self.location(),
            });
        }
        Ok(state)
    }
}

impl Storage for MemoryStorage {
    fn append(&self, tenant: Option<&str>, seal: &mut SealNext<'_>) -> Result<(), StorageError> {
        let mut state = self.open()?;
        let mut records = seal(state.head().as_ref())?;
        check_links(&self.location(), state.head().as_ref(), &records)?;

        let mut ids = HashMap::with_capacity(records.len());
        for (place, record) in (state.records.len()..).zip(&mut records) {
            let id = &record.columns.id;
            if state.by_id.contains_key(id) || ids.insert(id.clone(), place).is_some() {
                return Err(StorageError::Duplicate {
                    id: id.clone(),
                    location: self.location(),
                });
            }
            if record.columns.tenant_id.is_none() {
                record.columns.tenant_id = tenant.map(str::to_owned);
            }
        }

        state.by_id.extend(ids);
        for record in records {
            let place = state.records.len();
            state.by_hash.entry(record.hash.clone()).or_insert(place);
            state.records.push(record);
        }
        Ok(())
    }

    fn appends_on_any_thread(&self) -> bool {
        true
    }

    fn get(&self, id: &Uuid) -> Result<Option<SealedRecord>, StorageError> {
        let state = self.open()?;
        Ok(state
            .by_id
            .get(&id.to_string())
            .map(|&place| state.records[place].clone()))
    }

    fn get_by_hash(&self, hash: &str) -> Result<Option<SealedRecord>, StorageError> {
        let state = self.open()?;
        Ok(state
            .by_hash
            .get(hash)
            .map(|&place| state.records[place].clone()))
    }

    fn head(&self, _tenant: Option<&str>) -> Result<Option<Head>, StorageError> {
        Ok(self.open()?.head())
    }

    fn scan(
        &self,
        _tenant: Option<&str>,
        from: u64,
        visit: &mut dyn FnMut(SealedRecord) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        // Records only ever join at the end, so the length is the point in time.
        let end = self.open()?.records.len();
        for place in usize::try_from(from).unwrap_or(usize::MAX)..end {
            let record = self.open()?.records[place].clone();
            if visit(record).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn list(&self, filter: &Filter) -> Result<Vec<SealedRecord>, StorageError> {
        let state = self.open()?;
        let limit = usize::try_from(filter.limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        let offset = usize::try_from(filter.offset).unwrap_or(usize::MAX);
        let cursor = match &filter.beyond {
            None => None,
            Some(id) => Some(*state.by_id.get(id).ok_or_else(|| StorageError::NoCursor {
                id: id.clone(),
                location: self.location(),
            })?),
        };
        // Records stand in the order of their places.
        let range = match (cursor, filter.oldest_first) {
            (None, _) => &state.records[..],
            (Some(cursor), true) => &state.records[cursor + 1..],
            (Some(cursor), false) => &state.records[..cursor],
        };
        let selected = |record: &&SealedRecord| filter.selects(record);
        Ok(if filter.oldest_first {
            let records = range.iter().filter(selected);
            records.skip(offset).take(limit).cloned().collect()
        } else {
            let records = range.iter().rev().filter(selected);
            records.skip(offset).take(limit).cloned().collect()
        })
    }

    fn count(&self, filter: &Filter) -> Result<u64, StorageError> {
        Ok(self
            .open()?
            .records
            .iter()
            .filter(|record| filter.selects(record))
            .count() as u64)
    }

    fn close(&self) -> Result<(), StorageError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State {
            closed: true,
            ..State::default()
        };
        Ok(())
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }
}

impl State {
    fn head(&self) -> Option<Head> {
        let sequence = self.records.len().checked_sub(1)?;
        Some(Head {
            sequence: sequence as u64,
            hash: self.records[sequence].hash.clone(),
        })
    }
}
