//! `import`.

use capsules_core::export::{Format, Records, Writer};
use capsules_core::{
    Capsule, CapsuleType, DataDir, Draft, Position, Seal, SealedRecord, Unsigned, sha3_256,
};
use serde_json::{Value, json};

use crate::support::{Home, Ran, data, fill_store};

fn home() -> Home {
    let home = Home::new();
    home.data_file("keyring.json", data("keyring.json"));
    home
}

fn chain() -> Vec<SealedRecord> {
    Records::new(&*data("chain.json"))
        .collect::<Result<_, _>>()
        .unwrap()
}

fn lines(records: &[SealedRecord]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), Format::Lines);
    for record in records {
        writer.write(record).unwrap();
    }
    writer.finish().unwrap()
}

fn import(home: &Home, export: impl AsRef<[u8]>, db: &str) -> (Ran, Value) {
    let ran = home.pipe(export, &["import", "-", "--json", "--db", db]);
    let answer = serde_json::from_str(&ran.stdout).unwrap_or_default();
    (ran, answer)
}

fn counts(answer: &Value) -> [u64; 3] {
    ["imported", "present", "total"].map(|name| answer[name].as_u64().unwrap())
}

#[test]
fn every_form_is_read_and_a_repetition_changes_nothing() {
    let home = home();
    let chain = chain();
    let lines = lines(&chain);
    for (export, db) in [(data("chain.json"), "a.db"), (lines, "b.db")] {
        let (ran, answer) = import(&home, &export, db);
        assert_eq!(ran.status, 0, "{ran:?}");
        assert_eq!(counts(&answer), [3, 0, 3]);
        let before = std::fs::read(home.path().join(db)).unwrap();
        assert_eq!(counts(&import(&home, &export, db).1), [0, 3, 3]);
        assert_eq!(std::fs::read(home.path().join(db)).unwrap(), before);
    }
    let single = chain[0].to_json().unwrap();
    assert_eq!(counts(&import(&home, single, "c.db").1), [1, 0, 1]);
    assert_eq!(counts(&import(&home, "[]", "d.db").1), [0, 0, 0]);
    assert!(!home.path().join("d.db").exists());
}

#[test]
fn pieces_are_joined_wherever_they_overlap() {
    let home = home();
    let chain = chain();
    for (piece, expected) in [
        (&chain[..2], [2, 0, 2]),
        (&chain[1..2], [0, 1, 1]),
        (&chain[1..], [1, 1, 2]),
        (&chain[2..], [0, 1, 1]),
    ] {
        let (ran, answer) = import(&home, lines(piece), "a.db");
        assert_eq!((ran.status, counts(&answer)), (0, expected), "{ran:?}");
    }
    let verified = home.run(["verify", "--db", "a.db", "--signatures", "--json"]);
    assert!(verified.passed().contains("\"capsules_verified\": 3"));
}

/// Nothing is written when the last capsule is bad, to a new store or to one that has some.
#[test]
fn what_does_not_verify_is_refused_and_nothing_is_written() {
    let chain = chain();
    let changed = |index: usize, change: &dyn Fn(&mut SealedRecord)| {
        let mut chain = chain.clone();
        change(&mut chain[index]);
        chain
    };
    let rehashed = |record: &mut SealedRecord| {
        record.content = record.content.replace("nightly", "hourly");
        record.hash = sha3_256(record.content.as_bytes()).to_string();
    };
    let without = |index| {
        let mut chain = chain.clone();
        chain.remove(index);
        chain
    };
    let swapped = {
        let mut chain = chain.clone();
        chain.swap(1, 2);
        chain
    };
    for (export, message) in [
        (
            changed(2, &|record| {
                record.content = record.content.replace("nightly", "hourly");
            }),
            "the content has another hash",
        ),
        (changed(2, &rehashed), "not one of a trusted key"),
        (
            changed(2, &|record| record.signature.clear()),
            "the record has no signature",
        ),
        (without(1), "Sequence gap: expected 1, got 2"),
        (without(0), "Sequence gap: expected 0, got 1"),
        (swapped, "Sequence gap: expected 1, got 2"),
    ] {
        let home = home();
        let (ran, answer) = import(&home, lines(&export), "new.db");
        assert_eq!(ran.status, 1, "{ran:?}");
        assert_eq!(answer["valid"], json!(false));
        assert_eq!(answer["imported"], json!(0));
        let error = answer["errors"][0]["error"].as_str().unwrap();
        assert!(error.contains(message), "{message}: {error}");
        assert!(!home.path().join("new.db").exists());
    }

    let home = home();
    import(&home, lines(&chain[..2]), "a.db");
    let before = std::fs::read(home.path().join("a.db")).unwrap();
    let export = lines(&changed(2, &rehashed));
    let ran = home.pipe(export, &["import", "-", "--db", "a.db"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(
        ran.stdout.starts_with("Refused capsule 2 0199f3a0-"),
        "{ran:?}"
    );
    assert!(
        ran.stdout.ends_with("Nothing was imported into a.db\n"),
        "{ran:?}"
    );
    assert_eq!(std::fs::read(home.path().join("a.db")).unwrap(), before);
}

/// Another chain that the same key signed, which the store's cannot go on with.
#[test]
fn a_chain_is_not_forked() {
    let home = home();
    for (key, db) in [("one", "one.db"), ("two", "two.db")] {
        home.run(["keys", "rotate", "--data-dir", key]).passed();
        let dir = DataDir::new(home.path().join(key)).unwrap();
        let seal = Seal::open(&dir).unwrap();
        let capsule = Capsule::new(CapsuleType::Tool);
        let draft = Draft::new(&capsule).unwrap();
        let record = seal.seal(&draft, &Position::after(None)).unwrap();
        home.file(db, lines(&[record]));
    }
    let import = |export, db| {
        let args = ["import", export, "--db", db, "--data-dir", "two"];
        home.run(args)
    };
    assert_eq!(import("two.db", "store.db").status, 0);
    fill_store(&home.path().join("other.db"));
    let ran = import("two.db", "other.db");
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(
        ran.stdout.contains("importing would fork the chain"),
        "{ran:?}"
    );
    // And whose key is not trusted gets nowhere.
    let ran = import("one.db", "store.db");
    assert!(ran.stdout.contains("not one of a trusted key"), "{ran:?}");
}

#[test]
fn an_id_is_there_once() {
    let home = home();
    home.run(["keys", "rotate", "--data-dir", "k"]).passed();
    let dir = DataDir::new(home.path().join("k")).unwrap();
    let seal = Seal::open(&dir).unwrap();
    let capsule = Capsule::new(CapsuleType::Tool);
    let draft = Draft::new(&capsule).unwrap();
    let mut head = None;
    let records: Vec<_> = (0..2)
        .map(|_| {
            let position = Position::after(head.as_ref());
            let unsigned = Unsigned::new(&draft, &position);
            head = Some(unsigned.head());
            seal.sign(unsigned).unwrap()
        })
        .collect();
    let args = ["import", "-", "--db", "a.db", "--data-dir", "k"];
    let whole = home.pipe(lines(&records), &args);
    assert!(
        whole.stdout.contains("an earlier capsule with this id"),
        "{whole:?}"
    );
    assert!(!home.path().join("a.db").exists());
    assert_eq!(home.pipe(lines(&records[..1]), &args).status, 0);
    // It comes before what is wrong with a later one.
    let mut unsealed = records[1].clone();
    unsealed.signature = "00".repeat(64);
    unsealed.columns.id = Capsule::new(CapsuleType::Tool).id.to_string();
    for rest in [&records[1..], &[records[1].clone(), unsealed]] {
        let second = home.pipe(lines(rest), &args);
        assert!(
            second.stdout.contains("an earlier capsule with this id"),
            "{second:?}"
        );
    }
}

#[test]
fn a_rehearsal_writes_nothing() {
    let home = home();
    home.file("chain.json", data("chain.json"));
    let ran = home.run(["import", "chain.json", "--dry-run"]);
    assert!(ran.passed().starts_with("Would import 3 capsules into "));
    assert!(!home.path().join(".quantumpipes/capsules.db").exists());
}

#[test]
fn what_cannot_be_read_or_checked_is_an_error() {
    let home = home();
    for (export, message) in [
        ("[{", "expected the rest of the record"),
        ("", "expected an array or a record"),
        ("[{\"id\":1,\"id\":2}]", "appears again"),
    ] {
        let error = home.pipe(export, &["import", "-", "--db", "a.db"]).error();
        assert!(error.contains(message), "{message}: {error}");
        assert!(!home.path().join("a.db").exists());
    }
    let damaged = [lines(&chain()[..2]), b"{".to_vec()].concat();
    home.pipe(damaged, &["import", "-", "--db", "a.db"]).error();
    assert!(!home.path().join("a.db").exists());

    home.file("chain.json", data("chain.json"));
    let error = home
        .run(["import", "chain.json", "--data-dir", "empty"])
        .error();
    assert!(error.contains("no key in "), "{error}");
    home.file("text.db", "not a store");
    home.run(["import", "chain.json", "--db", "text.db"])
        .error();
}
