//! Many threads.

use std::ops::ControlFlow;
use std::thread;

use capsules_core::Filter;

use super::open;
use crate::fixture::{all, append, assert_unbroken, capsule};

#[test]
fn concurrent_appends_make_one_unbroken_chain_and_lose_nothing() {
    const THREADS: usize = 8;
    const APPENDS: usize = 25;

    let Some(store) = open() else { return };
    let mut sent: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let store = &*store;
                scope.spawn(move || {
                    let mut ids = Vec::new();
                    for number in 0..APPENDS {
                        let batch = vec![capsule(&format!("{thread}/{number}")); 1 + number % 3];
                        let batch: Vec<_> = batch
                            .into_iter()
                            .map(|one| capsule(&one.trigger.source))
                            .collect();
                        ids.extend(batch.iter().map(|capsule| capsule.id.to_string()));
                        append(store, &batch);
                    }
                    ids
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });

    assert_eq!(assert_unbroken(&*store), sent.len());
    let mut stored: Vec<_> = all(&*store)
        .into_iter()
        .map(|record| record.columns.id)
        .collect();
    sent.sort();
    stored.sort();
    assert_eq!(stored, sent);
}

#[test]
fn readers_see_whole_batches_while_others_append() {
    const BATCH: u64 = 7;

    let Some(store) = open() else { return };
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for _ in 0..40 {
                let batch: Vec<_> = (0..BATCH).map(|_| capsule("batch")).collect();
                append(&*store, &batch);
            }
        });
        while !writer.is_finished() {
            assert_eq!(store.count(&Filter::new()).unwrap() % BATCH, 0);
            let mut seen = 0;
            store
                .scan(None, 0, &mut |_| {
                    seen += 1;
                    ControlFlow::Continue(())
                })
                .unwrap();
            assert_eq!(seen % BATCH, 0);
        }
    });
    assert_eq!(assert_unbroken(&*store), 280);
}
