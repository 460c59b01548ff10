//! Single records and scans.

use std::ops::ControlFlow;

use capsules_core::{Storage, Uuid};

use super::open;
use crate::fixture::{append, append_to, capsule, chain_in, fill, head_of};

#[test]
fn a_record_is_found_by_id_and_by_hash() {
    let Some(store) = open() else { return };
    let wanted = capsule("wanted");
    let records = append(
        &*store,
        &[capsule("before"), wanted.clone(), capsule("after")],
    );
    assert_eq!(store.get(&wanted.id).unwrap().as_ref(), Some(&records[1]));
    assert_eq!(
        store.get_by_hash(&records[1].hash).unwrap().as_ref(),
        Some(&records[1])
    );
}

#[test]
fn records_are_found_by_many_ids() {
    let Some(store) = open() else { return };
    let capsules: Vec<_> = (0..5).map(|n| capsule(&n.to_string())).collect();
    let records = append(&*store, &capsules);
    let wanted = [3, 0, 4].map(|place: usize| capsules[place].id);
    let mut ids = wanted.to_vec();
    ids.insert(1, Uuid::new_v4());
    let mut found = store.get_many(&ids).unwrap();
    found.sort_by_key(|record| record.columns.sequence);
    assert_eq!(found, [0, 3, 4].map(|place: usize| records[place].clone()));
    assert_eq!(store.get_many(&[]).unwrap(), []);
}

#[test]
fn what_is_not_stored_is_not_found() {
    let Some(store) = open() else { return };
    assert_eq!(store.get(&Uuid::new_v4()).unwrap(), None);
    assert_eq!(store.get_by_hash(&"0".repeat(64)).unwrap(), None);
    let records = fill(&*store, 2);
    assert_eq!(store.get(&Uuid::new_v4()).unwrap(), None);
    for hash in [
        &records[0].hash[..63],
        &records[0].hash.to_uppercase(),
        "",
        "' OR 1 --",
        "%",
    ] {
        assert_eq!(store.get_by_hash(hash).unwrap(), None, "{hash}");
    }
}

#[test]
fn a_scan_begins_where_it_is_told_and_keeps_the_order() {
    let Some(store) = open() else { return };
    fill(&*store, 12);
    let sequences = |from| sequences(&*store, from, usize::MAX);
    assert_eq!(sequences(0), (0..12).collect::<Vec<_>>());
    assert_eq!(sequences(9), [9, 10, 11]);
    assert_eq!(sequences(12), [0; 0]);
    assert_eq!(sequences(u64::MAX), [0; 0]);
}

#[test]
fn a_scan_ends_when_it_is_told() {
    let Some(store) = open() else { return };
    fill(&*store, 5);
    assert_eq!(sequences(&*store, 0, 1), [0]);
    assert_eq!(sequences(&*store, 1, 3), [1, 2, 3]);
    // The store is in order afterwards.
    assert_eq!(sequences(&*store, 3, usize::MAX), [3, 4]);
}

#[test]
fn a_scan_sees_one_point_in_time() {
    let Some(store) = open() else { return };
    fill(&*store, 3);
    let mut seen = Vec::new();
    store
        .scan(None, 0, &mut |record| {
            // Reads and appends of the same thread are possible meanwhile.
            fill(&*store, 1);
            assert!(store.get_by_hash(&record.hash).unwrap().is_some());
            seen.push(record.columns.sequence);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(seen, [0, 1, 2]);
    assert_eq!(sequences(&*store, 0, usize::MAX).len(), 6);
}

#[test]
fn each_chain_has_its_places_and_its_head() {
    let Some(store) = open() else { return };
    assert_eq!(store.heads().unwrap(), []);
    assert_eq!(store.record_at(None, 0).unwrap(), None);
    for (tenant, count) in [(Some("acme"), 2), (None, 1), (Some("o'brien"), 3)] {
        for _ in 0..count {
            append_to(&*store, tenant, &[capsule("x")]).unwrap();
        }
    }
    let mut heads = Vec::new();
    for chain in store.chains().unwrap() {
        let records = chain_in(&*store, chain.as_deref());
        for (sequence, record) in (0..).zip(&records) {
            let found = store.record_at(chain.as_deref(), sequence).unwrap();
            assert_eq!(found.as_ref(), Some(record));
        }
        for beyond in [records.len() as u64, u64::MAX] {
            assert_eq!(store.record_at(chain.as_deref(), beyond).unwrap(), None);
        }
        heads.push((chain, head_of(records.last().unwrap())));
    }
    let mut found = store.heads().unwrap();
    let by_tenant = |(tenant, _): &(Option<String>, _)| tenant.clone();
    found.sort_by_key(by_tenant);
    heads.sort_by_key(by_tenant);
    assert_eq!(found, heads);
}

fn sequences(store: &dyn Storage, from: u64, most: usize) -> Vec<i64> {
    let mut sequences = Vec::new();
    store
        .scan(None, from, &mut |record| {
            sequences.push(record.columns.sequence);
            if sequences.len() == most {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .unwrap();
    sequences
}
