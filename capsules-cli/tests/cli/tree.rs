//! `tree`.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{Home, Ran, fill_store};

const AGENT: &str = "0199f3a0-1111-4a11-8a11-000000000001";
const TOOL: &str = "0199f3a0-2222-4a22-8a22-000000000002";

fn home() -> (Home, PathBuf) {
    let home = Home::new();
    let path = home.path().join(".quantumpipes/capsules.db");
    fill_store(&path);
    (home, path)
}

/// Makes a record name another one as its parent.
fn name_parent(path: &PathBuf, sequence: i64, parent: &str) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let data: String = connection
        .query_row(
            "SELECT data FROM capsules WHERE sequence = ?",
            [sequence],
            |row| row.get(0),
        )
        .unwrap();
    let mut content: Value = serde_json::from_str(&data).unwrap();
    content["parent_id"] = json!(parent);
    connection
        .execute(
            "UPDATE capsules SET data = ? WHERE sequence = ?",
            rusqlite::params![content.to_string(), sequence],
        )
        .unwrap();
}

const WHOLE: &str = "\
CAPSULE        TYPE   STATUS   AFTER   TOOK  SEQ  NOTE
deploy-bot     agent  success         3.4 s    0
└─ http_probe  tool   failure  2.0 s  1.5 s    1  connection reset
";

#[test]
fn from_any_capsule_to_its_whole_tree() {
    let (home, _) = home();
    for args in [
        &[AGENT][..],
        &[TOOL],
        &["0199f3a0-2222"],
        &["capsule://audit/1"],
        &[AGENT, "--below"],
        &["--session", "session-abc"],
    ] {
        assert_eq!(
            home.run([&["tree"], args].concat()).passed(),
            WHOLE,
            "{args:?}"
        );
    }
    assert_eq!(
        home.run(["tree", TOOL, "--below"]).passed(),
        format!(
            "\
CAPSULE     TYPE  STATUS   AFTER   TOOK  SEQ  NOTE
http_probe  tool  failure         1.5 s    1  its parent is {AGENT}; connection reset
"
        )
    );
    let correlated = "\
CAPSULE     TYPE   STATUS   AFTER   TOOK  SEQ  NOTE
deploy-bot  agent  success         3.4 s    0
";
    for args in [&["--tenant", "acme"][..], &[]] {
        let args = [&["tree", "--correlation", "corr-7"], args].concat();
        assert_eq!(home.run(&args).passed(), correlated);
    }
    for args in [
        &["--session", "none"][..],
        &["--correlation", "none"],
        &["--correlation", "corr-7", "--tenant", "umbrella"],
    ] {
        assert_eq!(
            home.run([&["tree"], args].concat()).passed(),
            "No capsules match.\n"
        );
    }
}

#[test]
fn sisters_are_connected() {
    let (home, path) = home();
    name_parent(&path, 2, AGENT);
    assert_eq!(
        home.run(["tree", AGENT]).passed(),
        "\
CAPSULE        TYPE    STATUS    AFTER   TOOK  SEQ  NOTE
deploy-bot     agent   success          3.4 s    0
├─ http_probe  tool    failure   2.0 s  1.5 s    1  connection reset
└─ nightly     system  pending  30.0 s   0 ms    2
"
    );
    name_parent(&path, 2, TOOL);
    assert_eq!(
        home.run(["tree", AGENT, "--rebuild"]).passed(),
        "\
CAPSULE        TYPE    STATUS    AFTER   TOOK  SEQ  NOTE
deploy-bot     agent   success          3.4 s    0
└─ http_probe  tool    failure   2.0 s  1.5 s    1  connection reset
   └─ nightly  system  pending  30.0 s   0 ms    2
"
    );
    let cut = home.run(["tree", AGENT, "--limit", "2"]).passed();
    assert!(
        cut.ends_with("caused more; connection reset\n\nThere are more: a larger --limit or --depth shows them.\n"),
        "{cut}"
    );
    let cut = home.run(["tree", AGENT, "--depth", "1", "--json"]).passed();
    let cut: Value = serde_json::from_str(&cut).unwrap();
    assert_eq!(
        (&cut["cut"], &cut["capsules"][0]["cut"]),
        (&json!(true), &json!(true))
    );
}

/// Records that were falsified are shown with what is wrong.
#[test]
fn circles_and_missing_parents_are_marked() {
    let (home, path) = home();
    name_parent(&path, 0, TOOL);
    let circle = home.run(["tree", AGENT]).passed();
    assert_eq!(
        circle,
        "\
CAPSULE           TYPE   STATUS   AFTER   TOOK  SEQ  NOTE
deploy-bot        agent  success         3.4 s    0  its own ancestor: a circle
└─ http_probe     tool   failure  2.0 s  1.5 s    1  connection reset
   └─ deploy-bot  agent  success   0 ms  3.4 s    0  its own ancestor: a circle
"
    );
    let session = home.run(["tree", "--session", "session-abc"]).passed();
    assert!(session.contains("its own ancestor: a circle"), "{session}");
    name_parent(&path, 0, "0199f3a0-9999-4a22-8a22-000000000002");
    let missing = home.run(["tree", TOOL]).passed();
    assert!(
        missing.contains("its parent 0199f3a0-9999-4a22-8a22-000000000002 is missing"),
        "{missing}"
    );
}

#[test]
fn json() {
    let (home, _) = home();
    let printed = home.run(["tree", AGENT, "--json"]).passed();
    let tree: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(
        tree,
        json!({"cut": false, "capsules": [
            {"depth": 0, "link": "root", "cut": false, "id": AGENT, "sequence": 0,
             "type": "agent", "parent_id": null, "source": "deploy-bot",
             "agent": "deploy_bot::run", "status": "success", "error": null,
             "began": "2026-01-15T12:00:00+00:00", "duration_ms": 3421},
            {"depth": 1, "link": "child", "cut": false, "id": TOOL, "sequence": 1,
             "type": "tool", "parent_id": AGENT, "source": "http_probe",
             "agent": tree["capsules"][1]["agent"], "status": "failure",
             "error": "connection reset", "began": "2026-01-15T12:00:02+00:00",
             "duration_ms": 1500},
        ]})
    );
}

#[test]
fn what_cannot_be_shown_is_an_error() {
    let (home, _) = home();
    for (args, message) in [
        (&[][..], "required"),
        (&["ffffffff"], "no capsule whose id begins with ffffffff"),
        (&["0199f3a0"], "several capsules"),
        (&[AGENT, "--session", "s"], "cannot be used with"),
        (&["--depth", "0", AGENT], "is not in 1.."),
    ] {
        let error = home.run([&["tree"], args].concat()).error();
        assert!(error.contains(message), "{args:?} {error}");
    }
}

#[test]
fn colours_are_for_terminals_and_for_who_asks() {
    let (home, _) = home();
    let run = |variable| {
        let mut command = home.command();
        Ran::of(command.args(["tree", AGENT]).env(variable, "1")).passed()
    };
    let printed = run("CLICOLOR_FORCE");
    assert!(printed.contains("\u{1b}[1mdeploy-bot"), "{printed}");
    assert!(!run("NO_COLOR").contains('\u{1b}'));
}
