//! Filters, pages and counts.

use std::cmp::Reverse;

use capsules_core::{
    Capsule, CapsuleType, Filter, OutcomeStatus, SealedRecord, Storage, StorageError, Timestamp,
};

use super::open;
use crate::fixture::{Store, all, append, append_to, capsule, fill, follow};

/// Ten records that differ in everything that filters look at but the tenant. Record `n` began in
/// second `n`.
fn varied() -> Option<Store> {
    let store = open()?;
    let capsules: Vec<_> = (0..10).map(numbered).collect();
    append(&*store, &capsules);
    Some(store)
}

/// As [`varied`], of three tenants. Each record's source is its number.
fn of_tenants() -> Option<Store> {
    let store = open()?;
    for number in 0..10 {
        let tenant = [None, Some("acme"), Some("o'brien")][number % 3];
        let mut capsule = numbered(number);
        capsule.set_tenant_id(tenant);
        append_to(&*store, tenant, &[capsule]).unwrap();
    }
    Some(store)
}

/// Checks the numbers that a filter selects of [`of_tenants`], whose order is only told within a
/// chain.
fn assert_numbers(store: &dyn Storage, filter: &Filter, expected: &[usize]) {
    let numbers = |records: &[SealedRecord]| {
        let mut numbers: Vec<usize> = records
            .iter()
            .map(|record| record.capsule().unwrap().trigger.source.parse().unwrap())
            .collect();
        numbers.sort_by_key(|number| Reverse(*number));
        numbers
    };
    assert_eq!(
        numbers(&store.list(filter).unwrap()),
        expected,
        "{filter:?}"
    );
    assert_eq!(
        store.count(filter).unwrap(),
        expected.len() as u64,
        "{filter:?}"
    );
    let mut by_record = all(store);
    by_record.retain(|record| filter.selects(record));
    assert_eq!(numbers(&by_record), expected, "{filter:?}");
}

fn numbered(number: usize) -> Capsule {
    let mut capsule = Capsule::new([CapsuleType::Agent, CapsuleType::Tool][number % 2]);
    capsule.trigger.source = number.to_string();
    ["agents", "finance"][number / 5].clone_into(&mut capsule.domain);
    capsule.context.session_id = number.is_multiple_of(4).then(|| "session".to_owned());
    capsule.outcome.status = match number % 5 {
        0 => OutcomeStatus::Failure,
        1 => OutcomeStatus::Other("odd".to_owned()),
        _ => OutcomeStatus::Success,
    };
    capsule.trigger.timestamp = second(number);
    capsule
}

fn second(number: usize) -> Timestamp {
    Timestamp::from_micros(1_768_478_400_000_000 + i64::try_from(number).unwrap() * 1_000_000)
        .unwrap()
}

/// Checks the sequences that a filter selects, newest first, in every way of asking.
fn assert_selects(store: &dyn Storage, filter: &Filter, expected: &[i64]) {
    assert_eq!(listed(store, filter), expected, "{filter:?}");
    assert_eq!(
        store.count(filter).unwrap(),
        expected.len() as u64,
        "{filter:?}"
    );
    let oldest: Vec<_> = expected.iter().rev().copied().collect();
    assert_eq!(
        listed(store, &filter.clone().oldest_first()),
        oldest,
        "{filter:?}"
    );
    let by_record: Vec<_> = all(store)
        .iter()
        .filter(|record| filter.selects(record))
        .map(|record| record.columns.sequence)
        .collect();
    assert_eq!(by_record, oldest, "{filter:?}");
}

fn listed(store: &dyn Storage, filter: &Filter) -> Vec<i64> {
    store
        .list(filter)
        .unwrap()
        .iter()
        .map(|record| record.columns.sequence)
        .collect()
}

#[test]
fn no_condition_selects_everything() {
    let (Some(empty), Some(store)) = (open(), varied()) else {
        return;
    };
    assert_selects(&*empty, &Filter::new(), &[]);
    assert_selects(&*store, &Filter::new(), &[9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
}

#[test]
fn by_type() {
    let Some(store) = varied() else { return };
    assert_selects(
        &*store,
        &Filter::new().kind(CapsuleType::Agent),
        &[8, 6, 4, 2, 0],
    );
    assert_selects(&*store, &Filter::new().kind(CapsuleType::Kill), &[]);
}

#[test]
fn by_tenant() {
    let Some(store) = of_tenants() else { return };
    assert_numbers(&*store, &Filter::new(), &[9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    assert_numbers(&*store, &Filter::new().tenant("acme"), &[7, 4, 1]);
    assert_numbers(&*store, &Filter::new().tenant("o'brien"), &[8, 5, 2]);
    for nobody in ["", "ACME", "acm", "%", "' OR 1=1 --"] {
        assert_numbers(&*store, &Filter::new().tenant(nobody), &[]);
    }
}

#[test]
fn by_domain() {
    let Some(store) = varied() else { return };
    assert_selects(&*store, &Filter::new().domain("agents"), &[4, 3, 2, 1, 0]);
    assert_selects(&*store, &Filter::new().domain("finance"), &[9, 8, 7, 6, 5]);
    assert_selects(&*store, &Filter::new().domain("legal"), &[]);
}

#[test]
fn by_session() {
    let Some(store) = varied() else { return };
    assert_selects(&*store, &Filter::new().session("session"), &[8, 4, 0]);
    assert_selects(&*store, &Filter::new().session(""), &[]);
}

#[test]
fn by_status() {
    let Some(store) = varied() else { return };
    assert_selects(
        &*store,
        &Filter::new().status(OutcomeStatus::Failure),
        &[5, 0],
    );
    let odd = OutcomeStatus::Other("odd".to_owned());
    assert_selects(&*store, &Filter::new().status(odd), &[6, 1]);
    assert_selects(&*store, &Filter::new().status(OutcomeStatus::Blocked), &[]);
}

#[test]
fn by_time_from_the_first_moment_to_before_the_last() {
    let Some(store) = varied() else { return };
    assert_selects(&*store, &Filter::new().since(second(7)), &[9, 8, 7]);
    assert_selects(&*store, &Filter::new().until(second(2)), &[1, 0]);
    assert_selects(
        &*store,
        &Filter::new().since(second(3)).until(second(5)),
        &[4, 3],
    );
    assert_selects(
        &*store,
        &Filter::new().since(second(5)).until(second(5)),
        &[],
    );
    let later = Timestamp::from_micros(second(7).as_micros() + 1).unwrap();
    assert_selects(&*store, &Filter::new().since(later), &[9, 8]);
}

#[test]
fn by_place_in_the_chain() {
    let Some(store) = varied() else { return };
    assert_selects(&*store, &Filter::new().after(6), &[9, 8, 7]);
    assert_selects(&*store, &Filter::new().before(2), &[1, 0]);
    assert_selects(&*store, &Filter::new().after(3).before(6), &[5, 4]);
    assert_selects(&*store, &Filter::new().before(0), &[]);
    assert_selects(&*store, &Filter::new().after(9), &[]);
    assert_selects(&*store, &Filter::new().after(u64::MAX), &[]);
    assert_selects(&*store, &Filter::new().before(u64::MAX).after(8), &[9]);
}

/// A page begins where the one before it ended, whatever was appended meanwhile.
#[test]
fn a_cursor_leads_through_all_pages() {
    let Some(store) = varied() else { return };
    let mut filter = Filter::new().domain("agents").limit(2);
    for expected in [&[4, 3][..], &[2, 1], &[0], &[]] {
        assert_eq!(listed(&*store, &filter), expected);
        filter.before = expected.last().map(|last| u64::try_from(*last).unwrap());
        fill(&*store, 1);
    }
}

/// The last record of a page leads to the next one, in one chain and across all of them.
#[test]
fn a_record_leads_through_all_pages() {
    let Some(store) = of_tenants() else { return };
    for filter in [
        Filter::new(),
        Filter::new().tenant("acme"),
        Filter::new().without_tenant(),
        Filter::new().since(second(3)),
        Filter::new().oldest_first(),
        Filter::new().without_tenant().oldest_first(),
    ] {
        let whole = store.list(&filter).unwrap();
        let mut paged = Vec::new();
        let mut page = filter.clone().limit(2);
        loop {
            let found = store.list(&page).unwrap();
            let Some(last) = found.last() else { break };
            page.beyond = Some(last.columns.id.clone());
            paged.extend(found);
            assert!(paged.len() <= whole.len(), "{filter:?}");
        }
        assert_eq!(paged, whole, "{filter:?}");
        let counted = store.count(&page).unwrap();
        assert_eq!(counted, whole.len() as u64, "a cursor is not counted");
    }
}

#[test]
fn a_page_after_a_record_that_is_not_there_is_no_page() {
    let Some(store) = of_tenants() else { return };
    let nobody = "0199f3a0-0000-4a00-8a00-000000000000";
    let listed = store.list(&Filter::new().beyond(nobody));
    assert!(
        matches!(&listed, Err(StorageError::NoCursor { id, .. }) if id == nobody),
        "{listed:?}"
    );
}

#[test]
fn records_without_a_tenant() {
    let Some(store) = of_tenants() else { return };
    let none = Filter::new().without_tenant();
    assert_numbers(&*store, &none, &[9, 6, 3, 0]);
    assert_numbers(&*store, &none.clone().domain("finance"), &[9, 6]);
    assert_numbers(&*store, &none.tenant("acme"), &[]);
}

#[test]
fn by_the_beginning_of_an_id_or_a_hash() {
    let Some(store) = open() else { return };
    let capsules = ["0a11", "0a12", "0b00"].map(|beginning| {
        let mut capsule = capsule("x");
        capsule.id = format!("0000{beginning}-3333-4a33-8a33-000000000003")
            .parse()
            .unwrap();
        capsule
    });
    let records = append(&*store, &capsules);
    for (prefix, expected) in [
        ("00000a1", &[1, 0][..]),
        ("00000a12", &[1]),
        ("00000a12-3333-4a33-8a33-000000000003", &[1]),
        ("0000", &[2, 1, 0]),
        ("", &[2, 1, 0]),
        ("00000A", &[]),
        ("0000%", &[]),
        ("0000*", &[]),
        ("000g", &[]),
    ] {
        assert_selects(&*store, &Filter::new().id_prefix(prefix), expected);
    }
    for (sequence, record) in (0..).zip(&records) {
        for digits in [12, 64] {
            let prefix = &record.hash[..digits];
            assert_selects(&*store, &Filter::new().hash_prefix(prefix), &[sequence]);
            let id = record.columns.id.clone();
            let both = Filter::new().hash_prefix(prefix).id_prefix(id);
            assert_selects(&*store, &both, &[sequence]);
        }
    }
    let newest = Filter::new().id_prefix("0000").limit(1);
    assert_eq!(listed(&*store, &newest), [2]);
    assert_eq!(listed(&*store, &newest.oldest_first()), [0]);
}

#[test]
fn conditions_add_up() {
    let Some(store) = of_tenants() else { return };
    let acme = Filter::new().tenant("acme");
    assert_numbers(&*store, &acme.clone().domain("agents"), &[4, 1]);
    assert_numbers(&*store, &acme.clone().kind(CapsuleType::Agent), &[4]);
    assert_numbers(&*store, &acme.clone().session("session"), &[4]);
    assert_numbers(&*store, &acme.clone().since(second(2)), &[7, 4]);
    assert_numbers(
        &*store,
        &acme
            .domain("agents")
            .session("session")
            .kind(CapsuleType::Agent)
            .status(OutcomeStatus::Success)
            .since(second(4))
            .until(second(5)),
        &[4],
    );
}

#[test]
fn pages_do_not_overlap() {
    let Some(store) = varied() else { return };
    let page = |offset| listed(&*store, &Filter::new().limit(4).offset(offset));
    assert_eq!(page(0), [9, 8, 7, 6]);
    assert_eq!(page(4), [5, 4, 3, 2]);
    assert_eq!(page(8), [1, 0]);
    assert_eq!(page(10), [0; 0]);
    assert_eq!(page(u64::MAX), [0; 0]);
    assert_eq!(listed(&*store, &Filter::new().limit(0)), [0; 0]);
    assert_eq!(
        listed(&*store, &Filter::new().limit(u64::MAX).offset(9)),
        [0]
    );
    let selected = Filter::new().session("session").limit(1).offset(1);
    assert_eq!(listed(&*store, &selected), [4]);
    assert_eq!(listed(&*store, &selected.clone().oldest_first()), [4]);
    assert_eq!(store.count(&selected).unwrap(), 3);
}

#[test]
fn the_columns_of_a_record_that_has_them_decide() {
    let Some(store) = open() else { return };
    let mut capsule = capsule("moved");
    capsule.set_tenant_id(Some("sealed"));
    store
        .append(store.chain_of(Some("column")), &mut |head| {
            let mut records = follow(head, std::slice::from_ref(&capsule));
            records[0].columns.tenant_id = Some("column".to_owned());
            records[0].columns.domain = Some("elsewhere".to_owned());
            Ok(records)
        })
        .unwrap();
    assert_selects(&*store, &Filter::new().tenant("column"), &[0]);
    assert_selects(&*store, &Filter::new().tenant("sealed"), &[]);
    assert_selects(&*store, &Filter::new().domain("elsewhere"), &[0]);
    assert_selects(&*store, &Filter::new().domain("agents"), &[]);
}

#[test]
fn a_record_with_a_domain_column_and_no_tenant_has_none() {
    let Some(store) = open() else { return };
    let mut capsule = capsule("removed");
    capsule.set_tenant_id(Some("sealed"));
    store
        .append(None, &mut |head| {
            let mut records = follow(head, std::slice::from_ref(&capsule));
            records[0].columns.tenant_id = None;
            Ok(records)
        })
        .unwrap();
    assert_selects(&*store, &Filter::new().tenant("sealed"), &[]);
}

#[test]
fn content_of_any_depth_or_offset_is_read_and_damaged_content_is_passed_over() {
    let Some(store) = open() else { return };
    let depth = 5_000;
    let deep = format!(
        r#"{{"a":{}{},"outcome":{{"status":"failure"}},"trigger":{{"timestamp":"2026-01-15T13:00:00+01:00"}}}}"#,
        "[".repeat(depth),
        "]".repeat(depth)
    );
    let contents = [
        deep.as_str(),
        "{",
        "",
        "null",
        r#"{"outcome":{"status":7},"trigger":{"timestamp":7}}"#,
    ];
    store
        .append(None, &mut |head| {
            let capsules: Vec<_> = contents.iter().map(|_| capsule("x")).collect();
            let mut records = follow(head, &capsules);
            for (record, content) in records.iter_mut().zip(contents) {
                content.clone_into(&mut record.content);
            }
            Ok(records)
        })
        .unwrap();
    assert_selects(&*store, &Filter::new().status(OutcomeStatus::Failure), &[0]);
    let noon: Timestamp = "2026-01-15T12:00:00+00:00".parse().unwrap();
    let after = Timestamp::from_micros(noon.as_micros() + 1).unwrap();
    assert_selects(&*store, &Filter::new().since(noon).until(after), &[0]);
    assert_eq!(store.count(&Filter::new()).unwrap(), 5);
}

#[test]
fn later_records_come_first_on_the_next_page_request() {
    let Some(store) = varied() else { return };
    fill(&*store, 1);
    assert_eq!(listed(&*store, &Filter::new().limit(2)), [10, 9]);
}
