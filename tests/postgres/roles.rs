//! The least that a role needs: one that only appends, and one that only reads.

use capsules::{Capsules, Filter, Storage};
use capsules_postgres::PostgresStorage;
use capsules_tests::postgres::server;

use crate::support::{as_user, verified};

#[capsules::audit(type = "tool", tenant_from = "tenant")]
fn act(tenant: &str) -> usize {
    tenant.len()
}

#[test]
fn a_role_that_may_only_append_records_and_one_that_may_only_read_verifies() {
    let Some(server) = server() else { return };
    let url = server.schema();
    PostgresStorage::open(&url).unwrap();
    let schema = url.rsplit("%3D").next().unwrap();
    let mut owner = server.client(&url);
    owner.batch_execute(documented("roles")).unwrap();
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

    // The same roles, when each session sees one tenant.
    owner
        .batch_execute(documented("row-level security"))
        .unwrap();
    let store = PostgresStorage::open_read_only(&reader).unwrap();
    assert_eq!(store.count(&Filter::new()).unwrap(), 0);
    let acme = format!("{reader}%20-ccapsules.tenant%3Dacme");
    assert_eq!(verified(&acme, data.path()).len(), 10);
    let store = PostgresStorage::open_read_only(&acme).unwrap();
    assert_eq!(store.chains().unwrap(), [Some("acme".to_owned())]);
    assert_eq!(store.head(Some("globex")).unwrap(), None);
    let capsules = Capsules::builder()
        .path(as_user(&url, "capsules_writer"))
        .data_dir(data.path())
        .build()
        .unwrap();
    capsules.scope_sync(|| act("acme"));
    assert_eq!(capsules.count(Filter::new()).wait().unwrap(), 21);
    assert_eq!(verified(&acme, data.path()).len(), 11);
}

#[test]
fn a_table_that_is_partitioned_by_tenant() {
    let Some(server) = server() else { return };
    let url = server.schema();
    let mut client = server.client(&url);
    let version: i32 = client
        .query_one("SELECT current_setting('server_version_num')::int4", &[])
        .unwrap()
        .get(0);
    if version < 150_000 {
        println!("SKIPPED: partitions need PostgreSQL 15, this is {version}");
        return;
    }
    client.batch_execute(documented("partitions")).unwrap();
    let data = capsules_tests::temp_dir();
    let capsules = Capsules::builder()
        .path(&url)
        .data_dir(data.path())
        .build()
        .unwrap();
    capsules.scope_sync(|| {
        for number in 0..100 {
            act(&format!("tenant-{}", number % 10));
            act_for_nobody();
        }
    });
    assert_eq!(capsules.count(Filter::new()).wait().unwrap(), 200);
    assert_eq!(verified(&url, data.path()).len(), 200);
    let used: i64 = client
        .query_one(
            "SELECT count(DISTINCT tableoid) FROM quantumpipes_capsules",
            &[],
        )
        .unwrap()
        .get(0);
    assert!(used > 1, "{used} partitions");

    // Neither a place nor an id is taken twice.
    for twice in [
        "INSERT INTO quantumpipes_capsules SELECT gen_random_uuid()::text, type, sequence, \
         previous_hash, data, hash, signature, signature_pq, signed_at, signed_by, session_id, \
         domain, tenant_id FROM quantumpipes_capsules WHERE tenant_id IS NULL LIMIT 1",
        "INSERT INTO quantumpipes_capsules SELECT id, type, sequence + 1000, previous_hash, data, \
         hash, signature, signature_pq, signed_at, signed_by, session_id, domain, tenant_id \
         FROM quantumpipes_capsules LIMIT 1",
    ] {
        let error = client.batch_execute(twice).unwrap_err();
        let code = error.code().map(postgres::error::SqlState::code);
        assert_eq!(code, Some("23505"), "{error}");
    }
}

#[capsules::audit(type = "tool")]
fn act_for_nobody() {}

/// A block of statements of `docs/SCALING.md`.
pub(crate) fn documented(name: &str) -> &'static str {
    let document = include_str!("../../docs/SCALING.md");
    let opening = format!("```sql {name}\n");
    let (_, rest) = document.split_once(&opening).unwrap();
    rest.split_once("```").unwrap().0
}
