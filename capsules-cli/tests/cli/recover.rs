//! `recover`, and how the other commands name what waits for it.

use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use capsules::storage::SqliteStorage;
use capsules::{Capsules, audit};
use serde_json::{Value, json};

use crate::support::{Home, fill_store};

#[audit(type = "tool")]
fn act(_n: u32) {}

#[audit(type = "tool")]
async fn never() {
    std::future::pending::<()>().await;
}

/// A home with a filled store, or one elsewhere.
pub(crate) struct Store {
    pub(crate) home: Home,
    path: PathBuf,
}

impl Store {
    pub(crate) fn new(path: &str) -> Self {
        let home = Home::new();
        let path = home.path().join(path);
        fill_store(&path);
        Self { home, path }
    }

    /// Leaves a journal with so many capsules, as a process does whose store takes nothing. With
    /// `started` it also holds the start of an action that never ended.
    pub(crate) fn leave_journal(&self, capsules: u32, started: bool) {
        let instance = Capsules::builder()
            .storage(SqliteStorage::open_read_only(&self.path).unwrap())
            .data_dir(self.home.path().join(".quantumpipes"))
            .journals(self.path.with_extension("db.journals"))
            .build()
            .unwrap();
        instance.scope_sync(|| (0..capsules).for_each(act));
        let action = Box::pin(instance.scope(never()));
        if started {
            let action = Box::leak(Box::new(action));
            let poll = pin!(action).poll(&mut Context::from_waker(Waker::noop()));
            assert!(poll.is_pending());
        }
        instance.close(Duration::from_secs(10)).unwrap_err();
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn what_waits_is_named_and_recovered_once() {
    let store = Store::new(".quantumpipes/capsules.db");
    store.leave_journal(3, false);
    store.leave_journal(14, true);
    let note = "note: 2 journals with 17 capsules and 1 action that had started wait: run \
                `capsules recover`\n";
    for command in ["verify", "list"] {
        let ran = store.home.run([command]);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, note), "{command}");
    }

    assert_eq!(
        store.home.run(["recover"]).passed(),
        "Recovered 2 journals: 17 capsules, 1 action that had started\n"
    );
    let verified = store.home.run(["verify"]).passed();
    assert!(verified.ends_with("\n\nPASS  21 capsules verified; contents and signatures were not checked (--full, --signatures)\n"), "{verified}");
    let pending = store.home.run(["list", "--status", "pending", "--json"]);
    // One of them is in the store from the beginning.
    assert_eq!(json(&pending.passed())["total"], 2);

    assert_eq!(
        store.home.run(["recover"]).passed(),
        "No journal waits for recovery.\n"
    );
}

#[test]
fn a_store_elsewhere_is_recovered_by_its_path() {
    let store = Store::new("audit.db");
    store.leave_journal(1, false);
    assert_eq!(
        store.home.run(["list", "--db", "audit.db"]).stderr,
        "note: 1 journal with 1 capsule waits: run `capsules recover --db audit.db`\n"
    );
    // The default store is another one.
    assert!(store.home.run(["recover"]).error().contains("no store"));
    let recovered = store.home.run(["recover", "--db", "audit.db", "--json"]);
    assert_eq!(
        json(&recovered.passed()),
        json!({"journals": 1, "accepted": 1, "started": 0, "damaged": 0, "failed": []})
    );
    assert_eq!(store.home.run(["list", "--db", "audit.db"]).stderr, "");
}

#[test]
fn json_of_verify_lists_the_journals() {
    let store = Store::new("audit.db");
    let verify = ["verify", "--db", "audit.db", "--json"];
    let report = json(&store.home.run(verify).passed());
    assert_eq!(report["waiting_journals"], json!([]));

    store.leave_journal(2, true);
    let report = json(&store.home.run(verify).passed());
    let [journal] = report["waiting_journals"].as_array().unwrap().as_slice() else {
        panic!("{report}");
    };
    assert_eq!(
        [
            &journal["accepted"],
            &journal["started"],
            &journal["damaged"]
        ],
        [2, 1, 0]
    );
    assert_eq!(journal["process"], std::process::id());
    assert_eq!(journal["problem"], Value::Null);
    assert!(std::fs::exists(journal["path"].as_str().unwrap()).unwrap());
}

#[test]
fn quiet_verification_stays_quiet() {
    let store = Store::new("audit.db");
    store.leave_journal(1, false);
    let ran = store.home.run(["verify", "--db", "audit.db", "--quiet"]);
    assert_eq!(
        (ran.status, ran.stdout, ran.stderr),
        (0, String::new(), String::new())
    );
}

#[test]
fn a_store_is_made_only_for_what_waits() {
    let home = Home::new();
    let error = home.run(["recover"]).error();
    assert!(error.contains("there is no store at"), "{error}");
    assert!(!home.path().join(".quantumpipes").exists());

    let store = Store::new("audit.db");
    assert_eq!(
        store.home.run(["recover", "--db", "audit.db"]).passed(),
        "No journal waits for recovery.\n"
    );
    assert!(!store.home.path().join(".quantumpipes").exists());
}

#[test]
fn what_is_no_store_has_nothing_to_recover() {
    let home = Home::new();
    home.file("garbage", "no database at all");
    home.file("empty", "");
    for (store, message) in [
        ("none", "there is no store at none"),
        ("garbage", "it is not a SQLite database"),
        (".", "it is a directory"),
    ] {
        let error = home.run(["recover", "--db", store]).error();
        assert!(error.contains(message), "{error}");
    }
    home.run(["recover", "--db", "empty"]).passed();
}
