//! The verification of a chain in SQLite, and its primitives.
//!
//! ```text
//! cargo bench -p capsules-core --bench verify -- --rows 1000000 [--dir DIR]
//! ```
//!
//! Beside the verification stands what it is made of: a scan of the file, SHA3-256 of every
//! content and the strict check of a signature, each by itself on one thread. The file is made in
//! DIR (default: the directory for temporary files) and removed.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]
#![allow(clippy::unwrap_used, reason = "a program")]

use std::hint::black_box;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use capsules_core::storage::SqliteStorage;
use capsules_core::verify::{Level, TrustedKeys, Verifier};
use capsules_core::{
    Capsule, CapsuleType, Draft, LocalSigner, Position, PublicKey, Seal, Signature, Storage,
    Unsigned, sha3_256,
};

const BATCH: u64 = 1_024;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut rows, mut directory) = (0, std::env::temp_dir());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rows" => rows = arguments.next().unwrap().parse().unwrap(),
            "--dir" => directory = PathBuf::from(arguments.next().unwrap()),
            _ => {}
        }
    }
    if rows == 0 {
        eprintln!("verify: run with -- --rows 1000000");
        return;
    }
    let directory = directory.join(format!("capsules-verify-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let path = directory.join("capsules.db");
    let key = fill(&path, rows);
    measure(&path, key, rows);
    std::fs::remove_dir_all(&directory).unwrap();
}

fn fill(path: &Path, rows: u64) -> PublicKey {
    let seal = Seal::with_signer(Arc::new(LocalSigner::generate().unwrap()));
    let store = SqliteStorage::open(path).unwrap();
    let mut capsule = Capsule::new(CapsuleType::Tool);
    capsule.trigger.request = "Which of the three offers fits the budget? ".repeat(4);
    capsule.reasoning.analysis = "Three offers were compared by price and date. ".repeat(5);
    capsule.reasoning.reasoning = "The second is the cheapest in time. ".repeat(4);
    let mut made = 0;
    while made < rows {
        let count = BATCH.min(rows - made);
        made += count;
        let mut seal_next = |head: Option<&_>| {
            let mut head = head.cloned();
            let mut records = Vec::new();
            for _ in 0..count {
                capsule.id = Capsule::new(CapsuleType::Tool).id;
                let draft = Draft::new(&capsule).unwrap();
                let linked = Unsigned::new(&draft, &Position::after(head.as_ref()));
                head = Some(linked.head());
                records.push(seal.sign(linked)?);
            }
            Ok(records)
        };
        store.append(None, &mut seal_next).unwrap();
    }
    store.close().unwrap();
    seal.public_key()
}

fn measure(path: &Path, key: PublicKey, rows: u64) {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let store = SqliteStorage::open_read_only(path).unwrap();
    let each = |visit: &mut dyn FnMut(&str, &str, &str)| {
        store
            .scan_ref(None, 0, &mut |record| {
                visit(record.content, record.hash, record.signature);
                ControlFlow::Continue(())
            })
            .unwrap();
    };
    let mut bytes = 0;
    each(&mut |content, _, _| bytes += content.len());
    let scan = micros(rows, || {
        each(&mut |content, _, _| {
            black_box(content);
        });
    });
    let hashing = micros(rows, || {
        each(&mut |content, _, _| {
            black_box(sha3_256(content.as_bytes()));
        });
    }) - scan;
    let single = one_by_one(&store, key);
    let verifier = |level| Verifier::new(level).keys(TrustedKeys::only([key]));
    let run = |verifier: &Verifier| {
        micros(rows, || {
            assert!(verifier.verify(&store, None).unwrap().valid());
        })
    };
    println!(
        "{rows} capsules of {} bytes, {threads} threads",
        bytes as u64 / rows
    );
    println!("  scan            {scan:8.2} us a capsule, one thread");
    println!("  SHA3-256        {hashing:8.2}");
    println!("  strict check    {single:8.2}");
    for level in [Level::Structural, Level::Full, Level::Signatures] {
        let spent = run(&verifier(level));
        println!(
            "  {level:15} {spent:8.2} us a capsule, {:9.0}/s",
            1e6 / spent
        );
    }
    let strict = run(&verifier(Level::Signatures).strict(true));
    println!(
        "  one by one      {strict:8.2} us a capsule, {:9.0}/s",
        1e6 / strict
    );
    if let Some(peak) = peak_memory() {
        println!("  peak memory of this process {peak}");
    }
}

/// Microseconds of one strict check.
fn one_by_one(store: &SqliteStorage, key: PublicKey) -> f64 {
    let mut sample: Vec<(String, Signature)> = Vec::new();
    store
        .scan_ref(None, 0, &mut |record| {
            sample.push((record.hash.to_owned(), record.signature.parse().unwrap()));
            if sample.len() == 2_000 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .unwrap();
    micros(sample.len() as u64, || {
        for (hash, signature) in &sample {
            assert!(key.verify(hash.as_bytes(), signature));
        }
    })
}

#[allow(clippy::cast_precision_loss, reason = "figures far below 2^53")]
fn micros(count: u64, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e6 / count as f64
}

fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().to_owned())
}
