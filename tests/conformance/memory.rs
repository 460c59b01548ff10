//! The store in memory.

#[path = "one_chain.rs"]
mod one_chain;
#[path = "suite/mod.rs"]
mod suite;

use capsules_core::storage::MemoryStorage;

use crate::fixture::Store;

#[allow(
    clippy::unnecessary_wraps,
    reason = "other stores cannot be had everywhere"
)]
fn open() -> Option<Store> {
    Some(Store::new(MemoryStorage::new(), None))
}
