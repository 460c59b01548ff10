//! What holds for stores in which all tenants share one chain.

use capsules_core::Filter;

use super::open;
use crate::fixture::{all, append, capsule, follow};

#[test]
fn every_tenant_shares_the_chain() {
    let Some(store) = open() else { return };
    let mut named = capsule("named");
    named.set_tenant_id(Some("acme"));
    store
        .append(Some("other"), &mut |head| {
            Ok(follow(head, &[named.clone(), capsule("unnamed")]))
        })
        .unwrap();
    let tenants: Vec<_> = all(&*store)
        .into_iter()
        .map(|record| record.columns.tenant_id.unwrap())
        .collect();
    assert_eq!(tenants, ["acme", "other"]);
    assert_eq!(store.head(Some("nobody")).unwrap().unwrap().sequence, 1);
}

/// Another implementation's table does not know the columns of tenant and domain.
#[test]
fn a_record_without_a_domain_column_is_found_by_its_content() {
    let Some(store) = open() else { return };
    append(&*store, &[capsule("of nobody")]);
    let mut foreign = capsule("foreign");
    foreign.set_tenant_id(Some("acme"));
    "finance".clone_into(&mut foreign.domain);
    store
        .append(None, &mut |head| {
            let mut records = follow(head, std::slice::from_ref(&foreign));
            records[0].columns.tenant_id = None;
            records[0].columns.domain = None;
            Ok(records)
        })
        .unwrap();
    let selected = |filter: Filter| {
        let records = store.list(&filter).unwrap();
        assert_eq!(store.count(&filter).unwrap(), records.len() as u64);
        assert_eq!(
            all(&*store)
                .iter()
                .filter(|record| filter.selects(record))
                .count(),
            records.len()
        );
        records
            .into_iter()
            .map(|record| record.columns.sequence)
            .collect::<Vec<_>>()
    };
    assert_eq!(selected(Filter::new().tenant("acme")), [1]);
    assert_eq!(selected(Filter::new().domain("finance")), [1]);
    assert_eq!(
        selected(Filter::new().tenant("acme").domain("finance")),
        [1]
    );
    assert_eq!(
        selected(Filter::new().tenant("acme").domain("agents")),
        [0; 0]
    );
    assert_eq!(selected(Filter::new().tenant("other")), [0; 0]);
}
