//! A table of many millions of rows: does it matter?

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use capsules::{Filter, Storage, Uuid};
use capsules_postgres::PostgresStorage;
use tempfile::tempdir;

use crate::{open, record, sample, server};

const TENANTS: usize = 50;

/// Rows that look like capsules, of which each tenant has as many; the server makes them without
/// its indexes, which come afterwards.
const FILL: &str = "
INSERT INTO quantumpipes_capsules
SELECT regexp_replace(lpad(to_hex(1600000000000 + n), 12, '0') || '4' || left(md5(n::text), 3)
       || '8' || right(md5(n::text), 15), '(.{8})(.{4})(.{4})(.{4})(.{12})', '\\1-\\2-\\3-\\4-\\5'),
       'tool', n / $TENANTS, repeat('0', 64),
       '{\"n\":' || n || ',\"text\":\"' || repeat('x', 400) || '\"}',
       encode(sha256(n::text::bytea), 'hex'), repeat('0', 128), '', '2026-01-01T00:00:00+00:00',
       '0000000000000000', 'session-' || n / 10, 'agents', 'tenant-' || n % $TENANTS
FROM generate_series(0, $ROWS - 1) AS n";

/// Appending and looking things up, in a small table and in one with so many rows.
pub(crate) fn large(rows: usize) {
    let server = server("wal_level = minimal\nmax_wal_senders = 0\nmaintenance_work_mem = 1GB\n");
    println!("                                          p50 us, in {TENANTS}00 rows and in {rows}");
    let small = measure(&server, 100 * TENANTS);
    let large = measure(&server, rows);
    for ((name, small), (_, large)) in small.into_iter().zip(large) {
        println!("{name:<44} {small:>12.1} {large:>12.1}");
    }
}

fn measure(server: &capsules_tests::postgres::Server, rows: usize) -> Vec<(&'static str, f64)> {
    let url = server.schema();
    let store = PostgresStorage::open(&url).unwrap();
    fill(&mut server.client(&url), rows);
    let tenant = Some("tenant-7");
    let mut figures = Vec::new();
    let mut look = |name, count, run: &mut dyn FnMut()| {
        run();
        figures.push((name, sample(count, run)[0]));
    };
    let first: Uuid = {
        let first = store.list(&Filter::new().oldest_first().limit(1)).unwrap();
        first[0].columns.id.parse().unwrap()
    };
    look("head of a chain", 500, &mut || {
        store.head(tenant).unwrap().unwrap();
    });
    look("one record by its id", 500, &mut || {
        store.get(&first).unwrap().unwrap();
    });
    let page = Filter::new().limit(20);
    let mut list = |name, filter: Filter| {
        look(name, 200, &mut || {
            let found = store.list(&filter).unwrap().len();
            assert_eq!(Some(found as u64), filter.limit);
        });
    };
    list("first page of all", page.clone());
    list("first page of a tenant", page.clone().tenant("tenant-7"));
    list("page in the middle of a tenant", {
        page.clone()
            .tenant("tenant-7")
            .before((rows / TENANTS / 2) as u64)
    });
    list(
        "a session of ten",
        Filter::new().session("session-77").limit(10),
    );
    look("the names of all chains", 50, &mut || {
        assert_eq!(store.chains().unwrap().len(), TENANTS);
    });
    let start = Instant::now();
    let mut seen = 0;
    let mut visit = |_: capsules_core::RecordRef<'_>| {
        seen += 1;
        ControlFlow::Continue(())
    };
    store.scan_ref(tenant, 0, &mut visit).unwrap();
    assert_eq!(seen, rows / TENANTS);
    let each = start.elapsed().as_secs_f64() * 1e6 / seen as f64;
    figures.push(("scan of a tenant's chain, a record", each));
    let start = Instant::now();
    assert_eq!(store.count(&Filter::new()).unwrap(), rows as u64);
    figures.push(("count of all", start.elapsed().as_secs_f64() * 1e6));

    let directory = tempdir().unwrap();
    let capsules = open(&url, directory.path());
    record(&capsules, 5_000, TENANTS);
    figures.push((
        "recording, a capsule",
        1e6 / record(&capsules, 50_000, TENANTS),
    ));
    capsules.close(Duration::from_secs(60)).unwrap();
    figures
}

fn fill(client: &mut postgres::Client, rows: usize) {
    let start = Instant::now();
    let table = "quantumpipes_capsules";
    let indexes = format!(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema AND tablename = '{table}'"
    );
    let indexes: Vec<String> = client
        .query(&indexes, &[])
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    let fill = FILL
        .replace("$TENANTS", &TENANTS.to_string())
        .replace("$ROWS", &rows.to_string());
    // A table that is as new as its rows needs no entries in the write-ahead log.
    client
        .batch_execute(&format!(
            "BEGIN; CREATE TABLE filled (LIKE {table}); DROP TABLE {table}; \
             ALTER TABLE filled RENAME TO {table}; {fill}; {}; COMMIT; ANALYZE; CHECKPOINT",
            indexes.join("; ")
        ))
        .unwrap();
    let size = "SELECT pg_total_relation_size('quantumpipes_capsules') / 1048576";
    let size: i64 = client.query_one(size, &[]).unwrap().get(0);
    println!(
        "{rows} rows of {size} MiB in {:.0} s",
        start.elapsed().as_secs_f64()
    );
}
