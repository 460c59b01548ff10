//! Many processes, each with many tasks, that record for many tenants.

use std::collections::HashSet;
use std::fs;
use std::process::{Command, Stdio};

use capsules::{Capsules, Uuid};
use capsules_tests::postgres::server;

use crate::support::verified;

/// A number that the environment may set.
fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}

#[test]
fn many_processes_record_for_many_tenants_and_nothing_is_lost() {
    let Some(server) = server() else { return };
    let url = server.schema();
    let data = capsules_tests::temp_dir();
    // The first to come makes the key and the table, for all.
    Capsules::builder()
        .path(&url)
        .data_dir(data.path())
        .build()
        .unwrap();
    let processes = number("CAPSULES_CRASH_PROCESSES", 8);
    let sizes = [
        50,
        number("CAPSULES_CRASH_TASKS", 16),
        number("CAPSULES_CRASH_CALLS", 10),
    ];
    let mut children: Vec<_> = (0..processes)
        .map(|process| {
            Command::new(env!("CARGO_BIN_EXE_tenants"))
                .arg(&url)
                .arg(data.path())
                .arg(data.path().join(format!("log-{process}")))
                .args(sizes.map(|size| size.to_string()))
                .stdin(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let mut returned = HashSet::new();
    for process in 0..processes {
        let log = fs::read_to_string(data.path().join(format!("log-{process}"))).unwrap();
        returned.extend(log.lines().map(|line| line.parse::<Uuid>().unwrap()));
    }
    assert_eq!(returned.len(), processes * sizes[1] * sizes[2]);
    assert_eq!(verified(&url, data.path()), returned);
    println!("{} capsules of {} tenants", returned.len(), sizes[0]);
}
