//! Every command, on all chains and on one.

use capsules::{DataDir, recovery};
use capsules_core::index::Index;
use serde_json::{Value, json};

use super::{Store, ids};
use crate::support::Ran;

/// Of the chains: without a tenant, acme, globex.
const LENGTHS: [usize; 3] = [2, 4, 2];

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
