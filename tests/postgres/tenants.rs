//! Chains of tenants do not mix, and each is seen by itself.

use capsules::verify::Level;
use capsules::{Capsules, Filter};
use capsules_tests::postgres::server;

#[capsules::audit(type = "tool", tenant_from = "tenant")]
fn act(tenant: Option<&str>) -> usize {
    tenant.map_or(0, str::len)
}

fn recorded(url: &str, data: &std::path::Path) -> Capsules {
    let capsules = Capsules::builder()
        .path(url)
        .data_dir(data)
        .build()
        .unwrap();
    capsules.scope_sync(|| {
        for tenant in [None, Some("acme"), Some("globex"), Some("acme")] {
            act(tenant);
        }
    });
    capsules
}

#[test]
fn a_tenants_handle_gives_what_is_the_tenants_and_nothing_else() {
    let Some(server) = server() else { return };
    let data = capsules_tests::temp_dir();
    let capsules = recorded(&server.schema(), data.path());
    let all = capsules.list(Filter::new()).wait().unwrap();
    assert_eq!(all.len(), 4);
    let acme = capsules.tenant("acme");
    let own = acme.list(Filter::new()).wait().unwrap();
    let sequences: Vec<_> = own.iter().map(|record| record.columns.sequence).collect();
    assert_eq!(sequences, [1, 0]);
    assert_eq!(
        acme.list(Filter::new().tenant("globex")).wait().unwrap(),
        []
    );
    assert_eq!(
        acme.count(Filter::new().tenant("globex")).wait().unwrap(),
        0
    );
    assert_eq!(acme.count(Filter::new()).wait().unwrap(), 2);
    for record in all {
        let id = record.columns.id.parse().unwrap();
        let found = acme.get(id).wait().unwrap();
        assert_eq!(
            found.is_some(),
            record.columns.tenant_id.as_deref() == Some("acme")
        );
    }
    let report = acme.verify(Level::Signatures).wait().unwrap();
    assert!(report.valid());
    assert_eq!(report.capsules_verified, 2);
}

#[test]
fn a_verification_looks_at_every_tenants_chain() {
    let Some(server) = server() else { return };
    let data = capsules_tests::temp_dir();
    let url = server.schema();
    let capsules = recorded(&url, data.path());
    let report = capsules.verify(Level::Signatures).wait().unwrap();
    assert!(report.valid(), "{report:#?}");
    assert_eq!(report.capsules_verified, 4);

    let tamper = "UPDATE quantumpipes_capsules SET data = replace(data, 'agents', 'agentS') \
                  WHERE tenant_id = 'globex'";
    server.client(&url).batch_execute(tamper).unwrap();
    let report = capsules.verify(Level::Full).wait().unwrap();
    assert!(!report.valid());
    let acme = capsules.tenant("acme").verify(Level::Full).wait().unwrap();
    assert!(acme.valid());

    // A record that was moved to another tenant's chain names the one that it was sealed for.
    let undo = "UPDATE quantumpipes_capsules SET data = replace(data, 'agentS', 'agents'), \
                tenant_id = 'initech' WHERE tenant_id = 'globex'";
    server.client(&url).batch_execute(undo).unwrap();
    let report = capsules.verify(Level::Full).wait().unwrap();
    assert!(!report.valid());
}
