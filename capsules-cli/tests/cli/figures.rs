//! What `docs/BENCHMARKS.md` says of the two commands, measured.

use std::process::Command;

use std::time::{Duration, Instant};

use capsules_core::storage::SqliteStorage;
use capsules_core::{
    Capsule, CapsuleType, DataDir, Draft, Head, Position, Seal, Storage, Unsigned,
};
use capsules_tests::{python, target_dir, temp_dir};

/// Both commands verify the same files, one after the other, as whole processes. Needs
/// `cargo build --release -p capsules-cli`.
#[test]
#[ignore = "minutes; needs a release build"]
fn verification_beside_the_python_command() {
    if python::interpreter().is_none() {
        return;
    }
    let dir = temp_dir();
    let seal = Seal::open(&DataDir::new(dir.path()).unwrap()).unwrap();
    let ours = || {
        let mut command = Command::new(target_dir().join("release/capsules"));
        command.env("QUANTUMPIPES_DATA_DIR", dir.path());
        command
    };
    for capsules in [10_000, 100_000] {
        let path = dir.path().join(format!("{capsules}.db"));
        fill(&SqliteStorage::open(&path).unwrap(), &seal, capsules);
        let arguments = ["verify", "--signatures", "--db", path.to_str().unwrap()];
        let mut spent: Vec<Duration> = (0..5)
            .map(|_| {
                let start = Instant::now();
                let output = ours().args(arguments).output().unwrap();
                assert!(output.status.success(), "{}", python::transcript(&output));
                start.elapsed()
            })
            .collect();
        spent.sort();
        let start = Instant::now();
        let output = python::capsule(dir.path(), &arguments);
        assert!(output.status.success(), "{}", python::transcript(&output));
        let (ours, python) = (spent[2].as_secs_f64(), start.elapsed().as_secs_f64());
        println!(
            "{capsules} capsules: capsules {ours:.3} s, Python {python:.2} s: {:.0} times",
            python / ours
        );
    }
}

fn fill(store: &SqliteStorage, seal: &Seal, capsules: usize) {
    let mut capsule = Capsule::new(CapsuleType::Tool);
    capsule.trigger.request = "Which of the three offers fits the budget? ".repeat(5);
    capsule.reasoning.analysis = "Three offers were compared by price and date. ".repeat(6);
    capsule.reasoning.reasoning = "The second is the cheapest in time. ".repeat(4);
    let mut seal_next = |head: Option<&Head>| {
        let mut head = head.cloned();
        let mut records = Vec::new();
        for _ in 0..1_000 {
            capsule.id = Capsule::new(CapsuleType::Tool).id;
            let draft = Draft::new(&capsule).unwrap();
            let linked = Unsigned::new(&draft, &Position::after(head.as_ref()));
            head = Some(linked.head());
            records.push(seal.sign(linked)?);
        }
        Ok(records)
    };
    for _ in 0..capsules / 1_000 {
        store.append(None, &mut seal_next).unwrap();
    }
    store.close().unwrap();
}
