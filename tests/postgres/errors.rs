//! Every way in which a database cannot be used is told with its place and a remedy, and without
//! the password.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use capsules::Capsules;
use capsules_core::{Capsule, CapsuleType, Draft, Position, SealedRecord, Storage, StorageError};
use capsules_postgres::{PostgresOptions, PostgresStorage};
use capsules_tests::postgres::server;
use capsules_tests::proxy::Proxy;

use crate::support::{as_user, through};

const PASSWORD: &str = "s3cr3t-Geheim";

/// Checks that an error names the place and has all of these parts, and not the password.
pub(crate) fn assert_says<T: std::fmt::Debug>(result: Result<T, StorageError>, parts: &[&str]) {
    let text = format!("{0} {0:?}", result.unwrap_err());
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    assert!(!text.contains(PASSWORD), "{text}");
}

#[test]
fn a_database_that_does_not_exist() {
    let Some(server) = server() else { return };
    assert_says(
        PostgresStorage::open(&server.url("nowhere")),
        &[
            "capsules@127.0.0.1",
            "/nowhere",
            "does not exist",
            "createdb",
        ],
    );
}

#[test]
fn a_server_that_does_not_answer() {
    let url = format!("postgresql://me:{PASSWORD}@127.0.0.1:1/audit");
    assert_says(
        PostgresStorage::open(&url),
        &[
            "me@127.0.0.1:1/audit",
            "refused",
            "check that the server runs",
        ],
    );
}

#[test]
fn a_server_that_says_nothing() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("postgresql://me:{PASSWORD}@127.0.0.1:{port}/audit");
    let begun = Instant::now();
    let opened = PostgresOptions::new()
        .connection_timeout(Duration::from_millis(300))
        .open(&url);
    assert_says(
        opened,
        &[
            &format!("me@127.0.0.1:{port}/audit"),
            "did not answer within 300ms",
        ],
    );
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_store_whose_connections_are_all_in_use() {
    let Some(server) = server() else { return };
    // The connection itself has to come in this time as well.
    let store = PostgresOptions::new()
        .max_connections(1)
        .connection_timeout(Duration::from_secs(5))
        .open(&server.schema())
        .unwrap();
    append(&store, None).unwrap();
    let mut seen = 0;
    let mut visit = |_| {
        seen += 1;
        assert_says(store.head(None), &["no connection was free", "allow more"]);
        ControlFlow::Continue(())
    };
    store.scan(None, 0, &mut visit).unwrap();
    assert_eq!(seen, 1);
}

#[test]
fn a_wrong_password() {
    let Some(server) = server() else { return };
    server.execute(
        "postgres",
        "CREATE ROLE guarded_w LOGIN PASSWORD 'another'; GRANT guarded TO guarded_w",
    );
    let url = server.url("postgres");
    assert_says(
        PostgresStorage::open(&as_user(&url, &format!("guarded_w:{PASSWORD}"))),
        &["guarded_w@127.0.0.1", "password", "PGPASSWORD"],
    );
}

#[test]
fn a_password_that_is_right() {
    let Some(server) = server() else { return };
    server.execute(
        "postgres",
        &format!(
            "CREATE ROLE guarded_r LOGIN PASSWORD '{PASSWORD}'; GRANT guarded TO guarded_r; \
             CREATE SCHEMA guarded_r AUTHORIZATION guarded_r"
        ),
    );
    let url = as_user(&server.url("postgres"), &format!("guarded_r:{PASSWORD}"));
    let store = PostgresStorage::open(&url).unwrap();
    assert!(!format!("{store:?}").contains(PASSWORD));
    assert!(!store.location().contains(PASSWORD));
}

#[test]
fn a_role_that_may_make_no_table() {
    let Some(server) = server() else { return };
    let url = server.schema();
    server.execute("postgres", "CREATE ROLE powerless LOGIN");
    assert_says(
        PostgresStorage::open(&as_user(&url, "powerless")),
        &["powerless@127.0.0.1", "grant"],
    );
}

#[test]
fn a_database_that_is_read_only() {
    let Some(server) = server() else { return };
    let url = server.schema();
    PostgresStorage::open(&url).unwrap();
    let url = format!("{url}%20-cdefault_transaction_read_only%3Don");
    let store = PostgresStorage::open(&url).unwrap();
    assert_says(append(&store, None), &["read-only", "target_session_attrs"]);
    assert_eq!(store.head(None).unwrap(), None);
}

#[test]
fn a_store_that_was_opened_for_reading() {
    let Some(server) = server() else { return };
    let url = server.schema();
    assert_says(
        PostgresStorage::open_read_only(&url),
        &["no table quantumpipes_capsules"],
    );
    PostgresStorage::open(&url).unwrap();
    let store = PostgresStorage::open_read_only(&url).unwrap();
    assert_says(append(&store, None), &["opened read-only"]);
}

#[test]
fn a_table_of_another_application() {
    let Some(server) = server() else { return };
    let url = server.schema();
    server
        .client(&url)
        .batch_execute("CREATE TABLE quantumpipes_capsules (id TEXT, sequence INT)")
        .unwrap();
    assert_says(
        PostgresStorage::open(&url),
        &[
            "lacks the columns type, previous_hash",
            "another application",
        ],
    );
}

#[test]
fn a_host_that_is_not_there_costs_no_more_than_its_turn() {
    let Some(server) = server() else { return };
    let url = through(&server.schema(), server.port());
    let (before, after) = url.split_once('@').unwrap();
    let url = format!("{before}@127.0.0.1:1,{after}&target_session_attrs=read-write");
    let store = PostgresStorage::open(&url).unwrap();
    append(&store, None).unwrap();
}

#[test]
fn a_url_that_cannot_be_read() {
    for url in [
        format!("postgresql://me:{PASSWORD}@db/audit?sslmode=perhaps"),
        format!("postgresql://me:{PASSWORD}@db/audit?sslcert=a.pem"),
        format!("postgresql://me:{PASSWORD}@db/audit?unknown={PASSWORD}"),
        format!("postgresql://me:{PASSWORD}@db:port/audit"),
    ] {
        assert_says(PostgresStorage::open(&url), &["cannot open"]);
    }
    assert_says(
        PostgresStorage::open(
            "postgresql://me@localhost/x?sslmode=verify-ca&sslrootcert=/none.pem",
        ),
        &["/none.pem cannot be used"],
    );
}

#[test]
fn a_server_that_is_too_old() {
    let Some(server) = server() else { return };
    let url = server.schema();
    let version: i32 = server
        .client(&url)
        .query_one("SELECT current_setting('server_version_num')::int4", &[])
        .unwrap()
        .get(0);
    let proxy = Proxy::start(server.port());
    proxy.rewrite(&version.to_be_bytes(), &110_022_i32.to_be_bytes());
    let url = through(&url, proxy.port());
    assert_says(
        PostgresStorage::open(&url),
        &[
            &format!("capsules@127.0.0.1:{}/postgres", proxy.port()),
            "the server is PostgreSQL 11; version 12 or later is needed",
        ],
    );
}

pub(crate) fn append(store: &PostgresStorage, tenant: Option<&str>) -> Result<(), StorageError> {
    let draft = Draft::new(&Capsule::new(CapsuleType::Tool)).unwrap();
    store.append(tenant, &mut |head| {
        let position = Position::after(head);
        Ok(vec![SealedRecord {
            hash: format!("{:064x}", position.sequence),
            content: draft.link(&position),
            signature: String::new(),
            signature_pq: String::new(),
            signed_at: None,
            signed_by: None,
            columns: draft.columns(&position),
        }])
    })
}

/// Another implementation's table holds 36 characters of a tenant. A capsule that does not fit is
/// lost, which is put on record; those after it are not.
#[test]
fn a_record_that_the_table_cannot_hold_keeps_no_other_from_being_stored() {
    let Some(server) = server() else { return };
    let url = server.schema();
    PostgresStorage::open(&url).unwrap();
    let narrow = "ALTER TABLE quantumpipes_capsules ALTER COLUMN tenant_id TYPE VARCHAR(36)";
    server.client(&url).batch_execute(narrow).unwrap();
    let data = capsules_tests::temp_dir();
    let capsules = Capsules::builder()
        .path(&url)
        .data_dir(data.path())
        .build()
        .unwrap();
    capsules.scope_sync(|| {
        for tenant in ["before", &"x".repeat(37), "with a \0", "after"] {
            act(tenant);
        }
    });
    capsules.flush().wait().unwrap();
    let stats = capsules.stats();
    assert_eq!(stats.failed, 2, "{stats:?}");
    let error = stats.last_error.unwrap_or_default();
    assert!(error.contains("tenant_id has"), "{error}");
    let chains = PostgresStorage::open(&url).unwrap().chains().unwrap();
    let tenants: Vec<_> = chains.iter().map(Option::as_deref).collect();
    assert_eq!(tenants, [None, Some("after"), Some("before")]);
    let gaps = capsules.list(capsules::Filter::new().domain("capsules"));
    let summaries: Vec<_> = gaps
        .wait()
        .unwrap()
        .iter()
        .map(|record| record.capsule().unwrap().outcome.summary)
        .collect();
    assert!(
        summaries
            .iter()
            .all(|text| text.contains("refused by the store")),
        "{summaries:?}"
    );
    assert!(!summaries.is_empty());
    capsules.close(Duration::from_secs(10)).unwrap();
    assert_eq!(
        crate::support::verified(&url, data.path()).len(),
        2 + summaries.len()
    );

    // Widened, it takes what it refused.
    let wide = "ALTER TABLE quantumpipes_capsules ALTER COLUMN tenant_id TYPE TEXT";
    server.client(&url).batch_execute(wide).unwrap();
    append(&PostgresStorage::open(&url).unwrap(), Some(&"x".repeat(37))).unwrap();
}

#[capsules::audit(type = "tool", tenant_from = "tenant")]
fn act(tenant: &str) -> usize {
    tenant.len()
}
