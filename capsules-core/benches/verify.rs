//! The verification of a chain in SQLite, beside the floor under it.
//!
//! ```text
//! cargo bench -p capsules-core --bench verify -- --rows 1000000 [--dir DIR] [--keep] [--only NAME]...
//! ```
//!
//! Each primitive is measured by itself on one thread. The floor is what no verification can do
//! without, on all cores: reading content, hash and signature of every row with SQLite, SHA3-256 of
//! the content, and an Ed25519 batch for each thousand signatures of the one key, with nothing
//! compared and nothing else read. The file is made in DIR (default: the directory for temporary
//! files) and removed; `--keep` leaves it there, and takes it when it is. NAME is `primitives`,
//! `floor`, `structural`, `full`, `signatures` or `strict`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]
#![allow(clippy::unwrap_used, reason = "a program")]

use std::hint::black_box;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use capsules_core::storage::SqliteStorage;
use capsules_core::verify::{Level, TrustedKeys, Verifier};
use capsules_core::{
    Capsule, CapsuleType, Draft, LocalSigner, Position, PublicKey, Seal, Signature, Signer,
    Storage, Unsigned, sha3_256,
};
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::{IsIdentity, VartimeMultiscalarMul};
use curve25519_dalek::{EdwardsPoint, Scalar};
use rusqlite::{Connection, OpenFlags};
use sha2::{Digest, Sha512};

const BATCH: u64 = 1_024;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut rows, mut directory) = (0, std::env::temp_dir());
    let (mut keep, mut only) = (false, Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rows" => rows = arguments.next().unwrap().parse().unwrap(),
            "--dir" => directory = PathBuf::from(arguments.next().unwrap()),
            "--keep" => keep = true,
            "--only" => only.push(arguments.next().unwrap()),
            _ => {}
        }
    }
    if rows == 0 {
        eprintln!("verify: run with -- --rows 1000000");
        return;
    }
    let directory = directory.join(format!("capsules-verify-{rows}"));
    let path = directory.join("capsules.db");
    let signer = LocalSigner::from_seed(&[7; 32]).unwrap();
    let key = signer.public_key();
    if !(keep && path.exists()) {
        std::fs::create_dir(&directory).unwrap();
        fill(&path, &Seal::with_signer(Arc::new(signer)), rows);
    }
    measure(&path, key, rows, &only);
    if !keep {
        std::fs::remove_dir_all(&directory).unwrap();
    }
}

fn fill(path: &Path, seal: &Seal, rows: u64) {
    let store = SqliteStorage::open(path).unwrap();
    let mut capsule = Capsule::new(CapsuleType::Tool);
    capsule.trigger.request = "Which of the three offers fits the budget? ".repeat(5);
    capsule.reasoning.analysis = "Three offers were compared by price and date. ".repeat(6);
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
}

fn measure(path: &Path, key: PublicKey, rows: u64, only: &[String]) {
    let wanted = |name: &str| only.is_empty() || only.iter().any(|only| only == name);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let store = SqliteStorage::open_read_only(path).unwrap();
    println!("{rows} capsules, {threads} threads");
    if wanted("primitives") {
        primitives(&store, key, rows);
    }
    let floor = wanted("floor").then(|| {
        let floor = micros(rows, || floor(path, key, rows, threads as u64));
        println!("  {:16}{floor:8.2} us a capsule", "floor");
        floor
    });
    for (name, level) in [
        ("structural", Level::Structural),
        ("full", Level::Full),
        ("signatures", Level::Signatures),
        ("strict", Level::Signatures),
    ] {
        if !wanted(name) {
            continue;
        }
        let verifier = Verifier::new(level).keys(TrustedKeys::only([key]));
        let verifier = verifier.strict(name == "strict");
        let spent = micros(rows, || {
            assert!(verifier.verify(&store, None).unwrap().valid());
        });
        let rate = 1e6 / spent;
        print!("  {name:16}{spent:8.2} us a capsule, {rate:9.0}/s");
        match floor {
            Some(floor) if name == "signatures" => {
                println!(", {:.0} % of the floor", 100.0 * floor / spent);
            }
            _ => println!(),
        }
    }
    if let Some(peak) = peak_memory() {
        println!("  peak memory of this process {peak}");
    }
}

/// A scan, SHA3-256 and a strict check, each by itself on one thread.
fn primitives(store: &SqliteStorage, key: PublicKey, rows: u64) {
    let each = |visit: &mut dyn FnMut(&str)| {
        store
            .scan_ref(None, 0, &mut |record| {
                visit(record.content);
                ControlFlow::Continue(())
            })
            .unwrap();
    };
    let mut bytes = 0;
    each(&mut |content| bytes += content.len());
    println!("  contents of {} bytes", bytes as u64 / rows);
    let scan = micros(rows, || {
        each(&mut |content| {
            black_box(content);
        });
    });
    let hashing = micros(rows, || {
        each(&mut |content| {
            black_box(sha3_256(content.as_bytes()));
        });
    }) - scan;
    println!("  {:16}{scan:8.2} us a capsule, one thread", "scan");
    println!("  {:16}{hashing:8.2}", "SHA3-256");
    println!("  {:16}{:8.2}", "strict check", one_by_one(store, key));
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

/// Each thread takes its share of the rows.
fn floor(path: &Path, key: PublicKey, rows: u64, threads: u64) {
    thread::scope(|scope| {
        for number in 0..threads {
            let (from, to) = (rows * number / threads, rows * (number + 1) / threads);
            scope.spawn(move || floor_of(path, key, from, to));
        }
    });
}

fn floor_of(path: &Path, key: PublicKey, from: u64, to: u64) {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut statement = connection
        .prepare(
            "SELECT data, hash, signature FROM capsules WHERE sequence >= ? AND sequence < ? \
             ORDER BY sequence",
        )
        .unwrap();
    let mut rows = statement
        .query([from.cast_signed(), to.cast_signed()])
        .unwrap();
    let mut batch = Batch::new(key);
    while let Some(row) = rows.next().unwrap() {
        let bytes = |column| row.get_ref(column).unwrap().as_bytes().unwrap();
        black_box(sha3_256(bytes(0)));
        batch.push(bytes(1), bytes(2));
        if batch.r.len() as u64 == BATCH {
            batch.check();
        }
    }
    batch.check();
}

/// Signatures of one key, decided together, with no check of their form.
struct Batch {
    key: CompressedEdwardsY,
    r: Vec<EdwardsPoint>,
    s: Vec<Scalar>,
    k: Vec<Scalar>,
}

impl Batch {
    fn new(key: PublicKey) -> Self {
        Self {
            key: CompressedEdwardsY(*key.as_bytes()),
            r: Vec::new(),
            s: Vec::new(),
            k: Vec::new(),
        }
    }

    fn push(&mut self, message: &[u8], signature: &[u8]) {
        let signature: [u8; 64] = const_hex::decode_to_array(signature).unwrap();
        let (r, s) = signature.split_at(32);
        let r = CompressedEdwardsY::from_slice(r).unwrap();
        let k = Sha512::new()
            .chain_update(r.0)
            .chain_update(self.key.0)
            .chain_update(message)
            .finalize();
        self.r.push(r.decompress().unwrap());
        self.s
            .push(Scalar::from_bytes_mod_order(s.try_into().unwrap()));
        self.k.push(Scalar::from_bytes_mod_order_wide(&k.into()));
    }

    fn check(&mut self) {
        let mut random = vec![0; 16 * self.r.len()];
        getrandom::fill(&mut random).unwrap();
        let weights: Vec<Scalar> = random
            .as_chunks::<16>()
            .0
            .iter()
            .map(|bytes| Scalar::from(u128::from_le_bytes(*bytes)))
            .collect();
        let sum = |scalars: &[Scalar]| -> Scalar {
            weights
                .iter()
                .zip(scalars)
                .map(|(z, scalar)| z * scalar)
                .sum()
        };
        let (base, key) = (-sum(&self.s), sum(&self.k));
        let a = self.key.decompress().unwrap();
        let total = EdwardsPoint::vartime_multiscalar_mul(&weights, &self.r)
            + EdwardsPoint::vartime_double_scalar_mul_basepoint(&key, &a, &base);
        assert!(total.is_identity());
        self.r.clear();
        self.s.clear();
        self.k.clear();
    }
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
