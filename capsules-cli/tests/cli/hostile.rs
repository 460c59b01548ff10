//! `verify` of files that were made to harm it: an error and the exit status 2, or a verdict, in
//! bounded memory, and never a panic.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use capsules_core::storage::{SqliteStorage, Storage};
use capsules_core::verify::{Level, Verifier};
use capsules_core::{Keyring, SealedRecord};
use rusqlite::Connection;

use crate::support::{Home, Ran, data, fill_store};

/// Runs the command with an address space of so many MiB.
fn bounded(home: &Home, mebibytes: u32, args: &[&str]) -> Ran {
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"ulimit -v "$1" && shift && exec "$@""#, "sh"])
        .arg((mebibytes * 1024).to_string())
        .arg(env!("CARGO_BIN_EXE_capsules"))
        .args(args)
        .current_dir(home.path())
        .env("HOME", home.path())
        .env_remove("QUANTUMPIPES_DATA_DIR")
        .stdin(Stdio::null());
    Ran::of(&mut command)
}

/// A store with a record that other tools' constraints allow, `value` in one of its columns.
fn store_with(home: &Home, column: &str, value: &str) {
    let path = home.path().join("hostile.db");
    let _ = fs::remove_file(&path);
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = OFF;
             CREATE TABLE capsules (id TEXT, type TEXT, sequence, previous_hash TEXT, data TEXT,
                 hash TEXT, signature TEXT, signature_pq TEXT, signed_at TEXT, signed_by TEXT,
                 session_id TEXT);
             INSERT INTO capsules VALUES ('a', 'tool', 0, NULL, '{\"sequence\":0}', '', '', '',
                 NULL, NULL, NULL);",
        )
        .unwrap();
    connection
        .execute(&format!("UPDATE capsules SET {column} = {value}"), ())
        .unwrap();
}

#[test]
fn large_values_are_refused_before_they_fill_the_memory() {
    let home = Home::new();
    // 200 MB in 192 MiB of address space.
    for (column, value, message) in [
        (
            "data",
            "CAST(zeroblob(200000000) AS TEXT)",
            "a record is too large",
        ),
        (
            "hash",
            "CAST(zeroblob(200000000) AS TEXT)",
            "a record is too large",
        ),
        (
            "signature",
            "CAST(zeroblob(2000000) AS TEXT)",
            "column `signature` of a record holds 2000000 bytes",
        ),
    ] {
        store_with(&home, column, value);
        let error = bounded(&home, 192, &["verify", "--db", "hostile.db"]).error();
        assert!(error.contains(message), "{column}: {error}");
    }

    let mut line = br#"{"sequence":0,"a":""#.to_vec();
    line.resize(100_000_000, b'x');
    line.extend(b"\"}\n");
    home.file("line.jsonl", line);
    let error = bounded(&home, 256, &["verify", "line.jsonl"]).error();
    assert!(error.contains("takes more than"), "{error}");

    home.file("key", vec![b'0'; 1 << 20]);
    let error = bounded(
        &home,
        192,
        &["verify", "line.jsonl", "--pubkey-file", "key"],
    )
    .error();
    assert!(error.contains("it has more than 65536 bytes"), "{error}");
}

#[test]
fn depth_exhausts_neither_stack_nor_memory() {
    let home = Home::new();
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    home.file("array.json", &deep);
    home.file(
        "cut.json",
        format!("{{\"sequence\":0,\"a\":{}", &deep[..1_000_000]),
    );
    home.file("deep.json", format!("{{\"sequence\":0,\"a\":{deep}}}"));
    store_with(
        &home,
        "data",
        "'{\"sequence\":0,\"a\":' || replace(hex(zeroblob(500000)), '0', '[') || '}'",
    );
    for (args, status) in [
        (&["array.json"][..], 2),
        (&["cut.json"], 2),
        (&["deep.json"], 1),
        (&["--db", "hostile.db"], 1),
    ] {
        let ran = bounded(&home, 256, &[&["verify", "--full"], args].concat());
        assert_eq!(ran.status, status, "{args:?}: {ran:?}");
        assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    }
}

#[test]
fn values_of_another_kind_are_named() {
    let home = Home::new();
    for (column, value, message) in [
        ("data", "x'7b7d'", "holds a BLOB instead of text"),
        ("data", "NULL", "holds NULL instead of text"),
        (
            "data",
            "CAST(x'7bff7d' AS TEXT)",
            "holds text instead of UTF-8",
        ),
        ("sequence", "'two'", "holds text instead of an integer"),
        (
            "sequence",
            "0.5",
            "holds a floating-point number instead of an integer",
        ),
        ("signed_by", "7.5 || x'ff'", "holds text instead of UTF-8"),
    ] {
        store_with(&home, column, value);
        let error = bounded(&home, 192, &["verify", "--db", "hostile.db"]).error();
        assert!(error.contains(message), "{column} {value}: {error}");
    }
    store_with(&home, "data", "'{\"sequence\":0,\"sequence\":0}'");
    let ran = bounded(&home, 192, &["verify", "--db", "hostile.db"]);
    assert!(ran.stdout.contains("`sequence` appears twice"), "{ran:?}");
    assert_eq!(ran.status, 1);

    for (content, message) in [
        (&b"{\"sequence\":0,\"sequence\":0}"[..], "appears again"),
        (b"{\"sequence\":0,\"a\":\"\xff\"}", "invalid UTF-8"),
        (b"\x89PNG\r\n\x1a\n", "expected an array or a record"),
        (b"", "found the end of the file"),
        (b"[{\"sequence\":0},", "found the end of the file"),
    ] {
        home.file("export.json", content);
        let error = bounded(&home, 192, &["verify", "export.json"]).error();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn what_is_no_file() {
    let home = Home::new();
    fs::create_dir(home.path().join("directory")).unwrap();
    home.file("empty.db", "");
    home.file("text.db", "once upon a time\n".repeat(100));
    assert!(
        Command::new("mkfifo")
            .arg(home.path().join("fifo"))
            .status()
            .unwrap()
            .success()
    );
    for (args, message) in [
        (
            &["directory"][..],
            "it is a directory; name a file, or a data directory",
        ),
        (
            &["--db", "directory"],
            "it is a directory; name a file in it",
        ),
        (&["--db", "fifo"], "it is not a regular file"),
        (&["--db", "/dev/null"], "it is not a regular file"),
        (&["--db", "empty.db"], "it is empty"),
        (&["--db", "text.db"], "it is not a SQLite database"),
        (&["text.db"], "expected an array or a record"),
    ] {
        let error = bounded(&home, 192, &[&["verify"], args].concat()).error();
        assert!(error.contains(message), "{args:?}: {error}");
    }
}

/// As a shell's `<(…)` gives it: nothing that was read to find out what it is may be lost.
#[test]
fn an_export_comes_through_a_pipe_with_a_name() {
    let home = Home::new();
    let fifo = home.path().join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let writer = thread::spawn(move || {
        let mut pipe = fs::OpenOptions::new().write(true).open(fifo).unwrap();
        pipe.write_all(&data("chain.json")).unwrap();
    });
    home.run(["verify", "fifo", "--full"]).passed();
    writer.join().unwrap();
}

/// Damage of every kind at every page of a store. It may be an error, or a finding, or lie where
/// nothing is read; but what passes is what was sealed.
#[test]
fn a_damaged_store_never_passes_as_another() {
    let home = Home::new();
    let path = home.path().join("chain.db");
    fill_store(&path);
    let intact = fs::read(&path).unwrap();
    let (passed, original) = judge(&path).unwrap();
    assert!(passed);

    let mut seed = 1_u64;
    let mut random = |below: usize| {
        // xorshift64: the same damage in every run.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    let page = 16_384;
    let mut damaged = Vec::new();
    for at in (0..intact.len()).step_by(page) {
        for byte in [0, 0xff, 0x0d] {
            let mut bytes = intact.clone();
            bytes[at..at + page].fill(byte);
            damaged.push(bytes);
        }
        damaged.push(intact[..at + 100].to_vec());
    }
    for _ in 0..400 {
        let mut bytes = intact.clone();
        // Half of it where pages keep what they are and where their cells stand.
        let near = random(2) * random(intact.len() / page) * page;
        let reach = if near > 0 { 64 } else { intact.len() };
        for _ in 0..=random(4) {
            let at = near + random(reach);
            bytes[at] ^= 1 << random(8);
        }
        damaged.push(bytes);
    }
    let mut refused = 0;
    for bytes in &damaged {
        fs::write(&path, bytes).unwrap();
        match judge(&path) {
            Some((true, records)) => assert_eq!(records, original),
            Some((false, _)) => {}
            None => refused += 1,
        }
    }
    assert!(refused > 0);
    for bytes in damaged.iter().step_by(20) {
        fs::write(&path, bytes).unwrap();
        let ran = bounded(&home, 256, &["verify", "--full", "--db", "chain.db"]);
        assert!((0..=2).contains(&ran.status), "{ran:?}");
        assert_eq!(
            ran.stderr.starts_with("error: "),
            ran.status == 2,
            "{ran:?}"
        );
    }
}

/// Whether the chain passes, and what was sealed; `None` when the store cannot be read.
fn judge(path: &Path) -> Option<(bool, Vec<(String, String)>)> {
    let keyring: Keyring = serde_json::from_slice(&data("keyring.json")).unwrap();
    let store = SqliteStorage::open_read_only(path).ok()?;
    let verifier = Verifier::new(Level::Signatures).keys(keyring.into());
    let report = verifier.verify(&store, None).ok()?;
    let mut records = Vec::new();
    let sealed = |record: SealedRecord| (record.content, record.signature);
    store
        .scan(None, 0, &mut |record| {
            records.push(sealed(record));
            std::ops::ControlFlow::Continue(())
        })
        .ok()?;
    Some((report.valid(), records))
}
