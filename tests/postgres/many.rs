//! Many processes, each with many tasks, that record for many tenants.
//!
//! `CAPSULES_CRASH_PROCESSES`, `CAPSULES_CRASH_TASKS` and `CAPSULES_CRASH_CALLS` set the size.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use capsules::{Capsules, Uuid};
use capsules_tests::pgbouncer;
use capsules_tests::postgres::{Server, server};
use capsules_tests::proxy::Proxy;

use crate::support::{assert_same, through, verified};

const TENANTS: usize = 50;

/// More than the full size needs, and less than a hang.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// A number that the environment may set.
fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}

/// Has many processes record at one place, and checks at another what they leave in the database.
/// `meanwhile` is called before they start, and then all the time with how much of it is stored,
/// between 0 and 1.
fn record(url: &str, direct: &str, mut meanwhile: impl FnMut(f64)) {
    let data = capsules_tests::temp_dir();
    // The first to come makes the key and the table, for all.
    Capsules::builder()
        .path(direct)
        .data_dir(data.path())
        .build()
        .unwrap();
    let processes = number("CAPSULES_CRASH_PROCESSES", 8);
    let tasks = number("CAPSULES_CRASH_TASKS", 16);
    let calls = number("CAPSULES_CRASH_CALLS", 10);
    let total = processes * tasks * calls;
    meanwhile(0.0);
    let begun = Instant::now();
    let mut children: Vec<_> = (0..processes)
        .map(|process| {
            let log = data.path().join(format!("log-{process}"));
            start(url, data.path(), &log, [TENANTS, tasks, calls])
        })
        .collect();
    let mut stored = 0.0;
    while children
        .iter_mut()
        .any(|child| child.try_wait().unwrap().is_none())
    {
        assert!(begun.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(20));
        stored = share_stored(direct, total).unwrap_or(stored);
        meanwhile(stored);
    }
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let recorded = begun.elapsed();
    // A process that ends while the store fails leaves its journal to the next one.
    let recovered = retried(|| {
        let builder = Capsules::builder().path(url).data_dir(data.path());
        builder.recover().ok()
    });
    assert!(recovered.failed.is_empty(), "{recovered:?}");
    let mut returned = HashSet::new();
    for process in 0..processes {
        let log = fs::read_to_string(data.path().join(format!("log-{process}"))).unwrap();
        returned.extend(log.lines().map(|line| line.parse::<Uuid>().unwrap()));
    }
    assert_eq!(returned.len(), total);
    assert_same(&verified(direct, data.path()), &returned);
    println!(
        "{total} capsules of {TENANTS} tenants by {processes} processes in {:.0} s, {} of them \
         recovered",
        recorded.as_secs_f64(),
        recovered.accepted
    );
}

/// Keeps everybody from storing anything until it is released, so that nobody has ended before.
struct Held(postgres::Client);

impl Held {
    fn new(mut client: postgres::Client) -> Self {
        let lock = "BEGIN; LOCK TABLE quantumpipes_capsules IN EXCLUSIVE MODE";
        client.batch_execute(lock).unwrap();
        Self(client)
    }

    fn release(mut self) {
        self.0.batch_execute("COMMIT").unwrap();
    }
}

fn start(url: &str, data: &Path, log: &Path, sizes: [usize; 3]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_tenants"))
        .arg(url)
        .args([data, log])
        .args(sizes.map(|size| size.to_string()))
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}

/// How much is stored, unless the server is away.
fn share_stored(direct: &str, total: usize) -> Option<f64> {
    let mut client = postgres::Client::connect(direct, postgres::NoTls).ok()?;
    let count = "SELECT count(*)::float8 FROM quantumpipes_capsules";
    let stored: f64 = client.query_one(count, &[]).ok()?.get(0);
    #[allow(clippy::cast_precision_loss, reason = "a share")]
    Some(stored / total as f64)
}

fn retried<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn many_processes_record_for_many_tenants_and_nothing_is_lost() {
    let Some(server) = server() else { return };
    let url = server.schema();
    record(&url, &url, |_| {});
}

#[test]
fn many_processes_and_a_server_that_is_restarted_without_a_warning() {
    if server().is_none() {
        return;
    }
    let server = Server::start().unwrap();
    let url = server.schema();
    let (mut held, mut restarts) = (None, 0);
    record(&url, &url, |stored| match (&held, restarts) {
        (None, _) => held = Some(Held::new(server.client(&url))),
        (Some(_), 0) => {
            server.restart();
            restarts = 1;
        }
        (Some(_), 1) if stored > 0.4 => {
            server.restart();
            restarts = 2;
        }
        _ => {}
    });
    assert!(restarts > 0);
    println!("{restarts} restarts");
}

#[test]
fn many_processes_and_connections_that_the_server_ends() {
    let Some(server) = server() else { return };
    let url = server.schema();
    let own = format!("{url}&application_name=many_to_be_ended");
    let mut control = server.client(&url);
    // One of all, chosen at random.
    let mut end_one = || -> i64 {
        let end = "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity \
                   WHERE application_name = 'many_to_be_ended' ORDER BY random() LIMIT 1) AS one";
        control.query_one(end, &[]).unwrap().get(0)
    };
    let (mut held, mut ended, mut next) = (None, 0, None);
    record(&own, &url, |stored| {
        if next.is_none() {
            held = Some(Held::new(server.client(&url)));
            next = Some(0.0);
        } else if let Some(held) = held.take() {
            while ended < 5 {
                ended += end_one();
                thread::sleep(Duration::from_millis(10));
            }
            held.release();
        } else if Some(stored) >= next {
            next = Some(stored + 0.01);
            ended += end_one();
        }
    });
    println!("{ended} connections were ended");
}

#[test]
fn many_processes_and_a_network_that_drops_delays_and_half_closes_at_random() {
    let Some(server) = server() else { return };
    let url = server.schema();
    let proxy = Proxy::start(server.port());
    proxy.trouble(5);
    record(&through(&url, proxy.port()), &url, |_| {});
    // The same are chosen in every run; the first of them come early.
    let troubles = proxy.troubles();
    assert!(troubles > 1, "{troubles} troubles");
    println!("{troubles} messages were in trouble");
}

/// Transactions of many clients take turns on a few connections.
#[test]
fn many_processes_through_pgbouncer() {
    let Some(server) = server() else { return };
    let Some(pool) = pgbouncer::start(server.port(), 3) else {
        return;
    };
    // A database of its own: the pool takes no search path from a client.
    server.execute("postgres", "CREATE DATABASE pooled");
    let url = server.url("pooled");
    let mut control = server.client(&url);
    let mut connections = || -> i64 {
        let count = "SELECT count(*) FROM pg_stat_activity \
                     WHERE datname = 'pooled' AND application_name = 'capsules'";
        control.query_one(count, &[]).unwrap().get(0)
    };
    let (mut held, mut most) = (None, None);
    record(&through(&url, pool.port()), &url, |_| match most {
        None => {
            held = Some(Held::new(server.client(&url)));
            most = Some(0);
        }
        Some(before) => {
            let mut now = connections();
            while held.is_some() && now == 0 {
                now = connections();
            }
            if let Some(held) = held.take() {
                held.release();
            }
            most = Some(before.max(now));
        }
    });
    let most = most.unwrap_or_default();
    assert!((1..=3).contains(&most), "{most} connections");
}
