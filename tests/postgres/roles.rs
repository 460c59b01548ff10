//! The least that a role needs: one that only appends, and one that only reads.

use capsules::{Capsules, Filter, Storage};
use capsules_postgres::PostgresStorage;
use capsules_tests::postgres::server;

use crate::support::{as_user, verified};

#[capsules::audit(type = "tool", tenant_from = "tenant")]
fn act(tenant: &str) -> usize {
    tenant.len()
}

/// The statements of `docs/SCALING.md`.
const ROLES: &str = "
    CREATE ROLE capsules_writer LOGIN;
    CREATE ROLE capsules_reader LOGIN;
";

const GRANTS: &str = "
    GRANT SELECT, INSERT ON quantumpipes_capsules TO capsules_writer;
    GRANT SELECT ON quantumpipes_capsules TO capsules_reader;
";

#[test]
fn a_role_that_may_only_append_records_and_one_that_may_only_read_verifies() {
    let Some(server) = server() else { return };
    let url = server.schema();
    PostgresStorage::open(&url).unwrap();
    let schema = url.rsplit("%3D").next().unwrap();
    let mut owner = server.client(&url);
    owner.batch_execute(ROLES).unwrap();
    owner.batch_execute(GRANTS).unwrap();
    owner
        .batch_execute(&format!(
            "GRANT USAGE ON SCHEMA {schema} TO capsules_writer, capsules_reader"
        ))
        .unwrap();

    let data = capsules_tests::temp_dir();
    let capsules = Capsules::builder()
        .path(as_user(&url, "capsules_writer"))
        .data_dir(data.path())
        .build()
        .unwrap();
    capsules.scope_sync(|| {
        for number in 0..20 {
            act(["acme", "globex"][number % 2]);
        }
    });
    assert_eq!(capsules.count(Filter::new()).wait().unwrap(), 20);

    let reader = as_user(&url, "capsules_reader");
    assert_eq!(verified(&reader, data.path()).len(), 20);
    let mut writer = server.client(&as_user(&url, "capsules_writer"));
    for forbidden in [
        "UPDATE quantumpipes_capsules SET data = ''",
        "DELETE FROM quantumpipes_capsules",
        "TRUNCATE quantumpipes_capsules",
        "DROP TABLE quantumpipes_capsules",
    ] {
        assert!(writer.batch_execute(forbidden).is_err(), "{forbidden}");
    }
    let store = PostgresStorage::open(&reader).unwrap();
    let refused = store.append(Some("acme"), &mut |_| Ok(Vec::new()));
    refused.unwrap();
    let capsules = Capsules::builder()
        .storage(store)
        .data_dir(data.path())
        .build()
        .unwrap();
    capsules.scope_sync(|| act("acme"));
    let error = capsules.flush().wait().unwrap_err().to_string();
    assert!(
        error.contains("permission denied") && error.contains("grant"),
        "{error}"
    );
}
