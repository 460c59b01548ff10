//! `tail --follow`.

use std::thread;
use std::time::Duration;

use capsules::Capsules;
use capsules_tests::postgres::{Server, server};
use serde_json::Value;

use super::{Store, run};
use crate::support::Home;
use crate::tail::Following;

/// A chain that is new is followed as well, and one that is not chosen is not.
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

/// Nothing is shown twice and nothing left out, however long it takes.
#[test]
fn a_server_that_is_restarted_is_followed_further() {
    if server().is_none() {
        return;
    }
    let server = Server::start().unwrap();
    let (home, url) = (Home::new(), server.schema());
    let instance = Capsules::builder()
        .path(&url)
        .data_dir(home.path().join(".quantumpipes"))
        .build()
        .unwrap();
    let act = |number: usize| {
        let tenant = [None, Some("acme"), Some("globex")][number % 3];
        instance.scope_sync(|| run(tenant, &format!("number {number}")));
    };
    act(0);
    instance.flush().wait().unwrap();
    let options = ["-n", "1", "--type", "agent", "--json", "--pg", &url];
    let mut tail = Following::begin(&home, &options);
    let mut seen = vec![tail.line()];
    let mut follow = |until: usize| {
        while seen.len() < until {
            seen.push(tail.line());
        }
    };
    let mut count = 1;
    for away in [Duration::ZERO, Duration::from_secs(7)] {
        for number in count..count + 40 {
            act(number);
            if number == count + 10 {
                server.stop();
            }
        }
        thread::sleep(away);
        server.restart();
        count += 40;
        follow(count);
    }
    let mut asked: Vec<_> = seen
        .iter()
        .map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            let request = record["trigger"]["request"].as_str().unwrap();
            let (_, number) = request.rsplit_once("number ").unwrap();
            number
                .trim_end_matches(['"', '}'])
                .parse::<usize>()
                .unwrap()
        })
        .collect();
    asked.sort_unstable();
    assert_eq!(asked, (0..count).collect::<Vec<_>>());
    let output = tail.leave();
    let said = String::from_utf8(output.stderr).unwrap();
    let lost = format!(
        "note: cannot reach the capsule store postgresql://capsules@127.0.0.1:{}",
        server.port()
    );
    assert!((1..=2).contains(&said.matches(&lost).count()), "{said}");
    assert_eq!(
        said.matches("; waiting for it").count(),
        said.matches(" is back").count(),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(0));
}
