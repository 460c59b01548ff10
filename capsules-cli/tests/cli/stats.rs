//! `stats`.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{Home, Ran, fill_store};

fn home() -> Home {
    let home = Home::new();
    fill_store(&home.path().join(".quantumpipes/capsules.db"));
    home
}

#[test]
fn a_chain_in_numbers() {
    assert_eq!(
        home().run(["stats"]).passed(),
        "\
3 capsules, begun from 2026-01-15 12:00:00 to 2026-01-15 12:00:30 UTC

TYPE    COUNT  FAILED    P50    P95    P99    MAX
agent       1       0  3.4 s  3.4 s  3.4 s  3.4 s
system      1       0   0 ms   0 ms   0 ms   0 ms
tool        1       1  1.5 s  1.5 s  1.5 s  1.5 s

SOURCE      COUNT  FAILED    P50    P95    P99    MAX
deploy-bot      1       0  3.4 s  3.4 s  3.4 s  3.4 s
http_probe      1       1  1.5 s  1.5 s  1.5 s  1.5 s
nightly         1       0   0 ms   0 ms   0 ms   0 ms

STATUS   COUNT   SHARE
failure      1  33.3 %
pending      1  33.3 %
success      1  33.3 %

TENANT  COUNT   SHARE
acme        2  66.7 %

DAY (UTC)   COUNT    SHARE
2026-01-15      3  100.0 %

ERROR             COUNT   SHARE
connection reset      1  33.3 %
"
    );
}

#[test]
fn the_rarer_names_are_counted_together() {
    let printed = home().run(["stats", "--top", "1"]).passed();
    assert!(
        printed.contains(
            "\
SOURCE      COUNT  FAILED    P50    P95    P99    MAX
deploy-bot      1       0  3.4 s  3.4 s  3.4 s  3.4 s
(2 others)      2       1   0 ms  1.5 s  1.5 s  1.5 s
"
        ),
        "{printed}"
    );
}

#[test]
fn filters_select_what_is_counted() {
    let home = home();
    for (filter, total) in [
        (&["--type", "tool"][..], 1),
        (&["--tenant", "acme"], 2),
        (&["--session", "session-abc"], 2),
        (&["--status", "failure"], 1),
        (&["--since", "2026-01-15T12:00:02"], 2),
        (&["--domain", "nowhere"], 0),
    ] {
        let printed = home.run([&["stats", "--json"], filter].concat()).passed();
        let stats: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(stats["total"], total, "{filter:?}");
    }
    let none = home.run(["stats", "--type", "kill"]).passed();
    assert_eq!(none, "0 capsules\n");
}

#[test]
fn json() {
    let printed = home().run(["stats", "--json", "--type", "tool"]).passed();
    let stats: Value = serde_json::from_str(&printed).unwrap();
    // To within 1.6 %, but never above the greatest.
    let took = json!({"p50": 1500, "p95": 1500, "p99": 1500, "max": 1500});
    let group = json!({"count": 1, "failures": 1, "duration_ms": took});
    let nothing = Value::Null;
    let expected = json!({
        "total": 1, "unreadable": 0,
        "first": "2026-01-15T12:00:02+00:00", "last": "2026-01-15T12:00:02+00:00",
        "types": {"tool": group}, "sources": {"http_probe": group},
        "statuses": {"failure": 1}, "tenants": {"acme": 1}, "days": {"2026-01-15": 1},
        "errors": {"connection reset": 1},
        "others": {"types": nothing, "sources": nothing, "statuses": nothing,
            "tenants": nothing, "days": nothing, "errors": nothing},
    });
    assert_eq!(stats, expected);
}

/// Stored text cannot steer the terminal, and a content that cannot be read is said.
#[test]
fn what_is_damaged_is_counted_apart() {
    let home = home();
    let path = home.path().join(".quantumpipes/capsules.db");
    let change = |sql: &str| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    change("UPDATE capsules SET data = '[' WHERE sequence = 2");
    change("UPDATE capsules SET type = char(27) || '[2J' WHERE sequence = 1");
    let printed = home.run(["stats"]).passed();
    assert!(
        printed.contains("\n1 unreadable, in no other figure\n"),
        "{printed}"
    );
    assert!(printed.contains("\n\\u{1b}[2J      1 "), "{printed}");
}

#[test]
fn colours_are_for_terminals_and_for_who_asks() {
    let home = home();
    let run = |variable| {
        let mut command = home.command();
        Ran::of(command.arg("stats").env(variable, "1")).passed()
    };
    assert!(run("CLICOLOR_FORCE").contains("\u{1b}[32msuccess\u{1b}[0m"));
    assert!(!run("NO_COLOR").contains('\u{1b}'));
}
