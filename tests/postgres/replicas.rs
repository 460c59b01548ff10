//! A replica that can only be read, and one that takes the place of the primary.

use std::thread;
use std::time::{Duration, Instant};

use capsules_core::Storage;
use capsules_postgres::PostgresStorage;
use capsules_tests::postgres::{Server, server};

use crate::errors::{append, assert_says};
use crate::faults::assert_nothing_lost;

/// Calls this until it gives something.
fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// One URL for both servers.
fn either(first: &Server, second: &Server, attributes: &str) -> String {
    format!(
        "postgresql://capsules@127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs={attributes}",
        first.port(),
        second.port()
    )
}

#[test]
fn a_replica_can_be_read_and_says_who_can_be_written() {
    if server().is_none() {
        return;
    }
    let primary = Server::start().unwrap();
    let standby = primary.standby().unwrap();
    let replica = standby.url("postgres");
    assert_says(
        PostgresStorage::open(&replica),
        &[
            &format!("capsules@127.0.0.1:{}/postgres", standby.port()),
            "read-only",
            "target_session_attrs",
        ],
    );
    let store = PostgresStorage::open(&primary.url("postgres")).unwrap();
    append(&store, Some("acme")).unwrap();
    let head = store.head(Some("acme")).unwrap();
    let copy = eventually("the replica does not follow", || {
        let copy = PostgresStorage::open(&replica).ok()?;
        (copy.head(Some("acme")).unwrap() == head).then_some(copy)
    });
    assert_eq!(copy.chains().unwrap(), [Some("acme".to_owned())]);
    assert_says(
        append(&copy, Some("acme")),
        &["cannot write", "read-only", "target_session_attrs"],
    );
    assert_says(
        PostgresStorage::open(&format!("{replica}?target_session_attrs=read-write")),
        &["does not allow writes", "name the primary"],
    );

    let store = PostgresStorage::open(&either(&standby, &primary, "read-write")).unwrap();
    append(&store, Some("acme")).unwrap();
}

/// What the server has acknowledged is on the replica too, as the document advises, so nothing is
/// lost when the replica takes over.
#[test]
fn a_replica_that_is_promoted_goes_on_without_a_loss() {
    if server().is_none() {
        return;
    }
    let primary = Server::start().unwrap();
    let standby = primary.standby().unwrap();
    primary.execute(
        "postgres",
        "ALTER SYSTEM SET synchronous_standby_names = '*'",
    );
    primary.reload();
    let mut control = primary.client(&primary.url("postgres"));
    eventually("the replica is not synchronous", || {
        let synchronous = "SELECT sync_state = 'sync' FROM pg_stat_replication";
        let row = control.query_opt(synchronous, &[]).unwrap()?;
        row.get::<_, bool>(0).then_some(())
    });
    let url = either(&primary, &standby, "read-write");
    assert_nothing_lost(&url, &standby.url("postgres"), || {
        thread::sleep(Duration::from_millis(300));
        primary.stop();
        thread::sleep(Duration::from_millis(100));
        standby.promote();
        thread::sleep(Duration::from_millis(300));
    });
}
