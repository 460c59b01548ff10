//! Stores in PostgreSQL, which keep a chain for each tenant.

use std::path::PathBuf;
use std::time::Duration;

use capsules::{Capsules, DataDir, recovery};
use capsules_core::index::Index;
use capsules_core::storage::MemoryStorage;
use capsules_core::{Filter, Storage};
use capsules_postgres::PostgresStorage;
use capsules_tests::postgres::{Server, server};
use capsules_tests::python;
use serde_json::{Value, json};

use crate::support::{Home, Ran};
#[cfg(unix)]
use crate::tail::Following;

/// A store on the server, and a home with its keys.
struct Store {
    home: Home,
    url: String,
    server: &'static Server,
}

#[capsules::audit(
    type = "agent",
    tenant_from = "tenant",
    trigger_from = "question",
    source = "agent"
)]
fn run(tenant: Option<&str>, question: &str) -> usize {
    ask(question)
}

#[capsules::audit(type = "tool", source = "tool")]
fn ask(question: &str) -> usize {
    question.len()
}

/// Of the chains: without a tenant, acme, globex.
const LENGTHS: [usize; 3] = [2, 4, 2];

impl Store {
    /// Two capsules of nobody, four of acme and two of globex.
    fn recorded() -> Option<Self> {
        let server = server()?;
        let store = Self {
            home: Home::new(),
            url: server.schema(),
            server,
        };
        store.record(&[
            (Some("acme"), "where is the red fox"),
            (None, "whose is the fox"),
            (Some("globex"), "a quick brown Fox"),
            (Some("acme"), "no animal"),
        ]);
        Some(store)
    }

    fn data_dir(&self) -> PathBuf {
        self.home.path().join(".quantumpipes")
    }

    fn record(&self, actions: &[(Option<&str>, &str)]) {
        let capsules = Capsules::builder()
            .path(&self.url)
            .data_dir(self.data_dir())
            .build()
            .unwrap();
        for (tenant, question) in actions {
            capsules.scope_sync(|| run(*tenant, question));
            // Sealed by themselves, and so in this order.
            capsules.flush().wait().unwrap();
        }
        capsules.close(Duration::from_secs(30)).unwrap();
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.home.run([args, &["--pg", &self.url]].concat())
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--json"]].concat());
        assert_eq!(ran.stderr, "");
        serde_json::from_str(&ran.stdout).unwrap()
    }

    fn change(&self, sql: &str) {
        self.server.client(&self.url).batch_execute(sql).unwrap();
    }
}

fn ids(answer: &Value) -> Vec<String> {
    let capsules = answer["capsules"].as_array().unwrap().iter();
    capsules
        .map(|capsule| capsule["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_command_reads_the_store_that_is_named_or_that_the_environment_names() {
    let Some(store) = Store::recorded() else {
        return;
    };
    for args in [
        &["verify", "--signatures"][..],
        &["list"],
        &["stats"],
        &["search", "fox"],
        &["tree", "--correlation", "nobody"],
        &["tail"],
        &["inspect", "--tenant", "acme", "--seq", "0"],
        &["inspect", "capsule://acme/0"],
        &["export", "--tenant", "acme"],
        &["recover"],
    ] {
        let named = store.run(args).passed();
        assert!(!named.is_empty(), "{args:?}");
        let mut command = store.home.command();
        command.args(args).env("CAPSULES_PG", &store.url);
        assert_eq!(Ran::of(&mut command).passed(), named, "{args:?}");
    }
    let csv = store.run(&["export", "--format", "csv"]);
    assert_eq!(csv.stdout.lines().count(), 1 + 8, "all chains: {csv:?}");
    let doctor = store.run(&["doctor"]);
    assert!(
        doctor
            .stdout
            .contains("8 capsules in 3 chains without a gap"),
        "{doctor:?}"
    );
    assert_eq!(doctor.status, 0, "{doctor:?}");
    // What is named counts, whatever the environment says.
    let mut command = store.home.command();
    command
        .args(["list", "--db", "none.db"])
        .env("CAPSULES_PG", &store.url);
    assert!(Ran::of(&mut command).error().contains("none.db"));
}

#[test]
fn every_chain_is_verified_and_has_its_verdict() {
    let Some(store) = Store::recorded() else {
        return;
    };
    let verify = ["verify", "--signatures"];
    let answer = store.json(&verify);
    assert_eq!(answer["valid"], true);
    assert_eq!(answer["capsules_verified"], 8);
    let chains = answer["chains"].as_array().unwrap();
    let each: Vec<_> = chains
        .iter()
        .map(|chain| (chain["tenant"].clone(), chain["total_capsules"].clone()))
        .collect();
    let expected = [Value::Null, json!("acme"), json!("globex")];
    assert_eq!(
        each,
        expected
            .into_iter()
            .zip(LENGTHS.map(|n| json!(n)))
            .collect::<Vec<_>>()
    );
    let one = store.json(&["verify", "--tenant", "acme"]);
    assert_eq!(one["capsules_verified"], 4);
    let none = store.json(&["verify", "--no-tenant"]);
    assert_eq!(none["capsules_verified"], 2);
    let nobody = store.json(&["verify", "--tenant", "nobody"]);
    assert_eq!(
        (&nobody["valid"], &nobody["total_capsules"]),
        (&json!(true), &json!(0))
    );

    store.change(
        "UPDATE quantumpipes_capsules SET data = replace(data, 'brown', 'green') \
         WHERE tenant_id = 'globex' AND sequence = 1",
    );
    let ran = store.run(&verify);
    assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
    for line in [
        "chains          3",
        "✓  acme",
        "✗  globex",
        "FAIL  7 of 8 capsules verified",
    ] {
        assert!(ran.stdout.contains(line), "`{line}`: {}", ran.stdout);
    }
    let answer = store.json(&verify);
    assert_eq!(answer["errors"][0]["sequence"], 1);
    let valid: Vec<_> = answer["chains"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["valid"])
        .collect();
    assert_eq!(valid, [true, true, false]);
    assert_eq!(
        store
            .run(&["verify", "--signatures", "--tenant", "acme"])
            .status,
        0
    );
    let doctor = store.run(&["doctor"]);
    assert_eq!(doctor.status, 1);
    assert!(
        doctor.stdout.contains("capsule 1 of globex "),
        "{}",
        doctor.stdout
    );
}

#[test]
fn a_checkpoint_file_has_an_end_for_each_chain() {
    let Some(store) = Store::recorded() else {
        return;
    };
    let write = ["verify", "--signatures", "--write-checkpoint", "ends"];
    let go_on = [&write[..], &["--since", "ends"]].concat();
    store.run(&write).passed();
    assert_eq!(store.json(&go_on)["capsules_verified"], 0);
    store.record(&[(Some("initech"), "new"), (Some("acme"), "more")]);
    assert_eq!(store.json(&go_on)["capsules_verified"], 4);
    assert_eq!(store.json(&go_on)["capsules_verified"], 0);
    // One chain of them goes on by itself, and leaves the others in the file.
    store.record(&[(Some("acme"), "again")]);
    let acme = store.json(&[&go_on[..], &["--tenant", "acme"]].concat());
    assert_eq!(acme["capsules_verified"], 2);
    assert_eq!(store.json(&go_on)["capsules_verified"], 0);

    store.change("DELETE FROM quantumpipes_capsules WHERE tenant_id = 'globex' AND sequence = 1");
    let ran = store.run(&go_on);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(
        ran.stdout.contains("Trusted head not found"),
        "{}",
        ran.stdout
    );
    store.change("DELETE FROM quantumpipes_capsules WHERE tenant_id = 'globex'");
    let ran = store.run(&go_on);
    assert_eq!(ran.status, 1, "a chain that is gone is missed: {ran:?}");
    assert_eq!(store.run(&write[..2]).status, 0);

    let head = format!("0:{}", "0".repeat(64));
    let error = store.run(&["verify", "--since", &head]).error();
    assert!(error.contains("choose it with --tenant"), "{error}");
    let file = store
        .home
        .run(["verify", "--since", "ends", "--db", "x.db"])
        .error();
    assert!(file.contains("x.db"), "{file}");
}

#[test]
fn a_list_across_chains_has_the_order_of_sealing_and_pages() {
    let Some(store) = Store::recorded() else {
        return;
    };
    let all = ids(&store.json(&["list"]));
    assert_eq!(all.len(), 8);
    let mut paged = Vec::new();
    let mut beyond: Option<String> = None;
    loop {
        let mut args = vec!["list", "--limit", "3"];
        if let Some(id) = &beyond {
            args.extend(["--beyond", id]);
        }
        let page = ids(&store.json(&args));
        let Some(last) = page.last() else { break };
        beyond = Some(last.clone());
        paged.extend(page);
    }
    assert_eq!(paged, all);
    let text = store.run(&["list", "--limit", "3"]).passed();
    let next = format!("There are more: --beyond {}, or a larger --limit.", all[2]);
    assert!(text.contains(&next), "{text}");
    assert!(text.starts_with("TENANT "), "{text}");
    let text = store
        .run(&["list", "--tenant", "acme", "--limit", "3"])
        .passed();
    assert!(text.contains("There are more: --before 1,"), "{text}");
    let rest = store.json(&["list", "--tenant", "acme", "--before", "1"]);
    assert_eq!(ids(&rest).len(), 1);
    assert_eq!(ids(&store.json(&["list", "--no-tenant"])).len(), 2);
    let nobody = "0199f3a0-0000-4a00-8a00-000000000000";
    let error = store.run(&["list", "--beyond", nobody]).error();
    assert!(error.contains(nobody), "{error}");
}

#[test]
fn words_and_trees_are_found_in_every_chain() {
    let Some(store) = Store::recorded() else {
        return;
    };
    let found = |args: &[&str]| {
        let answer = store.json(&[&["search"], args].concat());
        let matches = answer["matches"].as_array().unwrap().clone();
        let of = |found: &Value| {
            let tenant = &found["capsule"]["context"]["environment"]["tenant_id"];
            tenant.as_str().unwrap_or("nobody").to_owned()
        };
        matches.iter().map(of).collect::<Vec<_>>()
    };
    let all = ["globex", "globex", "nobody", "nobody", "acme", "acme"];
    assert_eq!(found(&["fox"]), all, "the newest first");
    assert_eq!(found(&["fox", "--tenant", "acme"]), ["acme", "acme"]);
    assert_eq!(found(&["fox", "--no-tenant"]), ["nobody", "nobody"]);
    assert_eq!(found(&["fox", "--tenant", "initech"]), [""; 0]);
    store.record(&[(Some("acme"), "a fox again")]);
    assert_eq!(found(&["fox", "--limit", "3"]), ["acme", "acme", "globex"]);
    let page = store.run(&["search", "fox", "--limit", "3"]).passed();
    let (_, id) = page.split_once("--beyond ").unwrap();
    let id = &id[..36];
    assert_eq!(found(&["fox", "--beyond", id]), all[1..]);
    assert_eq!(
        found(&["fox", "--beyond", id, "--oldest-first"]),
        ["acme", "acme"]
    );

    // The index lies with the keys, under a name without secrets.
    let index = recovery::local(&store.url, &DataDir::new(store.data_dir()).unwrap()).unwrap();
    assert!(Index::beside(&index).is_file());

    for (tenant, place) in [(Some("globex"), "1"), (None, "1"), (Some("acme"), "3")] {
        let chain = match tenant {
            Some(tenant) => vec!["--tenant", tenant],
            None => vec!["--no-tenant"],
        };
        let agent = store.json(&[&["inspect", "--seq", place], &chain[..]].concat());
        let tree = store.json(&["tree", agent["id"].as_str().unwrap()]);
        let sources: Vec<_> = tree["capsules"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| {
                (
                    node["depth"].as_u64().unwrap(),
                    node["source"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(sources, [(0, "agent"), (1, "tool")], "{tenant:?}");
        let shown = store
            .run(&["inspect", agent["id"].as_str().unwrap()])
            .passed();
        assert!(shown.contains("tool"), "{shown}");
    }
}

#[test]
fn figures_are_those_of_all_chains_or_one() {
    let Some(store) = Store::recorded() else {
        return;
    };
    let stats = store.json(&["stats"]);
    assert_eq!(stats["total"], 8);
    assert_eq!(stats["tenants"], json!({"acme": 4, "globex": 2}));
    assert_eq!(store.json(&["stats", "--tenant", "acme"])["total"], 4);
    assert_eq!(store.json(&["stats", "--no-tenant"])["total"], 2);
}

/// A chain that is new is followed as well, and one that is not chosen is not.
#[cfg(unix)]
#[test]
fn every_chain_is_followed_or_the_chosen_one() {
    let Some(store) = Store::recorded() else {
        return;
    };
    let options = [
        "-n",
        "1",
        "--columns",
        "seq,tenant,source",
        "--type",
        "agent",
    ];
    let follow = |chain: &[&str]| {
        let options = [&options[..], chain, &["--pg", &store.url]].concat();
        let mut tail = Following::begin(&store.home, &options);
        assert_eq!(tail.line(), "SEQ  TENANT  SOURCE\n");
        tail
    };
    let (mut all, mut globex) = (follow(&[]), follow(&["--tenant", "globex"]));
    assert_eq!(all.line(), "  3  acme    agent\n");
    assert_eq!(globex.line(), "  1  globex  agent\n");
    for (tenant, line) in [
        (Some("new"), "  1  new     agent\n"),
        (None, "  3          agent\n"),
        (Some("globex"), "  3  globex  agent\n"),
    ] {
        store.record(&[(tenant, "later")]);
        assert_eq!(all.line(), line);
    }
    assert_eq!(globex.line(), "  3  globex  agent\n");
    for tail in [all, globex] {
        let output = tail.leave();
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    }
}

#[test]
fn a_place_needs_its_chain() {
    let Some(store) = Store::recorded() else {
        return;
    };
    for args in [
        &["inspect", "--seq", "0"][..],
        &["inspect", "capsule://any/0"],
    ] {
        let error = store.run(args).error();
        assert!(
            error.contains("choose it with --tenant or --no-tenant"),
            "{error}"
        );
    }
    let of = |uri: &str| {
        let record = store.json(&["inspect", uri]);
        record["context"]["environment"]["tenant_id"].clone()
    };
    assert_eq!(of("capsule://globex/0"), "globex");
    let error = store
        .run(&["inspect", "--tenant", "acme", "--seq", "9"])
        .error();
    assert!(error.contains("no capsule with sequence 9"), "{error}");
}

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

#[test]
fn what_cannot_be_reached_is_told_without_the_password() {
    const PASSWORD: &str = "s3cr3t-Geheim";
    let Some(server) = server() else { return };
    let home = Home::new();
    server.execute(
        "postgres",
        "CREATE ROLE guarded_cli LOGIN PASSWORD 'another'; GRANT guarded TO guarded_cli",
    );
    let port = server.port();
    for (url, parts) in [
        (
            format!("postgresql://guarded_cli:{PASSWORD}@127.0.0.1:{port}/postgres"),
            ["guarded_cli@127.0.0.1", "/postgres", "PGPASSWORD"],
        ),
        (
            format!("postgresql://capsules:{PASSWORD}@127.0.0.1:{port}/nowhere"),
            ["capsules@127.0.0.1", "/nowhere", "createdb"],
        ),
        (
            format!("postgresql://me:{PASSWORD}@127.0.0.1:1/audit"),
            ["me@127.0.0.1:1", "/audit", "check that the server runs"],
        ),
        (
            format!("postgresql://me@127.0.0.1:1/audit?password={PASSWORD}"),
            ["me@127.0.0.1:1", "/audit", "check that the server runs"],
        ),
    ] {
        for command in [
            &["list"][..],
            &["verify", "--json"],
            &["search", "x", "--json"],
            &["tail", "-f"],
            &["recover"],
            &["export", "--json", "-o", "x"],
        ] {
            let error = home.run([command, &["--pg", &url]].concat()).error();
            for part in parts {
                assert!(
                    error.contains(part),
                    "`{part}` is not in {command:?}: {error}"
                );
            }
            assert!(!error.contains(PASSWORD), "{command:?}: {error}");
        }
        let doctor = home.run(["doctor", "--json", "--pg", &url]);
        assert_eq!(doctor.status, 1);
        assert!(doctor.stdout.contains(parts[2]), "{}", doctor.stdout);
        assert!(!doctor.stdout.contains(PASSWORD), "{}", doctor.stdout);
    }
    let empty = server.schema();
    let error = home.run(["list", "--pg", &empty]).error();
    assert!(error.contains("no table quantumpipes_capsules"), "{error}");
    let doctor = home.run(["doctor", "--pg", &empty]);
    assert!(
        doctor.stdout.contains("the first one makes the table"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn a_role_that_only_reads_is_enough_to_look() {
    let Some(store) = Store::recorded() else {
        return;
    };
    store.change(
        "CREATE ROLE auditor_cli LOGIN; GRANT SELECT ON quantumpipes_capsules TO auditor_cli; \
         DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO auditor_cli', current_schema()); \
         END $$",
    );
    let url = store.url.replace("capsules@", "auditor_cli@");
    for args in [
        &["verify", "--signatures"][..],
        &["search", "fox"],
        &["list"],
    ] {
        let ran = store.home.run([args, &["--pg", &url]].concat());
        assert_eq!(ran.status, 0, "{ran:?}");
    }
    let doctor = store.home.run(["doctor", "--pg", &url]);
    assert_eq!(doctor.status, 1);
    assert!(
        doctor.stdout.contains("may not insert"),
        "{}",
        doctor.stdout
    );
}

/// In a database that the Python package has made, and with capsules whose content names no tenant.
#[test]
fn a_database_that_python_has_written() {
    const SCRIPT: &str = include_str!("../../../tests/interop/python/tenants.py");
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
