//! What `docs/BENCHMARKS.md` says of the two commands, measured.

use std::process::{Command, Output};
use std::time::Instant;

use capsules_core::storage::SqliteStorage;
use capsules_core::{
    Capsule, CapsuleType, DataDir, Draft, Head, Position, Seal, Storage, Unsigned,
};
use capsules_tests::{python, target_dir, temp_dir};

/// Both commands verify the same files, in turns, as whole processes. Needs
/// `cargo build --release -p capsules-cli`.
#[test]
#[ignore = "minutes; needs a release build"]
fn verification_beside_the_python_command() {
    if python::interpreter().is_none() {
        return;
    }
    let dir = temp_dir();
    let seal = Seal::open(&DataDir::new(dir.path()).unwrap()).unwrap();
    let command = || {
        let mut command = Command::new(target_dir().join("release/capsules"));
        command.env("QUANTUMPIPES_DATA_DIR", dir.path());
        command
    };
    for capsules in [10_000, 100_000] {
        let path = dir.path().join(format!("{capsules}.db"));
        fill(&SqliteStorage::open(&path).unwrap(), &seal, capsules);
        let arguments = ["verify", "--signatures", "--db", path.to_str().unwrap()];
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            for _ in 0..3 {
                ours.push(seconds(|| command().args(arguments).output().unwrap()));
            }
            theirs.push(seconds(|| python::capsule(dir.path(), &arguments)));
        }
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "{capsules} capsules: capsules {ours:.3} s, Python {theirs:.2} s: {:.0} times",
            theirs / ours
        );
    }
}

/// How long a command takes, which has to succeed.
fn seconds(run: impl FnOnce() -> Output) -> f64 {
    let start = Instant::now();
    let output = run();
    assert!(output.status.success(), "{}", python::transcript(&output));
    start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
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
