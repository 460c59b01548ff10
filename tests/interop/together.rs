//! Both sides at work in one directory: in turn, at once, and across rotations of the key.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use capsules_core::{Capsule, CapsuleType, Keyring, Seal};
use capsules_tests::python;

use crate::records;
use crate::support::{Shared, WRITE, append};

const APPEND: &str = include_str!("python/append.py");

#[test]
fn in_turn() {
    let Some(shared) = Shared::new() else { return };
    for turn in 0..3 {
        shared.python(WRITE, &["sync", "2"]);
        shared.append(&records::all()[turn..turn + 2]);
        shared.python(WRITE, &["asyncio", "1"]);
    }
    shared.python(WRITE, &["rich"]);
    shared.append(&records::all());
    shared.assert_verified_by_both(3 * 5 + 4 + records::all().len());
}

#[test]
fn in_turn_from_our_side() {
    let Some(shared) = Shared::new() else { return };
    shared.append(&records::all()[..1]);
    shared.python(WRITE, &["sync", "2"]);
    shared.append(&records::all()[..1]);
    shared.assert_verified_by_both(4);
    assert_eq!(
        Keyring::read(&shared.data).unwrap().epochs().len(),
        1,
        "one key for both"
    );
}

/// They give up after a few lost races and lose the record; ours are all there.
#[test]
fn at_once() {
    const OURS: usize = 200;

    let Some(shared) = Shared::new() else { return };
    shared.append(&[Capsule::new(CapsuleType::System)]);
    let log = shared.path().join("append.log");
    let mut child = python::command()
        .args(["-c", APPEND, "60"])
        .env("QUANTUMPIPES_DATA_DIR", shared.path())
        .stdout(Stdio::piped())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut ready = String::new();
    output.read_line(&mut ready).unwrap();

    let store = shared.store();
    let seal = Seal::open(&shared.data).unwrap();
    for _ in 0..OURS {
        append(&store, &seal, &[Capsule::new(CapsuleType::Agent)]);
        thread::sleep(Duration::from_millis(2));
    }
    let mut kept = String::new();
    output.read_to_string(&mut kept).unwrap();
    assert!(
        child.wait().unwrap().success(),
        "{}",
        fs::read_to_string(&log).unwrap()
    );
    let kept: usize = kept.trim().parse().unwrap();

    let records = shared.records();
    let ours = records
        .iter()
        .filter(|record| record.columns.kind == "agent")
        .count();
    let theirs = records
        .iter()
        .filter(|record| record.columns.kind == "tool")
        .count();
    assert_eq!(ours, OURS);
    assert_eq!(theirs, kept);
    assert!(kept > 0, "they wrote nothing");
    shared.assert_verified_by_both(1 + OURS + kept);
}

#[test]
fn key_rotated_by_them() {
    let Some(shared) = Shared::new() else { return };
    shared.append(&records::all()[..2]);
    shared.python(WRITE, &["sync", "2"]);
    let output = python::capsule(shared.path(), &["keys", "rotate"]);
    assert!(output.status.success(), "{}", python::transcript(&output));
    shared.append(&records::all()[..2]);
    shared.python(WRITE, &["sync", "2"]);
    shared.assert_verified_by_both(8);
    assert_two_epochs(&shared);
}

#[test]
fn key_rotated_by_us() {
    let Some(shared) = Shared::new() else { return };
    shared.python(WRITE, &["sync", "2"]);
    shared.python(WRITE, &["rich"]);
    shared.append(&records::all()[..2]);
    Keyring::rotate(&shared.data).unwrap();
    shared.python(WRITE, &["sync", "2"]);
    shared.python(WRITE, &["rich"]);
    shared.append(&records::all()[..2]);
    shared.assert_verified_by_both(16);
    assert_two_epochs(&shared);
}

/// A directory with `key` alone, as versions without a keyring left it.
#[test]
fn key_without_a_keyring() {
    let Some(shared) = Shared::new() else { return };
    shared.python(WRITE, &["sync", "2"]);
    assert!(
        !shared.data.keyring().exists(),
        "their recorder writes none"
    );
    shared.append(&records::all()[..1]);
    shared.python(WRITE, &["rich"]);
    shared.assert_verified_by_both(7);
    assert_eq!(Keyring::read(&shared.data).unwrap().epochs().len(), 1);
}

/// Checks that the first record was signed by a retired epoch and the last by the active one.
#[track_caller]
fn assert_two_epochs(shared: &Shared) {
    let keyring = Keyring::read(&shared.data).unwrap();
    let [retired, active] = keyring.epochs() else {
        panic!("{keyring:?}")
    };
    assert_eq!(keyring.active(), Some(active));
    let records = shared.records();
    let signer = |index: usize| {
        let name = records[index].signed_by.as_deref().unwrap();
        keyring.lookup(name)[0]
    };
    assert_eq!(signer(0), retired);
    assert_eq!(signer(records.len() - 1), active);
}
