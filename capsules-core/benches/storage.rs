//! The stores at everyday size; `million.rs` has them at 1,000,000 rows.
//!
//! `cargo bench -p capsules-core --bench storage`

#![expect(clippy::unwrap_used, reason = "nobody calls a benchmark")]

use std::ops::ControlFlow;
use std::time::Duration;

use capsules_core::storage::{MemoryStorage, SqliteStorage};
use capsules_core::{
    Capsule, CapsuleType, Draft, Filter, OutcomeStatus, Position, SealedRecord, Storage,
};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use tempfile::TempDir;

const ROWS: usize = 10_000;

fn main() {
    divan::main();
}

/// One transaction of this many rows, on stable storage when it is over.
#[divan::bench(args = [1, 16, 64, 256], max_time = Duration::from_secs(5))]
fn append_sqlite(bencher: Bencher<'_, '_>, rows: usize) {
    let (_directory, store) = sqlite(0);
    append(bencher, &store, rows);
}

#[divan::bench(args = [1, 256], max_time = Duration::from_secs(2))]
fn append_memory(bencher: Bencher<'_, '_>, rows: usize) {
    append(bencher, &MemoryStorage::new(), rows);
}

#[divan::bench]
fn scan_sqlite(bencher: Bencher<'_, '_>) {
    let (_directory, store) = sqlite(ROWS);
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| {
        let visit = &mut |record| {
            black_box(record);
            ControlFlow::Continue(())
        };
        store.scan(None, 0, visit).unwrap();
    });
}

#[divan::bench]
fn get_by_id(bencher: Bencher<'_, '_>) {
    let (_directory, store) = sqlite(ROWS);
    let id = store
        .list(&Filter::new().offset(ROWS as u64 / 2).limit(1))
        .unwrap()
        .remove(0);
    let id = id.capsule().unwrap().id;
    bencher.bench_local(|| store.get(black_box(&id)).unwrap().unwrap());
}

#[divan::bench]
fn get_by_hash(bencher: Bencher<'_, '_>) {
    let (_directory, store) = sqlite(ROWS);
    let hash = hash(ROWS / 2);
    bencher.bench_local(|| store.get_by_hash(black_box(&hash)).unwrap().unwrap());
}

#[divan::bench]
fn head(bencher: Bencher<'_, '_>) {
    let (_directory, store) = sqlite(ROWS);
    bencher.bench_local(|| store.head(None).unwrap());
}

#[divan::bench]
fn list_first_page(bencher: Bencher<'_, '_>) {
    let (_directory, store) = sqlite(ROWS);
    let filter = Filter::new().limit(20);
    bencher.bench_local(|| store.list(black_box(&filter)).unwrap());
}

#[divan::bench]
fn count_by_tenant(bencher: Bencher<'_, '_>) {
    let (_directory, store) = sqlite(ROWS);
    let filter = Filter::new().tenant("acme");
    bencher.bench_local(|| store.count(black_box(&filter)).unwrap());
}

#[divan::bench]
fn count_by_status(bencher: Bencher<'_, '_>) {
    let (_directory, store) = sqlite(ROWS);
    let filter = Filter::new().status(OutcomeStatus::Failure);
    bencher.bench_local(|| store.count(black_box(&filter)).unwrap());
}

/// Rows are made outside the measured time and put on the head inside it.
fn append(bencher: Bencher<'_, '_>, store: &dyn Storage, rows: usize) {
    let mut next = 0;
    bencher
        .counter(ItemsCount::new(rows))
        .with_inputs(|| {
            let records = records(next, rows);
            next += rows;
            records
        })
        .bench_local_values(|records| {
            let mut records = Some(records);
            store
                .append(None, &mut |_| Ok(records.take().unwrap_or_default()))
                .unwrap();
        });
}

fn sqlite(rows: usize) -> (TempDir, SqliteStorage) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStorage::open(directory.path().join("capsules.db")).unwrap();
    store.append(None, &mut |_| Ok(records(0, rows))).unwrap();
    (directory, store)
}

/// The rows of a chain from this sequence on, of about 2.3 KB each.
fn records(from: usize, count: usize) -> Vec<SealedRecord> {
    let mut capsule = Capsule::new(CapsuleType::Tool);
    capsule.trigger.request = "Which of the three offers fits the budget? ".repeat(6);
    capsule.reasoning.analysis = "Three offers were compared by price and by date. ".repeat(8);
    capsule.reasoning.reasoning = "The second is the cheapest that arrives in time. ".repeat(6);
    capsule.set_tenant_id(Some("acme"));
    (from..from + count)
        .map(|sequence| {
            capsule.id = Capsule::new(CapsuleType::Tool).id;
            let draft = Draft::new(&capsule).unwrap();
            let position = Position {
                sequence: sequence as u64,
                previous_hash: sequence.checked_sub(1).map(hash),
            };
            SealedRecord {
                content: draft.link(&position),
                hash: hash(sequence),
                signature: "5e".repeat(64),
                signature_pq: String::new(),
                signed_at: Some("2026-01-15T12:00:00.000000+00:00".to_owned()),
                signed_by: Some("qp_key_5e5e".to_owned()),
                columns: draft.columns(&position),
            }
        })
        .collect()
}

/// A stand-in for the hash of a record, which stores do not compute.
fn hash(sequence: usize) -> String {
    format!("{sequence:064x}")
}
