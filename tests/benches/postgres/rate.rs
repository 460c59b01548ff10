//! Recording, and reading what was recorded.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::mem;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use capsules::verify::Level;
use capsules::{Capsules, Filter, SealedRecord, Storage};
use capsules_core::Head;
use capsules_postgres::PostgresStorage;
use capsules_tests::python;
use postgres::types::ToSql;
use tempfile::tempdir;

use crate::{open, percentiles, record, server};

/// As many as one transaction of the recorder takes.
const BATCH: usize = 1_024;

/// The sustained rate, from the audited call to the commit, and that of a bare multi-row INSERT of
/// the rows that came of it, into an equal table.
pub(crate) fn rate(count: usize) {
    let server = server("");
    println!("capsules/s, {count} capsules: bare INSERT, store alone, recorded; SQLite");
    for tenants in [1, 10, 50] {
        let directory = tempdir().unwrap();
        let url = server.schema();
        let capsules = open(&url, directory.path());
        record(&capsules, count / 20, tenants);
        let ours = record(&capsules, count, tenants);
        capsules.close(Duration::from_secs(60)).unwrap();
        let mut client = server.client(&url);
        let batches = "SELECT count(*) / count(DISTINCT xmin::text) FROM quantumpipes_capsules";
        let batch: i64 = client.query_one(batches, &[]).unwrap().get(0);
        let store = PostgresStorage::open_read_only(&url).unwrap();
        let records = store.list(&Filter::new().oldest_first()).unwrap();
        client.batch_execute("CHECKPOINT").unwrap();
        let copy = server.schema();
        let store = PostgresStorage::open(&copy).unwrap();
        let alone = append(&store, &records);
        client.batch_execute("CHECKPOINT").unwrap();
        let copy = server.schema();
        drop(PostgresStorage::open(&copy).unwrap());
        let bare = insert(&mut server.client(&copy), &records);
        client.batch_execute("CHECKPOINT").unwrap();
        let sqlite = open(directory.path().join("bench.db"), directory.path());
        let file = record(&sqlite, count, tenants);
        sqlite.close(Duration::from_secs(60)).unwrap();
        println!(
            "{tenants:>3} tenants: {bare:>9.0}, {alone:>9.0} ({:.0} %), {ours:>9.0} ({:.0} %, \
             {batch} a transaction); {file:>9.0}",
            100.0 * alone / bare,
            100.0 * ours / bare,
        );
    }
}

/// Records per second of the store's own part: appending what is sealed, in batches as large as
/// the recorder's.
fn append(store: &PostgresStorage, records: &[SealedRecord]) -> f64 {
    let batches: Vec<BTreeMap<_, Vec<_>>> = records
        .chunks(BATCH)
        .map(|batch| {
            let mut chains = BTreeMap::<_, Vec<_>>::new();
            for record in batch {
                let tenant = record.columns.tenant_id.as_deref();
                chains.entry(tenant).or_default().push(record.clone());
            }
            chains
        })
        .collect();
    let start = Instant::now();
    for batch in batches {
        let (names, mut chains): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let mut next = |number: usize, _: Option<&Head>| Ok(mem::take(&mut chains[number]));
        store.append_all(&names, &mut next).unwrap();
    }
    records.len() as f64 / start.elapsed().as_secs_f64()
}

/// Rows per second of a multi-row INSERT, prepared once, in transactions as large as the
/// recorder's.
fn insert(client: &mut postgres::Client, records: &[SealedRecord]) -> f64 {
    let rows: Vec<String> = (0..BATCH)
        .map(|row| {
            let places: Vec<String> = (1..=13)
                .map(|column| format!("${}", row * 13 + column))
                .collect();
            format!("({})", places.join(", "))
        })
        .collect();
    let insert = client
        .prepare(&format!(
            "INSERT INTO quantumpipes_capsules (id, type, sequence, previous_hash, data, hash, \
             signature, signature_pq, signed_at, signed_by, session_id, domain, tenant_id) \
             VALUES {}",
            rows.join(", ")
        ))
        .unwrap();
    let batches: Vec<_> = records.chunks_exact(BATCH).collect();
    let start = Instant::now();
    for batch in &batches {
        let values: Vec<&(dyn ToSql + Sync)> = batch
            .iter()
            .flat_map(|record| {
                let columns = &record.columns;
                [
                    &columns.id as &(dyn ToSql + Sync),
                    &columns.kind,
                    &columns.sequence,
                    &columns.previous_hash,
                    &record.content,
                    &record.hash,
                    &record.signature,
                    &record.signature_pq,
                    &record.signed_at,
                    &record.signed_by,
                    &columns.session_id,
                    &columns.domain,
                    &columns.tenant_id,
                ]
            })
            .collect();
        client.execute(&insert, &values).unwrap();
    }
    (batches.len() * BATCH) as f64 / start.elapsed().as_secs_f64()
}

const SCRIPT: &str = include_str!("append.py");

/// The Python package's store with as many tasks, for as many tenants.
pub(crate) fn python(count: usize) {
    let server = server("");
    println!("capsules/s                    recorded    Python's store    times as many");
    for tenants in [1, 10, 50] {
        let directory = tempdir().unwrap();
        let name = format!("python_{tenants}");
        server.execute("postgres", &format!("CREATE DATABASE {name}"));
        let arguments = [
            server.url(&name),
            count.to_string(),
            crate::TASKS.to_string(),
            tenants.to_string(),
        ];
        let keys = [("QUANTUMPIPES_DATA_DIR", directory.path().as_os_str())];
        let said = python::run(SCRIPT, &arguments, &keys);
        let said = String::from_utf8(said.stdout).unwrap();
        let mut words = said.split_whitespace();
        let mut next = || words.next().unwrap().parse::<f64>().unwrap();
        let (theirs, lost) = (next(), next());
        let capsules = open(server.schema(), directory.path());
        let ours = record(&capsules, count * 10, tenants);
        capsules.close(Duration::from_secs(60)).unwrap();
        println!(
            "{tenants:>3} tenants                  {ours:>9.0}         {theirs:>9.0}    {:>9.1}   \
             (Python gave up {lost:.0} of {count})",
            ours / theirs
        );
    }
}

/// What a call costs its caller, with PostgreSQL and with SQLite in turns.
pub(crate) fn calls(count: usize) {
    let server = server("");
    let directory = tempdir().unwrap();
    let stores = [
        ("PostgreSQL", open(server.schema(), directory.path())),
        (
            "SQLite",
            open(directory.path().join("bench.db"), directory.path()),
        ),
    ];
    let mut times = [const { Vec::new() }; 2];
    for round in 0..count / 100 {
        for (number, (_, capsules)) in stores.iter().enumerate() {
            let some = called(capsules, 100);
            if round > 0 {
                times[number].extend(some);
            }
        }
    }
    println!("caller's overhead, us              p50       p99");
    for ((name, _), times) in stores.iter().zip(times) {
        let [p50, p99] = percentiles(times);
        println!("{name:<28} {p50:>9.2} {p99:>9.2}");
    }
}

/// Calls that leave the recorder time to follow, as in a program that does something else too.
fn called(capsules: &Capsules, count: usize) -> Vec<Duration> {
    let call = || {
        let start = Instant::now();
        black_box(plain("compare the reports", "acme"));
        let elapsed = start.elapsed();
        while start.elapsed() < Duration::from_micros(200) {
            std::hint::spin_loop();
        }
        elapsed
    };
    capsules.scope_sync(|| (0..count).map(|_| call()).collect())
}

#[capsules::audit(type = "agent", tenant_from = "tenant")]
fn plain(task: &str, tenant: &str) -> usize {
    capsules::current().analysis(crate::ANALYSIS);
    task.len() + tenant.len()
}

/// Scanning one chain, bare and as the store does, and verifying it.
pub(crate) fn read(count: usize) {
    let server = server("");
    let directory = tempdir().unwrap();
    let url = server.schema();
    let capsules = open(&url, directory.path());
    record(&capsules, count, 1);
    println!("records/s, one chain of {count}");
    let rate = |name: &str, run: &mut dyn FnMut()| {
        run();
        let start = Instant::now();
        run();
        let rate = count as f64 / start.elapsed().as_secs_f64();
        println!("{name:<44} {rate:>9.0}");
    };
    let store = PostgresStorage::open_read_only(&url).unwrap();
    let mut client = server.client(&url);
    rate("a bare SELECT of the columns, in one piece", &mut || {
        let all = "SELECT * FROM quantumpipes_capsules ORDER BY tenant_id, sequence";
        assert!(black_box(client.query(all, &[]).unwrap()).len() >= count);
    });
    rate("scan", &mut || {
        let mut seen = 0;
        let mut visit = |record: capsules_core::RecordRef<'_>| {
            black_box(record);
            seen += 1;
            ControlFlow::Continue(())
        };
        store.scan_ref(Some("tenant-0"), 0, &mut visit).unwrap();
        assert_eq!(seen, count);
    });
    for level in [Level::Structural, Level::Full, Level::Signatures] {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        rate(
            &format!("verify, {level:?}, {threads} threads"),
            &mut || {
                let report = capsules.verify(level).wait().unwrap();
                assert!(report.valid());
            },
        );
    }
}
