//! Appending: linked, atomic, and never a fork.

use capsules_core::{Capsule, Head, Position, StorageError, Uuid};

use super::open;
use crate::fixture::{
    all, append, append_to, assert_unbroken, capsule, fill, follow, head_of, record, try_append,
};

#[test]
fn an_empty_store_has_no_head() {
    let Some(store) = open() else { return };
    assert_eq!(store.head(None).unwrap(), None);
    store
        .append(None, &mut |head| {
            assert_eq!(head, None);
            Ok(Vec::new())
        })
        .unwrap();
    assert_eq!(assert_unbroken(&*store), 0);
}

#[test]
fn each_append_continues_from_the_head() {
    let Some(store) = open() else { return };
    let first = fill(&*store, 3);
    assert_eq!(first[0].columns.sequence, 0);
    assert_eq!(first[0].columns.previous_hash, None);

    let mut seen = None;
    store
        .append(None, &mut |head| {
            seen = head.cloned();
            Ok(follow(head, &[capsule("next")]))
        })
        .unwrap();
    assert_eq!(seen, Some(head_of(&first[2])));
    assert_eq!(assert_unbroken(&*store), 4);
}

#[test]
fn records_come_back_as_they_were_appended() {
    let Some(store) = open() else { return };
    let mut unusual = capsule("Ünïcödé \u{1F510} \0 \" \\ \u{2028}");
    unusual.context.session_id = Some("session-\u{00e9}".to_owned());
    unusual.set_tenant_id(Some("acme"));
    let mut large = capsule("large");
    large.set_tenant_id(Some("acme"));
    large.outcome.summary = "\u{00e9}".repeat(2_000_000);

    let mut records = follow(None, &[unusual, large]);
    records[0].signature_pq = "a1".repeat(3_309);
    records[1].signed_at = None;
    records[1].signed_by = None;
    store
        .append(store.chain_of(Some("acme")), &mut |_| Ok(records.clone()))
        .unwrap();
    assert_eq!(all(&*store), records);
}

#[test]
fn an_error_while_sealing_appends_nothing() {
    let Some(store) = open() else { return };
    fill(&*store, 2);
    let error = store
        .append(None, &mut |_| {
            Err(StorageError::Closed {
                location: "the key".to_owned(),
            })
        })
        .unwrap_err();
    assert!(matches!(error, StorageError::Closed { location } if location == "the key"));
    assert_eq!(assert_unbroken(&*store), 2);
    fill(&*store, 1);
    assert_eq!(assert_unbroken(&*store), 3);
}

#[test]
fn a_panic_while_sealing_appends_nothing() {
    let Some(store) = open() else { return };
    fill(&*store, 2);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        store.append(None, &mut |_| panic!("sealing"))
    }));
    assert!(panicked.is_err());
    assert_eq!(assert_unbroken(&*store), 2);
    fill(&*store, 1);
    assert_eq!(assert_unbroken(&*store), 3);
}

#[test]
fn records_that_do_not_follow_the_head_are_refused() {
    let Some(store) = open() else { return };
    let head = head_of(&fill(&*store, 3)[2]);
    let fork = Head {
        sequence: 1,
        hash: head.hash.clone(),
    };
    let other = Head {
        sequence: 2,
        hash: "0".repeat(64),
    };
    let ahead = Head {
        sequence: 5,
        hash: head.hash.clone(),
    };
    for wrong in [None, Some(&fork), Some(&other), Some(&ahead)] {
        let error = store
            .append(None, &mut |_| Ok(follow(wrong, &[capsule("fork")])))
            .unwrap_err();
        assert!(matches!(error, StorageError::Unlinked { .. }), "{error}");
        assert!(error.to_string().contains("sequence 3"), "{error}");
    }
    assert_eq!(assert_unbroken(&*store), 3);
}

#[test]
fn a_break_inside_a_batch_refuses_all_of_it() {
    let Some(store) = open() else { return };
    let position = Position {
        sequence: 1,
        previous_hash: Some("0".repeat(64)),
    };
    let mut records = follow(None, &[capsule("a")]);
    records.push(record(&capsule("b"), &position));
    let error = store
        .append(None, &mut |_| Ok(records.clone()))
        .unwrap_err();
    assert!(matches!(error, StorageError::Unlinked { .. }), "{error}");
    assert_eq!(assert_unbroken(&*store), 0);
}

#[test]
fn an_id_is_stored_once() {
    let Some(store) = open() else { return };
    let twice = capsule("twice");
    append(&*store, &[capsule("before"), twice.clone()]);
    let is_duplicate = |capsules: &[Capsule], id| match try_append(&*store, capsules) {
        Err(StorageError::Duplicate { id: found, .. }) => assert_eq!(found, id),
        other => panic!("{other:?}"),
    };
    // Stored before, alone and behind another; twice in one batch.
    is_duplicate(std::slice::from_ref(&twice), twice.id.to_string());
    is_duplicate(&[capsule("new"), twice.clone()], twice.id.to_string());
    let new = capsule("new");
    is_duplicate(&[new.clone(), new.clone()], new.id.to_string());
    assert_eq!(assert_unbroken(&*store), 2);
}

#[test]
fn the_tenant_is_recorded_with_records_that_name_none() {
    let Some(store) = open() else { return };
    let mut named = capsule("named");
    named.set_tenant_id(Some("acme"));
    append_to(&*store, Some("acme"), &[named, capsule("unnamed")]).unwrap();
    store
        .append(Some("acme"), &mut |head| {
            Ok(follow(head, &[capsule("given")]))
        })
        .unwrap();
    let tenants: Vec<_> = all(&*store)
        .into_iter()
        .map(|record| record.columns.tenant_id)
        .collect();
    let acme = Some("acme".to_owned());
    assert_eq!(tenants[0], acme);
    assert_eq!(tenants[2], acme);
}

#[test]
fn several_chains_are_appended_to_at_once() {
    let Some(store) = open() else { return };
    let tenants = [None, Some("acme"), Some("globex"), Some("")];
    let mut chains: Vec<_> = tenants
        .iter()
        .map(|tenant| store.chain_of(*tenant))
        .collect();
    chains.dedup();
    for round in 1..4 {
        store
            .append_all(&chains, &mut |number, head| {
                let mut capsules = vec![capsule("a"); 2 + number];
                for capsule in &mut capsules {
                    capsule.id = Uuid::new_v4();
                    capsule.set_tenant_id(chains[number]);
                }
                Ok(follow(head, &capsules))
            })
            .unwrap();
        let each: usize = (0..chains.len()).map(|number| 2 + number).sum();
        assert_eq!(assert_unbroken(&*store), round * each);
    }
    let mut kept = store.chains().unwrap();
    kept.sort();
    let mut expected: Vec<_> = chains
        .iter()
        .map(|chain| chain.map(str::to_owned))
        .collect();
    expected.sort();
    assert_eq!(kept, expected);
}
