//! A server that is not there when an application starts.

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use capsules::storage::MemoryStorage;
use capsules::{Capsules, Error, Filter, Storage, StorageError, Uuid};
use capsules_tests::pgbouncer;
use capsules_tests::postgres::{Server, server};
use capsules_tests::proxy::Proxy;

use crate::support::{as_user, through, verified};

#[capsules::audit(type = "tool", tenant_from = "tenant")]
fn act(tenant: Option<&str>) -> Uuid {
    let _ = tenant;
    capsules::current().id().unwrap_or_default()
}

/// Less than a store waits for a connection that it needs.
const NOT_PATIENT: Duration = Duration::from_secs(25);

fn open(url: &str, data: &std::path::Path) -> Result<Capsules, Error> {
    Capsules::builder().path(url).data_dir(data).build()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The ids of a chain, in its order.
fn chain(capsules: &Capsules, tenant: Option<&str>) -> Vec<String> {
    let filter = Filter::new().oldest_first();
    let filter = match tenant {
        Some(tenant) => filter.tenant(tenant),
        None => filter.without_tenant(),
    };
    let records = capsules.list(filter).wait().unwrap();
    records.into_iter().map(|one| one.columns.id).collect()
}

#[test]
fn an_application_starts_and_records_before_its_server_does() {
    if server().is_none() {
        return;
    }
    let server = Server::start().unwrap();
    let (url, data) = (server.schema(), capsules_tests::temp_dir());
    server.stop();
    let begun = Instant::now();
    let capsules = open(&url, data.path()).unwrap();
    assert!(begun.elapsed() < NOT_PATIENT);

    // Who does not want that can tell, and the statistics say it before the first call.
    let error = capsules.storage().prepare().unwrap_err();
    assert!(matches!(error, StorageError::Unreachable { .. }), "{error}");
    eventually("the failure is not told", || {
        capsules.stats().store_errors > 0
    });
    let error = capsules.stats().last_error.unwrap_or_default();
    let place = format!("capsules@127.0.0.1:{}/postgres", server.port());
    for part in [place.as_str(), "check that the server runs"] {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }

    let tenants = [None, Some("acme")];
    let ids: Vec<_> = (0..200)
        .map(|call| capsules.scope_sync(|| act(tenants[call % 2])).to_string())
        .collect();
    assert_eq!(capsules.stats().waiting, 200);
    let flushed = capsules.flush_timeout(Duration::from_secs(10));
    assert!(matches!(flushed, Err(Error::TimedOut { waiting: 200 })));
    assert!(capsules.count(Filter::new()).wait().is_err());

    server.restart();
    eventually("it does not go on", || {
        capsules.flush_timeout(Duration::from_secs(1)).is_ok()
    });
    for (number, tenant) in tenants.into_iter().enumerate() {
        let own: Vec<_> = ids.iter().skip(number).step_by(2).cloned().collect();
        assert_eq!(chain(&capsules, tenant), own, "{tenant:?}");
    }
    let stats = capsules.stats();
    assert_eq!((stats.waiting, stats.failed, stats.dropped), (0, 0, 0));
    assert_eq!(verified(&url, data.path()).len(), 200);
}

/// The next process does not have to call anything for that.
#[test]
fn what_a_process_recorded_that_never_saw_its_server_is_recovered() {
    if server().is_none() {
        return;
    }
    let server = Server::start().unwrap();
    let (url, data) = (server.schema(), capsules_tests::temp_dir());
    server.stop();
    let log = data.path().join("log");
    let mut child = Command::new(env!("CARGO_BIN_EXE_tenants"))
        .arg(&url)
        .args([data.path(), &log])
        .args(["3", "2", "1000"])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let returned = || -> HashSet<Uuid> {
        let log = fs::read_to_string(&log).unwrap_or_default();
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| line.parse().unwrap()).collect()
    };
    // As many as its queue takes.
    eventually("it makes no calls", || returned().len() >= 64);
    child.kill().unwrap();
    child.wait().unwrap();

    // This one finds no server either, and waits for it.
    let capsules = open(&url, data.path()).unwrap();
    eventually("the failure is not told", || {
        capsules.stats().store_errors > 1
    });
    server.restart();
    let returned = returned();
    eventually("nothing is recovered", || {
        capsules.stats().recovered >= returned.len() as u64
    });
    assert!(capsules.flush_timeout(Duration::from_secs(10)).is_ok());
    let stored = verified(&url, data.path());
    assert!(returned.is_subset(&stored), "{:?}", capsules.stats());
}

/// What waiting cannot cure is told at once.
#[test]
fn errors_that_somebody_has_to_correct() {
    let Some(server) = server() else { return };
    server.execute(
        "postgres",
        "CREATE ROLE guarded_b LOGIN PASSWORD 'another'; GRANT guarded TO guarded_b; \
         CREATE ROLE powerless_b LOGIN",
    );
    let (url, data) = (server.schema(), capsules_tests::temp_dir());
    for (url, part) in [
        (server.url("nowhere"), "createdb"),
        (as_user(&url, "guarded_b:wrong"), "PGPASSWORD"),
        (
            as_user(&url, "nobody_b"),
            "role \"nobody_b\" does not exist",
        ),
        (as_user(&url, "powerless_b"), "grant the role"),
        (format!("{url}&sslmode=require"), "switch TLS on"),
        (
            "postgresql://me@127.0.0.1:1/x?sslmode=maybe".to_owned(),
            "sslmode is `maybe`",
        ),
    ] {
        let error = open(&url, data.path()).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

/// A server whose only answer is this error.
fn refusing(state: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let fields = format!("SFATAL\0VFATAL\0C{state}\0Mno\0\0");
            let length = u32::try_from(fields.len() + 4).unwrap();
            let answer = [b"E", &length.to_be_bytes()[..], fields.as_bytes()].concat();
            let _ = client.read(&mut [0; 1024]);
            let _ = client.write_all(&answer);
        }
    });
    port
}

#[test]
fn servers_that_may_come() {
    let data = capsules_tests::temp_dir();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().port();
    for (place, may_come) in [
        ("127.0.0.1:1".to_owned(), true),
        ("no-such-host.invalid".to_owned(), true),
        ("%2Fno%2Fsuch%2Fdirectory".to_owned(), true),
        (format!("127.0.0.1:{silent}"), true),
        // It starts, has as many clients as it takes, is cut off, is shut down.
        (format!("127.0.0.1:{}", refusing("57P03")), true),
        (format!("127.0.0.1:{}", refusing("53300")), true),
        (format!("127.0.0.1:{}", refusing("08006")), true),
        (format!("127.0.0.1:{}", refusing("57P01")), true),
        (format!("127.0.0.1:{}", refusing("28P01")), false),
        (format!("127.0.0.1:{}", refusing("3D000")), false),
        (format!("127.0.0.1:{}", refusing("28000")), false),
        (format!("127.0.0.1:{}", refusing("42501")), false),
    ] {
        let url = format!("postgresql://me@{place}/audit?sslmode=disable");
        let begun = Instant::now();
        let opened = open(&url, data.path());
        assert_eq!(opened.is_ok(), may_come, "{place}: {opened:?}");
        assert!(begun.elapsed() < NOT_PATIENT, "{place}");
    }
}

/// A proxy is there, and the server behind it is not.
#[test]
fn a_server_behind_a_proxy() {
    if server().is_none() {
        return;
    }
    let server = Server::start().unwrap();
    let Some(pool) = pgbouncer::start(server.port(), 3) else {
        return;
    };
    let (url, data) = (server.url("postgres"), capsules_tests::temp_dir());
    server.stop();
    let pooled = through(&url, pool.port());
    // The proxy knows its own mind about this one.
    let error = open(&format!("{pooled}?options=-cgeqo%3Doff"), data.path()).map(|_| ());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("startup parameter"), "{error}");
    let capsules = open(&pooled, data.path()).unwrap();
    let id = capsules.scope_sync(|| act(Some("acme")));
    server.restart();
    eventually("it does not go on", || {
        capsules.flush_timeout(Duration::from_secs(1)).is_ok()
    });
    assert_eq!(verified(&url, data.path()), HashSet::from([id]));
}

/// Recovering takes a few statements for a thousand capsules.
#[test]
fn a_recovery_takes_few_statements() {
    let Some(server) = server() else { return };
    let (url, data) = (server.schema(), capsules_tests::temp_dir());
    let proxy = Proxy::start(server.port());
    let url = through(&url, proxy.port());
    let journals = capsules_tests::temp_dir();
    let instance = |storage: MemoryStorage| {
        let builder = Capsules::builder().storage(storage).data_dir(data.path());
        builder.journals(journals.path()).build().unwrap()
    };
    let closed = MemoryStorage::new();
    closed.close().unwrap();
    let capsules = instance(closed);
    for _ in 0..500 {
        capsules.scope_sync(|| act(Some("acme")));
    }
    capsules.close(Duration::from_secs(1)).unwrap_err();
    let before = proxy.statements();
    let builder = Capsules::builder().path(&url).data_dir(data.path());
    let recovered = builder.journals(journals.path()).recover().unwrap();
    assert_eq!(recovered.accepted, 500);
    let statements = proxy.statements() - before;
    assert!(statements < 30, "{statements} statements");
}
