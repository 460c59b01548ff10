//! Databases of one side, verified and read by the other.

use std::collections::BTreeMap;
use std::task::{Context, Waker};
use std::time::Duration;

use capsules::Capsules;
use capsules_core::OutcomeStatus::{Failure, Partial, Success};
use capsules_core::storage::Storage;
use capsules_core::{CapsuleType, Filter};
use capsules_tests::python;
use rusqlite::Connection;
use serde_json::Value;

use crate::records::{self, SESSION};
use crate::support::{Shared, WRITE};

const READ: &str = include_str!("python/read.py");

#[test]
fn ours_verify_there_and_read_the_same() {
    let Some(shared) = Shared::new() else { return };
    let capsules = records::all();
    shared.append(&capsules);
    shared.assert_verified_by_both(capsules.len());

    let database = shared.data.database();
    let theirs: Vec<Value> =
        serde_json::from_str(&shared.python(READ, &[&database.to_string_lossy()])).unwrap();
    let ours: Vec<Value> = shared
        .records()
        .iter()
        .map(|record| serde_json::from_str(&record.content).unwrap())
        .collect();
    assert_eq!(theirs, ours);

    // A changed record is refused there, so that the checks above mean something.
    let connection = Connection::open(&database).unwrap();
    let changed = connection
        .execute(
            "UPDATE capsules SET data = replace(data, 'sum', 'max') WHERE sequence = 0",
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);
    let arguments = [
        "verify",
        "--signatures",
        "--db",
        &*database.to_string_lossy(),
    ];
    let output = python::capsule(shared.path(), &arguments);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        python::transcript(&output)
    );
}

#[test]
fn theirs_verify_here_and_read_the_same() {
    let Some(shared) = Shared::new() else { return };
    for (arguments, written) in [
        (&["sync", "6"][..], "6"),
        (&["asyncio", "3"], "3"),
        (&["rich"], "4"),
    ] {
        assert_eq!(shared.python(WRITE, arguments), written);
    }
    shared.assert_verified_by_both(13);

    let records = shared.records();
    let capsules: Vec<_> = records
        .iter()
        .map(|record| record.capsule().unwrap())
        .collect();
    assert_eq!(capsules[0].outcome.result["text"], "größer – 日本語 – 🦀");
    assert_eq!(capsules[4].outcome.status, Failure);
    assert_eq!(
        capsules[4].outcome.error.as_deref(),
        Some("cannot do this: ünmöglich")
    );
    assert_eq!(
        capsules[6].reasoning.confidence.to_bits(),
        0.75_f64.to_bits()
    );
    assert_eq!(capsules[9].kind, CapsuleType::Workflow);
    assert_eq!(capsules[9].reasoning.options.len(), 2);
    assert_eq!(
        capsules[9].execution.tool_calls[1].error.as_deref(),
        Some("refused")
    );
    assert_eq!(capsules[10].reasoning.options_considered, ["reply", "wait"]);
    assert!(
        records[11]
            .content
            .contains(&format!("1{}", "0".repeat(40))),
        "integers in full"
    );

    let database = shared.data.database();
    let theirs: Vec<Value> =
        serde_json::from_str(&shared.python(READ, &[&database.to_string_lossy()])).unwrap();
    let ours: Vec<Value> = records
        .iter()
        .map(|record| serde_json::from_str(&record.content).unwrap())
        .collect();
    assert_eq!(ours, theirs);
}

/// What audited functions leave behind: nested, failed, panicked and cancelled calls.
#[test]
fn audited_calls_verify_there() {
    #[capsules::audit(type = "tool", domain = "größen")]
    fn measure(length: f64) -> Result<f64, String> {
        if length < 0.0 {
            return Err(format!("{length} ist keine Länge"));
        }
        Ok(length * 1e-7)
    }

    #[capsules::audit(type = "agent", tenant_from = "tenant")]
    fn work(tenant: &str) -> f64 {
        capsules::current()
            .confidence(1.0)
            .resource("tokens", u64::MAX);
        let _ = measure(-1.0);
        measure(2.0).unwrap()
    }

    #[capsules::audit(type = "workflow")]
    fn broken() {
        panic!("out of order");
    }

    #[capsules::audit(type = "chat")]
    async fn endless() {
        std::future::pending::<()>().await;
    }

    let Some(shared) = Shared::new() else { return };
    let capsules = Capsules::builder().data_dir(shared.path()).build().unwrap();
    capsules.scope_sync(|| {
        assert!(work("mandant-1") > 0.0);
        std::panic::catch_unwind(broken).unwrap_err();
    });
    let mut cancelled = Box::pin(capsules.scope(endless()));
    assert!(
        cancelled
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    drop(cancelled);
    capsules.close(Duration::from_secs(30)).unwrap();
    shared.assert_verified_by_both(5);

    let statuses: Vec<_> = shared
        .records()
        .iter()
        .map(|record| record.capsule().unwrap().outcome.status)
        .collect();
    assert_eq!(statuses, [Failure, Success, Success, Failure, Partial]);
}

/// A file that they made keeps its schema, but for the columns that we add.
#[test]
fn theirs_stay_as_they_are() {
    let Some(shared) = Shared::new() else { return };
    shared.python(WRITE, &["sync", "2"]);
    let before = Schema::of(&shared);
    let rows = shared.records();

    shared.append(&records::all()[..3]);
    let after = Schema::of(&shared);
    assert_eq!(after.page_size, before.page_size);
    assert_eq!(after.objects, before.objects, "tables and indexes");
    let [kept, added] = [
        &after.columns[..before.columns.len()],
        &after.columns[before.columns.len()..],
    ];
    assert_eq!(kept, before.columns);
    let added: Vec<_> = added
        .iter()
        .map(|column| (&*column.name, column.not_null))
        .collect();
    assert_eq!(added, [("tenant_id", false), ("domain", false)]);
    assert_eq!(shared.records()[..2], rows);

    shared.python(WRITE, &["sync", "2"]);
    assert_eq!(Schema::of(&shared), after);
    shared.assert_verified_by_both(7);
}

/// Queries find the records of both sides, whose columns differ.
#[test]
fn queries_find_the_records_of_both() {
    let Some(shared) = Shared::new() else { return };
    shared.append(&records::all()[..2]);
    shared.python(WRITE, &["sync", "5"]);
    shared.python(WRITE, &["rich"]);

    let store = shared.store();
    let count = |filter: Filter| store.count(&filter).unwrap();
    assert_eq!(count(Filter::new()), 11);
    assert_eq!(count(Filter::new().session(SESSION)), 6);
    assert_eq!(count(Filter::new().domain("finance")), 2);
    assert_eq!(count(Filter::new().domain("interop")), 4);
    assert_eq!(count(Filter::new().kind(CapsuleType::Workflow)), 2);
    assert_eq!(count(Filter::new().status(Partial)), 2);
    assert_eq!(count(Filter::new().tenant("acme")), 1);
}

#[derive(Debug, PartialEq)]
struct Schema {
    page_size: i64,
    /// Everything in the file by type and name, with the text that made it; the text of the table
    /// is compared by its columns.
    objects: BTreeMap<(String, String), Option<String>>,
    columns: Vec<Column>,
}

#[derive(Debug, PartialEq)]
struct Column {
    name: String,
    kind: String,
    not_null: bool,
}

impl Schema {
    fn of(shared: &Shared) -> Self {
        let connection = Connection::open(shared.data.database()).unwrap();
        let objects = connection
            .prepare("SELECT type, name, iif(name = 'capsules', NULL, sql) FROM sqlite_schema")
            .unwrap()
            .query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let columns = connection
            .prepare("SELECT name, type, \"notnull\" FROM pragma_table_info('capsules')")
            .unwrap()
            .query_map([], |row| {
                Ok(Column {
                    name: row.get(0)?,
                    kind: row.get(1)?,
                    not_null: row.get(2)?,
                })
            })
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let page_size = connection
            .pragma_query_value(None, "page_size", |row| row.get(0))
            .unwrap();
        Self {
            page_size,
            objects,
            columns,
        }
    }
}
