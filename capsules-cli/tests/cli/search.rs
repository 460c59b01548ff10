//! `search`.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{Home, Ran, data, fill_store};

fn home() -> (Home, PathBuf) {
    let home = Home::new();
    let path = home.path().join(".quantumpipes/capsules.db");
    fill_store(&path);
    (home, path)
}

/// The places that a search finds.
fn found(home: &Home, args: &[&str]) -> Vec<i64> {
    let printed = home.run([&["search", "--json"], args].concat()).passed();
    let answer: Value = serde_json::from_str(&printed).unwrap();
    let matches = answer["matches"].as_array().unwrap();
    matches
        .iter()
        .map(|found| found["capsule"]["sequence"].as_i64().unwrap())
        .collect()
}

#[test]
fn what_is_found_is_shown_with_its_words() {
    let (home, _) = home();
    assert_eq!(
        home.run(["search", "connection", "reset"]).passed(),
        "\
1  2026-01-15 12:00:02  tool  failure  http_probe  0199f3a0-2222-4a22-8a22-000000000002
  error    connection reset
"
    );
    assert_eq!(
        home.run(["search", "version"]).passed(),
        "\
0  2026-01-15 12:00:00  agent  success  deploy-bot  0199f3a0-1111-4a11-8a11-000000000001
  request  Deploy version 2.4 to production and tell me when it is done
  summary  Version 2.4 serves all traffic.
"
    );
    for nothing in ["unheard", "!", ""] {
        assert_eq!(
            home.run(["search", nothing]).passed(),
            "No capsules match.\n"
        );
    }
}

#[test]
fn words_are_highlighted_for_terminals_and_for_who_asks() {
    let (home, _) = home();
    let run = |variable| {
        let mut command = home.command();
        Ran::of(command.args(["search", "version"]).env(variable, "1")).passed()
    };
    let printed = run("CLICOLOR_FORCE");
    assert!(
        printed.contains("Deploy \u{1b}[1m\u{1b}[33mversion\u{1b}[0m 2.4"),
        "{printed}"
    );
    assert!(!run("NO_COLOR").contains('\u{1b}'));
}

#[test]
fn every_text_is_a_query() {
    let (home, _) = home();
    for (args, places) in [
        (&["GET", "green"][..], &[1][..]),
        (&["green GET"], &[1]),
        (&["\"green GET\""], &[]),
        (&["\"GET https green\""], &[1]),
        (&["depl*"], &[0]),
        (&["depl"], &[]),
        (&["NOT AND OR (\"* ^ {x} : NEAR("], &[]),
        (&["'; DROP TABLE texts"], &[]),
        (&["version", "--in", "summary"], &[0]),
        (&["version", "--in", "error"], &[]),
        (&["https", "--in", "summary,request"], &[1]),
        (&["--raw", "deploy OR https"], &[1, 0]),
        (&["--raw", "deploy OR https", "--oldest-first"], &[0, 1]),
        (&["--raw", "deploy OR https", "--before", "1"], &[0]),
        (&["--raw", "deploy OR https", "--type", "tool"], &[1]),
        (
            &["--raw", "deploy OR https", "--since", "2026-01-15T12:00:01"],
            &[1],
        ),
    ] {
        assert_eq!(found(&home, args), places, "{args:?}");
    }
    let error = home.run(["search", "--raw", "NEAR("]).error();
    assert!(error.contains("cannot search for NEAR(: "), "{error}");
    let error = home.run(["search", "x", "--in", "result"]).error();
    assert!(error.contains("request, summary and error"), "{error}");
}

#[test]
fn json() {
    let (home, _) = home();
    let printed = home
        .run([
            "search",
            "--json",
            "--raw",
            "deploy OR https",
            "--limit",
            "1",
        ])
        .passed();
    let answer: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(
        (&answer["more"], &answer["limit"]),
        (&json!(true), &json!(1))
    );
    let found = &answer["matches"][0];
    let stored: Value = serde_json::from_slice(&data("chain.json")).unwrap();
    assert_eq!(found["capsule"], stored[1]);
    assert_eq!(found["snippets"][0]["field"], "request");
    assert_eq!(found["snippets"][0]["highlights"], json!([[4, 9]]));

    let printed = home
        .run(["search", "--raw", "deploy OR https", "--limit", "1"])
        .passed();
    assert!(
        printed.ends_with("\nThere are more: --before 1, or a larger --limit.\n"),
        "{printed}"
    );
}

/// The index follows the store, may be lost, and is never believed.
#[test]
fn the_index_is_kept_beside_the_store() {
    let (home, path) = home();
    let index = path.with_file_name("capsules.db.index");
    assert_eq!(found(&home, &["deploy"]), [0]);
    assert!(index.exists());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "INSERT INTO capsules SELECT 'x', type, 3, previous_hash, \
             replace(data, '\"sequence\":0', '\"sequence\":3'), 'y', signature, signature_pq, signed_at, signed_by, session_id, tenant_id, domain \
             FROM capsules WHERE sequence = 0",
        )
        .unwrap();
    assert_eq!(found(&home, &["deploy"]), [3, 0]);
    let change = "UPDATE capsules SET data = replace(data, 'Deploy', 'Delete') WHERE sequence = 0";
    connection.execute_batch(change).unwrap();
    drop(connection);
    assert_eq!(found(&home, &["deploy"]), [3]);
    assert!(found(&home, &["delete"]).is_empty(), "not indexed");
    assert_eq!(found(&home, &["delete", "--rebuild"]), [0]);
    fs::remove_file(&index).unwrap();
    assert_eq!(found(&home, &["delete", "--index", "elsewhere"]), [0]);
    assert!(home.path().join("elsewhere").exists() && !index.exists());

    home.file("text", "x".repeat(200));
    for args in [&["--index", "text"][..], &["--index", "text", "--rebuild"]] {
        let error = home.run([&["search", "delete"], args].concat()).error();
        assert!(error.contains("text is no index of capsules"), "{error}");
    }
}

/// Where the directory cannot be written there is an index for this time.
#[test]
fn a_store_that_cannot_be_written_is_searched_all_the_same() {
    let (home, path) = home();
    // A directory in its place is an obstacle for root as well.
    fs::create_dir(path.with_file_name("capsules.db.index")).unwrap();
    let ran = home.run(["search", "deploy", "--json"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stdout.contains("\"highlights\""), "{ran:?}");
    assert!(ran.stderr.contains("this time it is in memory"), "{ran:?}");
}
