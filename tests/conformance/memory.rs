//! The store in memory.

#[path = "suite/mod.rs"]
mod suite;

use capsules_core::storage::MemoryStorage;

use crate::fixture::Store;

fn open() -> Store {
    Store::new(MemoryStorage::new(), None)
}
