//! Which instance a call records to.

use std::sync::LazyLock;

use capsules::{Capsules, Filter, audit};

use crate::support::{instance, only, recorded};

static NAMED: LazyLock<Capsules> = LazyLock::new(instance);

#[audit(type = "tool", capsules = &*NAMED)]
fn named() {}

#[audit(type = "tool", capsules = store)]
fn by_parameter(store: &Capsules, _text: &str) {}

#[audit(type = "tool")]
fn unnamed() {}

#[test]
fn an_instance_that_the_attribute_names_goes_first() {
    let bound = instance();
    let parameter = instance();
    bound.scope_sync(|| {
        named();
        by_parameter(&parameter, "x");
    });
    assert_eq!(recorded(&bound), []);
    assert_eq!(
        only(recorded(&NAMED)).trigger.source,
        "behaviour::instances::named"
    );
    assert_eq!(recorded(&parameter).len(), 1);
}

#[test]
fn a_scope_binds_and_ends() {
    let (outer, inner) = (instance(), instance());
    outer.scope_sync(|| {
        unnamed();
        inner.scope_sync(unnamed);
        unnamed();
    });
    assert_eq!(recorded(&outer).len(), 2);
    assert_eq!(recorded(&inner).len(), 1);
}

#[tokio::test]
async fn replies_can_be_awaited() {
    let capsules = instance();
    capsules.scope_sync(unnamed);
    capsules.flush().await.unwrap();
    let records = capsules.list(Filter::new()).await.unwrap();
    let id = records[0].capsule().unwrap().id;
    assert_eq!(capsules.get(id).await.unwrap().as_ref(), Some(&records[0]));
    assert_eq!(capsules.count(Filter::new()).await.unwrap(), 1);
    let stats = capsules.stats();
    assert_eq!(
        (stats.accepted, stats.committed, stats.failed, stats.waiting),
        (1, 1, 0, 0)
    );
}
