//! The attribute where the `capsules` crate has another name, or none but a re-export.
#![allow(clippy::unwrap_used, reason = "tests")]

use audit_trail::storage::MemoryStorage;
use audit_trail::{Capsules, Filter, LocalSigner};

mod facade {
    pub(crate) mod prelude {
        pub(crate) use ::audit_trail as trail;
    }
}

#[audit_trail::audit(type = "tool", crate = audit_trail, tenant_from = "tenant")]
fn renamed(tenant: &str) -> Result<usize, std::io::Error> {
    Ok(tenant.len())
}

#[audit_trail::audit(type = "tool", crate = "::audit_trail")]
async fn as_text(text: &str) -> usize {
    text.len()
}

#[facade::prelude::trail::audit(type = "tool", crate = crate::facade::prelude::trail)]
fn reexported(text: &str) -> impl Future<Output = usize> {
    std::future::ready(text.len())
}

#[tokio::test]
async fn the_crate_can_have_another_name() {
    let capsules = Capsules::builder()
        .storage(MemoryStorage::new())
        .signer(LocalSigner::generate().unwrap())
        .build()
        .unwrap();
    let run = async {
        (
            renamed("a").unwrap(),
            as_text("ab").await,
            reexported("abc").await,
        )
    };
    assert_eq!(capsules.scope(run).await, (1, 2, 3));
    let records = capsules.list(Filter::new()).wait().unwrap();
    assert_eq!(records.len(), 3);
}
