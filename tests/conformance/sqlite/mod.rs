//! The SQLite store.

#[path = "../suite/mod.rs"]
mod suite;

use capsules_core::storage::SqliteStorage;

use crate::fixture::Store;

fn open() -> Store {
    let directory = tempfile::tempdir().unwrap();
    let storage = SqliteStorage::open(directory.path().join("capsules.db")).unwrap();
    Store::new(storage, Some(directory))
}
