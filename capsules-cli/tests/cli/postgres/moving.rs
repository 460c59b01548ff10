//! Capsules that go to a store and come from one.

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use capsules::{Capsules, DataDir, recovery};
use capsules_core::storage::MemoryStorage;
use capsules_core::{Filter, Storage};
use capsules_postgres::PostgresStorage;
use capsules_tests::postgres::server;
use capsules_tests::proxy::Proxy;
use capsules_tests::python;
use serde_json::{Value, json};

use super::{Store, ids, run};
use crate::support::Home;

#[test]
fn what_is_exported_is_verified_by_others_and_imported() {
    let Some(store) = Store::recorded() else {
        return;
    };
    let error = store.run(&["export", "-o", "all.json"]).error();
    assert!(error.contains("keeps 3 chains"), "{error}");
    for (chain, file) in [
        (&["--tenant", "acme"][..], "acme.json"),
        (&["--tenant", "globex"], "globex.jsonl"),
        (&["--no-tenant"], "nobody.json"),
    ] {
        let export = [&["export", "-o", file], chain].concat();
        let answer = store.json(&export);
        assert_eq!(answer["chain"], true);
        store.home.run(["verify", file, "--signatures"]).passed();
    }

    let other = Store {
        home: Home::new(),
        url: store.server.schema(),
        server: store.server,
    };
    let import = |args: &[&str]| {
        let command = ["import", "--pg", &other.url, "--json"];
        let ran = store.home.run([&command, args].concat());
        let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
        (
            ran.status,
            answer["imported"].clone(),
            answer["present"].clone(),
        )
    };
    // Nothing is made before everything is verified.
    assert_eq!(import(&["acme.json", "--dry-run"]), (0, json!(4), json!(0)));
    assert!(PostgresStorage::open_read_only(&other.url).is_err());
    for file in ["acme.json", "globex.jsonl", "nobody.json"] {
        let (status, imported, _) = import(&[file]);
        assert_eq!(status, 0);
        assert_eq!(import(&[file]), (0, json!(0), imported));
    }
    let read = |url: &str| {
        let store = PostgresStorage::open_read_only(url).unwrap();
        store.list(&Filter::new().oldest_first()).unwrap()
    };
    assert_eq!(read(&other.url), read(&store.url));

    // Another tenant's chain is not continued, and neither is a chain of several.
    let acme = std::fs::read_to_string(store.home.path().join("globex.jsonl")).unwrap();
    store
        .run(&["export", "--tenant", "acme", "-o", "acme.jsonl"])
        .passed();
    let mixed = std::fs::read_to_string(store.home.path().join("acme.jsonl")).unwrap() + &acme;
    store.home.file("mixed.jsonl", mixed);
    for args in [&["globex.jsonl", "--tenant", "acme"][..], &["mixed.jsonl"]] {
        let (status, imported, _) = import(args);
        assert_eq!((status, imported), (1, json!(0)), "{args:?}");
    }
    let refused = store
        .home
        .run(["import", "--db", "x.db", "acme.json", "--tenant", "acme"]);
    assert!(refused.error().contains("leave --tenant"));
}

/// What `docs/SCALING.md` says of exporting all chains, as it stands there.
#[cfg(unix)]
#[test]
fn every_chain_is_exported_by_the_documented_loop() {
    let Some(store) = Store::recorded() else {
        return;
    };
    let document = include_str!("../../../../docs/SCALING.md");
    let (_, block) = document.split_once("```sh export\n").unwrap();
    let (script, _) = block.split_once("```").unwrap();
    let command = store.home.command();
    let programs = Path::new(command.get_program()).parent().unwrap();
    let path = env::var_os("PATH").unwrap_or_default();
    let path = [programs.to_owned()]
        .into_iter()
        .chain(env::split_paths(&path));
    let done = Command::new("sh")
        .args(["-e", "-c", script])
        .current_dir(store.home.path())
        .env("HOME", store.home.path())
        .env("PATH", env::join_paths(path).unwrap())
        .env("CAPSULES_PG", &store.url)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    for (file, count) in [("acme.json", 4), ("globex.json", 2), ("none.json", 2)] {
        let verified = store.home.run(["verify", file, "--signatures"]).passed();
        let expected = format!("PASS  {count} capsules verified");
        assert!(verified.contains(&expected), "{file}: {verified}");
    }
    let files = std::fs::read_dir(store.home.path()).unwrap().flatten();
    let exports = files.filter(|file| file.path().extension().is_some_and(|end| end == "json"));
    assert_eq!(exports.count(), 3);
}

/// However many capsules there are, the server is asked for a thousand at a time.
#[test]
fn an_import_takes_few_statements() {
    const COUNT: u64 = 2_500;
    let Some(server) = server() else { return };
    let home = Home::new();
    let instance = Capsules::builder().data_dir(home.path().join(".quantumpipes"));
    let instance = instance.build().unwrap();
    instance.scope_sync(|| (0..COUNT / 2).for_each(|_| _ = run(None, "many")));
    instance.close(Duration::from_secs(60)).unwrap();
    home.run(["export", "-o", "many.jsonl"]).passed();

    let proxy = Proxy::start(server.port());
    let url = server.schema();
    let port = proxy.port();
    let through = url.replacen(&server.port().to_string(), &port.to_string(), 1);
    let store = PostgresStorage::open(&url).unwrap();
    let import = ["import", "many.jsonl", "--pg", &through];
    home.run(import).passed();
    let statements = proxy.statements();
    assert!(statements < 60, "{statements} statements");
    assert_eq!(store.count(&Filter::new()).unwrap(), COUNT);
    // What is there already is read in portions.
    home.run(import).passed();
    let again = proxy.statements() - statements;
    assert!(again < 30, "{again} statements");
}

#[test]
fn journals_of_the_store_lie_on_this_machine_and_are_recovered() {
    let Some(store) = Store::recorded() else {
        return;
    };
    let local = recovery::local(&store.url, &DataDir::new(store.data_dir()).unwrap()).unwrap();
    let closed = MemoryStorage::new();
    closed.close().unwrap();
    let instance = Capsules::builder()
        .storage(closed)
        .data_dir(store.data_dir())
        .journals(recovery::directory(&local))
        .build()
        .unwrap();
    instance.scope_sync(|| run(Some("acme"), "waits"));
    instance.close(Duration::from_secs(1)).unwrap_err();

    let ran = store.run(&["list"]);
    let note = "note: 1 journal with 2 capsules waits: run `capsules recover --pg ";
    assert!(ran.stderr.starts_with(note), "{}", ran.stderr);
    let answer = store.json(&["recover"]);
    assert_eq!(
        (&answer["accepted"], &answer["journals"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(
        store.json(&["verify", "--tenant", "acme"])["total_capsules"],
        6
    );
    assert_eq!(
        store.run(&["recover"]).passed(),
        "No journal waits for recovery.\n"
    );
}

/// In a database that the Python package has made, and with capsules whose content names no tenant.
#[test]
fn a_database_that_python_has_written() {
    const SCRIPT: &str = include_str!("../../../../tests/interop/python/tenants.py");
    let Some(server) = server() else { return };
    if python::interpreter().is_none() {
        return;
    }
    server.execute("postgres", "CREATE DATABASE python_cli");
    let store = Store {
        home: Home::new(),
        url: server.url("python_cli"),
        server,
    };
    let data_dir = store.data_dir();
    let directory = [("QUANTUMPIPES_DATA_DIR", data_dir.as_os_str())];
    let arguments = ["append", &store.url, "3", "acme", "globex"];
    python::run(SCRIPT, &arguments, &directory);

    let answer = store.json(&["verify", "--signatures"]);
    assert_eq!(
        (&answer["valid"], &answer["capsules_verified"]),
        (&json!(true), &json!(6))
    );
    assert_eq!(ids(&store.json(&["list", "--limit", "4"])).len(), 4);
    assert_eq!(
        store.json(&["stats"])["tenants"],
        json!({"acme": 3, "globex": 3})
    );
    let found = store.json(&["search", "globex"]);
    assert_eq!(found["matches"].as_array().unwrap().len(), 3);
    store
        .run(&["inspect", "--tenant", "acme", "--seq", "2"])
        .passed();
    store
        .run(&["export", "--tenant", "acme", "-o", "acme.json"])
        .passed();
    store
        .home
        .run(["verify", "acme.json", "--signatures"])
        .passed();
    let other = server.schema();
    let import = ["import", "acme.json", "--tenant", "acme", "--pg", &other];
    store.home.run(import).passed();
    let verified = ["verify", "--signatures", "--tenant", "acme", "--pg", &other];
    let verified = store.home.run(verified).passed();
    assert!(verified.contains("PASS  3 capsules verified"), "{verified}");
}
