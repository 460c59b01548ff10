//! `list`.

use crate::support::{Home, fill_store};

fn home() -> Home {
    let home = Home::new();
    fill_store(&home.path().join(".quantumpipes/capsules.db"));
    home
}

#[test]
fn the_newest_come_first() {
    assert_eq!(
        home().run(["list"]).passed(),
        r"SEQ  BEGAN (UTC)          TYPE    STATUS   SOURCE      REQUEST                                                         TOOK  HASH
  2  2026-01-15 12:00:30  system  pending  nightly                                                                     0 ms  dedca7233ffd
  1  2026-01-15 12:00:02  tool    failure  http_probe  GET https://green.example \u{1b}[31mred\u{1b}[0m               1.5 s  383241a8adae
  0  2026-01-15 12:00:00  agent   success  deploy-bot  Deploy version 2.4 to production\nand tell me when it is done  3.4 s  3a22ff10020f
"
    );
}

#[test]
fn every_filter_selects() {
    let home = home();
    for (filter, sequences) in [
        (&["--type", "tool"][..], &["1"][..]),
        (&["--tenant", "acme"], &["1", "0"]),
        (&["--domain", "ops"], &["2"]),
        (&["--session", "session-abc"], &["1", "0"]),
        (&["--status", "success"], &["0"]),
        (&["--since", "2026-01-15T12:00:02"], &["2", "1"]),
        (&["--until", "2026-01-15T13:00:02+01:00"], &["0"]),
        (
            &["--since", "2026-01-15", "--until", "2026-01-16"],
            &["2", "1", "0"],
        ),
        (&["--offset", "1"], &["1", "0"]),
        (&["--limit", "3"], &["2", "1", "0"]),
        (&["--before", "2"], &["1", "0"]),
        (&["--after", "0", "--before", "2"], &["1"]),
        (&["--oldest-first"], &["0", "1", "2"]),
        (&["--until", "yesterday"], &["2", "1", "0"]),
        (&["--until", "1h30m"], &["2", "1", "0"]),
    ] {
        let printed = home.run([&["list"], filter].concat()).passed();
        let rows = printed.lines().skip(1);
        let found: Vec<_> = rows
            .filter_map(|row| row.split_whitespace().next())
            .collect();
        assert_eq!(found, sequences, "{filter:?}");
    }
    assert_eq!(
        home.run(["list", "--status", "blocked"]).passed(),
        "No capsules match.\n"
    );
}

#[test]
fn the_rest_is_announced() {
    let printed = home()
        .run(["list", "--limit", "1", "--offset", "1"])
        .passed();
    assert!(
        printed.ends_with("383241a8adae\n\nThere are more: --before 1, or a larger --limit.\n"),
        "{printed}"
    );
}

#[test]
fn a_cursor_leads_to_the_end() {
    let home = home();
    let run = |args: &[&str]| {
        home.run([&["list", "--limit", "2"], args].concat())
            .passed()
    };
    assert!(run(&[]).ends_with("There are more: --before 1, or a larger --limit.\n"));
    let last = run(&["--before", "1"]);
    assert!(last.ends_with("3a22ff10020f\n"), "{last}");
    let oldest = run(&["--oldest-first"]);
    assert!(
        oldest.ends_with("There are more: --after 1, or a larger --limit.\n"),
        "{oldest}"
    );
    let none = home.run(["list", "--limit", "0"]).passed();
    assert!(
        none.ends_with("There are more: a larger --limit.\n"),
        "{none}"
    );
}

#[test]
fn columns_are_chosen() {
    let home = home();
    assert_eq!(
        home.run([
            "list",
            "--columns",
            "seq,parent,tenant,user,error,signed-by"
        ])
        .passed(),
        "\
SEQ  PARENT                                TENANT  USER  ERROR             SIGNED BY
  2                                                                        qp_key_1eba
  1  0199f3a0-1111-4a11-8a11-000000000001  acme          connection reset  qp_key_5d53
  0                                        acme    dana                    qp_key_5d53
"
    );
    let every = home
        .run([
            "list",
            "--limit",
            "1",
            "--columns",
            "id,time,type,status,source,request,took,hash,summary,agent,domain,session,correlation,\
             model",
        ])
        .passed();
    assert!(
        every.contains("0199f3a0-3333-4a33-8a33-000000000003"),
        "{every}"
    );
    let error = home.run(["list", "--columns", "seq,colour"]).error();
    assert!(error.contains("invalid value 'colour'"), "{error}");
}

#[test]
fn json_has_the_shape_of_the_http_interface() {
    let printed = home()
        .run([
            "list", "--json", "--total", "--limit", "1", "--tenant", "acme",
        ])
        .passed();
    let page: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(page["capsules"].as_array().unwrap().len(), 1);
    assert_eq!(page["capsules"][0]["sequence"], 1);
    assert_eq!(page["capsules"][0]["signed_by"], "qp_key_5d53");
    assert_eq!([&page["total"], &page["limit"], &page["offset"]], [2, 1, 0]);
    let none = home().run(["list", "--json", "--type", "kill"]).passed();
    let none: serde_json::Value = serde_json::from_str(&none).unwrap();
    assert_eq!(
        (&none["capsules"], &none["total"]),
        (&serde_json::json!([]), &0.into())
    );
}

/// A page that is not full tells how many there are; of a full one it is counted for whoever asks.
#[test]
fn the_total_is_counted_on_demand() {
    let home = home();
    for (args, total) in [
        (&["--limit", "2", "--total"][..], Some(3)),
        (&["--limit", "3", "--total"], Some(3)),
        (&["--limit", "4", "--total"], Some(3)),
        (&["--limit", "2", "--offset", "2"], Some(3)),
        (&["--limit", "2", "--offset", "7", "--total"], Some(3)),
        (&["--limit", "0", "--total"], Some(3)),
        (&["--limit", "4", "--type", "kill"], Some(0)),
        (&["--limit", "2"], None),
        (&["--limit", "3"], None),
        (&["--limit", "4"], Some(3)),
        (&["--limit", "2", "--offset", "7"], None),
    ] {
        let printed = home.run([&["list", "--json"], args].concat()).passed();
        let page: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(page["total"].as_u64(), total, "{args:?}");
        assert!(page["total"].is_u64() || page["total"].is_null());
    }
    assert!(home.run(["list", "--total"]).error().contains("--json"));
}

#[test]
fn what_cannot_be_listed_is_an_error() {
    let home = Home::new();
    home.file("text", "no database");
    for (args, message) in [
        (
            &[][..],
            "capsules.db; name one with --db or --pg, or give an export\n",
        ),
        (&["--db", "none.db"], "none.db: there is no such file\n"),
        (&["--db", "text"], "text: it is not a SQLite database"),
        (
            &["--db", "postgres://db"],
            "--db names a file; give a URL with --pg",
        ),
        (
            &["--type", "toll"],
            "the types are agent, tool, system, kill",
        ),
        (&["--since", "noon"], "such as 24h"),
    ] {
        let error = home.run([&["list"], args].concat()).error();
        assert!(error.contains(message), "{error}");
    }
    assert!(!home.path().join("none.db").exists());
}

#[test]
fn looking_leaves_the_directory_as_it_was() {
    let home = home();
    let files = || {
        let entries = std::fs::read_dir(home.path().join(".quantumpipes")).unwrap();
        let mut files: Vec<_> = entries
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = files();
    home.run(["list"]).passed();
    home.run(["inspect", "--seq", "1"]).passed();
    assert_eq!(files(), before);
}

#[test]
fn colours_are_for_terminals_and_for_who_asks() {
    let home = home();
    let run = |variable| {
        let mut command = home.command();
        crate::support::Ran::of(command.arg("list").env(variable, "1")).passed()
    };
    assert!(run("CLICOLOR_FORCE").contains("\u{1b}[32msuccess\u{1b}[0m"));
    assert!(!run("NO_COLOR").contains('\u{1b}'));
}
