//! Closing.

use std::ops::ControlFlow;

use capsules_core::{Filter, StorageError, Uuid};

use super::open;
use crate::fixture::{fill, try_append};

#[test]
fn a_closed_store_refuses_everything() {
    let Some(store) = open() else { return };
    fill(&*store, 2);
    store.close().unwrap();
    let results = [
        try_append(&*store, &[]).err(),
        store.get(&Uuid::new_v4()).err(),
        store.get_by_hash("").err(),
        store.head(None).err(),
        store
            .scan(None, 0, &mut |_| ControlFlow::Continue(()))
            .err(),
        store.list(&Filter::new()).err(),
        store.count(&Filter::new()).err(),
    ];
    for result in results {
        match result {
            Some(StorageError::Closed { location }) => assert_eq!(location, store.location()),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn closing_twice_is_no_error() {
    let Some(store) = open() else { return };
    store.close().unwrap();
    store.close().unwrap();
}
