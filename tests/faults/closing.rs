//! Stores that fail while the instance is closed.

use std::thread;
use std::time::Duration;

use capsules::storage::MemoryStorage;
use capsules::{Capsules, Error, Filter, OutcomeStatus, Overflow, Storage};

use crate::faulty::{Fault, Faulty, Kind, Moment};
use crate::support::{PATIENCE, assert_holds, record, signer};

/// What follows a batch that is left to the journal is left there too.
#[test]
fn order_is_kept_over_the_next_open() {
    let directory = capsules_tests::temp_dir();
    let store = Faulty::new(Fault {
        at: 1,
        times: 1,
        moment: Moment::BeforeTheEffect,
        kind: Kind::Write,
    });
    store.hold();
    let open = || {
        Capsules::builder()
            .storage(store.clone())
            .signer(signer())
            .journals(directory.path().join("journals"))
            .build()
            .unwrap()
    };
    let capsules = open();
    record(&capsules, 0..3);
    // The first batch is on its way when the second one arrives and the instance is closed.
    while !store.has_failed() {
        thread::yield_now();
    }
    record(&capsules, 3..6);
    let closed = capsules.clone().close(Duration::ZERO);
    assert!(matches!(closed, Err(Error::TimedOut { waiting: 6 })));
    store.release();
    drop(capsules);
    // Until the instance's threads have ended.
    while store.handles() > 1 {
        thread::yield_now();
    }

    let capsules = open();
    record(&capsules, 6..7);
    capsules.close(PATIENCE).unwrap();
    assert_holds(store.records(), 0..7);
}

/// What is dropped while the last batch is being stored is on record too.
#[test]
fn every_call_is_recorded_or_counted() {
    for _ in 0..20 {
        let store = Faulty::new(Fault::NONE);
        let capsules = Capsules::builder()
            .storage(store.clone())
            .signer(signer())
            .queue(1, 1 << 20)
            .overflow(Overflow::Drop)
            .build()
            .unwrap();
        record(&capsules, 0..200);
        let stats = capsules.close(PATIENCE).unwrap();
        assert_eq!(stats.accepted + stats.dropped, 200);
        assert_eq!(stats.dropped, counted(store.records()));
    }
}

/// How many calls the gaps that are on record count.
fn counted(store: &MemoryStorage) -> u64 {
    let records = store.list(&Filter::new()).unwrap();
    let capsules = records.iter().map(|record| record.capsule().unwrap());
    capsules
        .filter(|capsule| capsule.outcome.status == OutcomeStatus::Failure)
        .map(|capsule| capsule.outcome.metrics["count"].as_u64().unwrap())
        .sum()
}
