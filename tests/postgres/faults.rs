//! A network and a server that fail: nothing is lost, and nothing is stored twice.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use capsules::{Capsules, Filter, Uuid};
use capsules_tests::postgres::{Server, server};
use capsules_tests::proxy::{Fault, Proxy};

use crate::support::{assert_same, through, verified};

#[capsules::audit(type = "tool", tenant_from = "tenant")]
fn act(tenant: Option<&str>) -> Uuid {
    let _ = tenant;
    capsules::current().id().unwrap_or_default()
}

const TENANTS: [Option<&str>; 4] = [None, Some("acme"), Some("globex"), Some("initech")];

/// Records from a few threads until `meanwhile`, which makes trouble, has returned, and checks what
/// is in the database then.
pub(crate) fn assert_nothing_lost(url: &str, direct: &str, meanwhile: impl FnOnce()) {
    let data = capsules_tests::temp_dir();
    let capsules = Capsules::builder()
        .path(url)
        .data_dir(data.path())
        .build()
        .unwrap();
    let (over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let record = |number: usize| {
        let mut ids = Vec::new();
        while !over.load(Ordering::SeqCst) {
            let tenant = TENANTS[(number + ids.len()) % TENANTS.len()];
            ids.push(capsules.scope_sync(|| act(tenant)));
            count.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(1));
        }
        ids
    };
    let returned: HashSet<Uuid> = thread::scope(|scope| {
        let record = &record;
        let threads = [0, 1, 2, 3].map(|number| scope.spawn(move || record(number)));
        meanwhile();
        while count.load(Ordering::SeqCst) < 100 {
            thread::sleep(Duration::from_millis(1));
        }
        over.store(true, Ordering::SeqCst);
        let ids = threads.map(|thread| thread.join().unwrap());
        ids.into_iter().flatten().collect()
    });
    wait_until_stored(&capsules);
    assert_same(&verified(direct, data.path()), &returned);
}

/// To the server the disk is full when a file cannot grow any more.
#[test]
fn a_disk_that_is_full_for_a_while() {
    if server().is_none() {
        return;
    }
    let server = Server::with_files_up_to(6_145).unwrap();
    let data = capsules_tests::temp_dir();
    let url = server.schema();
    let capsules = Capsules::builder()
        .path(&url)
        .data_dir(data.path())
        .build()
        .unwrap();
    let mut returned = HashSet::new();
    let deadline = Instant::now() + Duration::from_secs(120);
    let error = loop {
        returned.extend((0..500).map(|_| capsules.scope_sync(|| act(Some("acme")))));
        match capsules.flush().wait() {
            Err(error) => break error.to_string(),
            Ok(()) => assert!(Instant::now() < deadline, "the disk is never full"),
        }
    };
    for part in [
        "capsules@127.0.0.1",
        "/postgres",
        "SQLSTATE 53100",
        "free some space",
    ] {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
    // What was there can be read, and what comes is kept until there is space.
    assert!(capsules.count(Filter::new()).wait().unwrap() > 1_000);
    returned.insert(capsules.scope_sync(|| act(Some("acme"))));
    server.restart();
    wait_until_stored(&capsules);
    assert_same(&verified(&url, data.path()), &returned);
}

/// A batch that failed is tried again until the server takes it.
fn wait_until_stored(capsules: &Capsules) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while capsules.flush_timeout(Duration::from_secs(1)).is_err() {
        assert!(Instant::now() < deadline, "{:?}", capsules.stats());
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_network_that_drops_delays_and_half_closes_at_random() {
    let Some(server) = server() else { return };
    let url = server.schema();
    let proxy = Proxy::start(server.port());
    assert_nothing_lost(&through(&url, proxy.port()), &url, || {
        proxy.trouble(30);
        thread::sleep(Duration::from_secs(3));
        proxy.trouble(0);
    });
}

#[test]
fn connections_that_the_server_ends() {
    let Some(server) = server() else { return };
    let url = server.schema();
    let own = format!("{url}&application_name=to_be_ended");
    let mut control = server.client(&url);
    assert_nothing_lost(&own, &url, || {
        for _ in 0..50 {
            control
                .batch_execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE application_name = 'to_be_ended'",
                )
                .unwrap();
            thread::sleep(Duration::from_millis(20));
        }
    });
}

#[test]
fn a_server_that_is_restarted_without_a_warning() {
    if server().is_none() {
        return;
    }
    let server = Server::start().unwrap();
    let url = server.schema();
    assert_nothing_lost(&url, &url, || {
        for _ in 0..2 {
            thread::sleep(Duration::from_millis(100));
            server.restart();
        }
    });
}

/// Every statement of a scenario fails once before the server hears of it.
#[test]
fn every_statement_is_lost_once() {
    every_statement_fails_once(Fault::Before);
}

/// Every statement fails once after it has taken effect.
#[test]
fn every_answer_is_lost_once() {
    every_statement_fails_once(Fault::After);
}

fn every_statement_fails_once(fault: fn(u64) -> Fault) {
    let Some(server) = server() else { return };
    let mut number = 1;
    while fails_at(server, fault(number)) {
        number += 1;
    }
    // Preparing the table and one transaction have more than this.
    assert!(number > 10, "{number} statements");
}

/// Runs the scenario with a fault, and says whether the fault was met.
fn fails_at(server: &Server, fault: Fault) -> bool {
    let url = server.schema();
    let proxy = Proxy::start(server.port());
    let data = capsules_tests::temp_dir();
    proxy.fail(fault);
    let open = || {
        Capsules::builder()
            .path(through(&url, proxy.port()))
            .data_dir(data.path())
            .build()
    };
    let capsules = match open() {
        Ok(capsules) => capsules,
        Err(error) => {
            assert!(proxy.has_failed(), "{fault:?}: {error}");
            open().unwrap()
        }
    };
    let mut ids = HashSet::new();
    capsules.scope_sync(|| {
        for _ in 0..2 {
            for tenant in TENANTS {
                ids.insert(act(tenant));
            }
            wait_until_stored(&capsules);
        }
    });
    assert_eq!(verified(&url, data.path()), ids, "{fault:?}");
    proxy.has_failed()
}
