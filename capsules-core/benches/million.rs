//! The SQLite store at scale, and what each index costs and gives.
//!
//! ```text
//! cargo bench -p capsules-core --bench million -- --rows 1000000 [--variant NAME]... [--dir DIR] [--keep]
//! ```
//!
//! For each variant of the file a store is filled with rows of about 2.3 KB, in batches of 256.
//! Appending is measured at 10,000 rows and again at the end, the time that making the records
//! takes left out; then every way of reading. Files are made in DIR (default: the directory for
//! temporary files) and removed, unless `--keep` is given. At 1,000,000 rows a variant takes minutes and 3 GB.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a program"
)]

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use capsules_core::storage::{SqliteOptions, SqliteStorage};
use capsules_core::{
    Capsule, CapsuleType, Draft, Filter, OutcomeStatus, Position, SealedRecord, Storage, Timestamp,
    Uuid,
};
use rusqlite::Connection;

/// What is done to a new file before it is filled.
const VARIANTS: [(&str, &str); 7] = [
    ("as created", ""),
    ("no index", "DROP INDEX ix_capsules_catalogue"),
    (
        "session",
        "CREATE INDEX x ON capsules (session_id, sequence) WHERE session_id IS NOT NULL",
    ),
    (
        "tenant",
        "CREATE INDEX x ON capsules (tenant_id, sequence) WHERE tenant_id IS NOT NULL",
    ),
    (
        "8 digits of hash",
        "CREATE INDEX x ON capsules (substr(hash, 1, 8))",
    ),
    ("full hash", "CREATE INDEX x ON capsules (hash)"),
    ("python", ""),
];

/// The file as `SQLAlchemy` makes it for the Python implementation.
const PYTHON: &str = "
    CREATE TABLE capsules (
        id VARCHAR(36) NOT NULL, type VARCHAR(20) NOT NULL, sequence INTEGER NOT NULL,
        previous_hash VARCHAR(64), data TEXT NOT NULL, hash VARCHAR(64) NOT NULL,
        signature TEXT NOT NULL, signature_pq TEXT NOT NULL, signed_at VARCHAR(40),
        signed_by VARCHAR(32), session_id VARCHAR(36), PRIMARY KEY (id),
        CONSTRAINT uq_capsule_sequence UNIQUE (sequence));
    CREATE INDEX ix_capsules_sequence ON capsules (sequence);
    CREATE INDEX ix_capsules_hash ON capsules (hash);
    CREATE INDEX ix_capsules_session_id ON capsules (session_id);";

const SESSIONS: usize = 100;
const START: i64 = 1_768_478_400_000_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut rows, mut variants, mut directory) = (0, Vec::new(), std::env::temp_dir());
    let mut keep = false;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rows" => rows = arguments.next().unwrap().parse().unwrap(),
            "--variant" => variants.push(arguments.next().unwrap()),
            "--keep" => keep = true,
            "--dir" => directory = PathBuf::from(arguments.next().unwrap()),
            _ => {}
        }
    }
    if rows == 0 {
        eprintln!("million: takes minutes; run with -- --rows 1000000");
        return;
    }
    for (name, change) in VARIANTS {
        if variants.is_empty() || variants.iter().any(|variant| variant == name) {
            println!("\n{name}, {rows} rows");
            let directory = directory.join(format!("capsules-million-{}", std::process::id()));
            std::fs::create_dir(&directory).unwrap();
            measure(&directory.join("capsules.db"), name, change, rows);
            if keep {
                println!("  kept in {}", directory.display());
            } else {
                std::fs::remove_dir_all(&directory).unwrap();
            }
        }
    }
}

fn measure(path: &Path, variant: &str, change: &str, rows: u64) {
    if variant == "python" {
        Connection::open(path)
            .unwrap()
            .execute_batch(PYTHON)
            .unwrap();
    } else {
        drop(SqliteStorage::open(path).unwrap());
        Connection::open(path)
            .unwrap()
            .execute_batch(change)
            .unwrap();
    }
    let store = SqliteOptions::new()
        .busy_timeout(Duration::from_secs(60))
        .open(path)
        .unwrap();
    let mut source = Source::new();

    source.fill(&store, 10_000, 256);
    println!("  append, a row                  batch 1      16      64     256");
    append_rates(&store, &mut source, "at 10,000 rows");
    let rest = rows.saturating_sub(source.number);
    let filling = source.fill(&store, rest, 256);
    println!(
        "    filling the file {:38.1} us",
        filling.micros() / precise(rest.max(1))
    );
    append_rates(&store, &mut source, "at the end");
    store.close().unwrap();

    let size = std::fs::metadata(path).unwrap().len();
    println!(
        "  bytes a row {:.0}",
        precise(size) / precise(source.number)
    );
    reads(&SqliteStorage::open(path).unwrap(), &source);
}

fn append_rates(store: &SqliteStorage, source: &mut Source, when: &str) {
    let costs = [(1, 1_000), (16, 4_800), (64, 12_800), (256, 25_600)].map(|(batch, rows)| {
        let cost = source.fill(store, rows, batch);
        [cost.micros(), cost.processor, cost.written].map(|cost| cost / precise(rows))
    });
    for (number, unit) in ["us", "us on the processor", "bytes written"]
        .into_iter()
        .enumerate()
    {
        let costs = costs.map(|cost| format!("{:7.1}", cost[number])).join(" ");
        println!(
            "    {:26} {costs} {unit}",
            if number == 0 { when } else { "" }
        );
    }
}

fn reads(store: &SqliteStorage, source: &Source) {
    let mut scanned = 0_u64;
    let spent = time(|| {
        store
            .scan(None, 0, &mut |record| {
                black_box(&record);
                scanned += 1;
                ControlFlow::Continue(())
            })
            .unwrap();
    });
    println!(
        "  scan, microseconds a row {:.2}",
        micros(spent) / precise(scanned)
    );

    let samples = &source.samples;
    let per_sample = |spent| micros(spent) / precise(samples.len() as u64);
    let spent = time(|| {
        for (id, _) in samples {
            assert!(store.get(id).unwrap().is_some());
        }
    });
    println!("  get by id, microseconds {:.1}", per_sample(spent));
    let spent = time(|| {
        for (_, hash) in samples {
            assert!(store.get_by_hash(hash).unwrap().is_some());
        }
    });
    println!("  get by hash, microseconds {:.1}", per_sample(spent));
    println!(
        "  head, microseconds {:.1}",
        micros(time(|| drop(store.head(None).unwrap())))
    );

    println!("  milliseconds                first 20 (rows)     count (rows)");
    let middle = |offset: i64| {
        let half = i64::try_from(source.number / 2).unwrap();
        Timestamp::from_micros(START + (half + offset) * 1_000).unwrap()
    };
    let early = Timestamp::from_micros(START + 10_000).unwrap();
    for (name, filter) in [
        ("everything", Filter::new()),
        ("type, frequent", Filter::new().kind(CapsuleType::Tool)),
        ("type, none", Filter::new().kind(CapsuleType::Kill)),
        ("tenant, 1 in 1,000", Filter::new().tenant("tenant-7")),
        ("tenant, none", Filter::new().tenant("nobody")),
        ("domain, 1 in 5", Filter::new().domain("domain-3")),
        (
            "session, 20 rows",
            Filter::new().session(source.session.clone()),
        ),
        ("session and type", {
            Filter::new()
                .session(source.session.clone())
                .kind(CapsuleType::Tool)
        }),
        (
            "tenant and type",
            Filter::new().tenant("tenant-7").kind(CapsuleType::Tool),
        ),
        (
            "status, 1 in 100",
            Filter::new().status(OutcomeStatus::Failure),
        ),
        ("status, none", Filter::new().status(OutcomeStatus::Blocked)),
        ("since the middle", Filter::new().since(middle(0))),
        ("the first 10 ms", Filter::new().until(early)),
        (
            "10 ms in the middle",
            Filter::new().since(middle(0)).until(middle(10)),
        ),
    ] {
        let mut found = (0, 0);
        let page = filter.clone().limit(20);
        let listing = time(|| found.0 = store.list(&page).unwrap().len());
        let counting = time(|| found.1 = store.count(&filter).unwrap());
        println!(
            "    {name:22} {:10.2} {:>6} {:10.2} {:>8}",
            millis(listing),
            found.0,
            millis(counting),
            found.1
        );
    }
    let deep = Filter::new().limit(20).offset(source.number / 2);
    println!(
        "    {:22} {:10.2}",
        "page in the middle",
        millis(time(|| drop(store.list(&deep).unwrap())))
    );
}

/// Makes rows that are alike in all variants: 100 conversations at a time with 20 rows each, a
/// thousand tenants, five domains, one failure in a hundred, one row a millisecond.
struct Source {
    number: u64,
    capsule: Capsule,
    sessions: [String; SESSIONS],
    /// A session whose rows are complete.
    session: String,
    samples: Vec<(Uuid, String)>,
}

impl Source {
    fn new() -> Self {
        let mut capsule = Capsule::new(CapsuleType::Tool);
        "agents::research::search".clone_into(&mut capsule.trigger.source);
        capsule.trigger.request = "Which of the three offers fits the budget? ".repeat(6);
        "agents::research".clone_into(&mut capsule.context.agent_id);
        capsule.reasoning.analysis = "Three offers were compared by price and by date. ".repeat(8);
        capsule.reasoning.reasoning = "The second is the cheapest that arrives in time. ".repeat(6);
        "Chose the second offer".clone_into(&mut capsule.outcome.summary);
        Self {
            number: 0,
            capsule,
            sessions: std::array::from_fn(|_| Uuid::new_v4().to_string()),
            session: String::new(),
            samples: Vec::new(),
        }
    }

    /// Appends rows in batches, and gives what the store cost.
    fn fill(&mut self, store: &SqliteStorage, rows: u64, batch: u64) -> Cost {
        let mut spent = Cost::default();
        let end = self.number + rows;
        while self.number < end {
            let mut making = Cost::default();
            let size = batch.min(end - self.number);
            let whole = Cost::of(|| {
                store
                    .append(None, &mut |head| {
                        let mut records = Vec::new();
                        making = Cost::of(|| records = self.records(Position::after(head), size));
                        Ok(records)
                    })
                    .unwrap();
            });
            spent.wall += whole.wall.saturating_sub(making.wall);
            spent.processor += whole.processor - making.processor;
            spent.written += whole.written - making.written;
        }
        spent
    }

    fn records(&mut self, mut position: Position, count: u64) -> Vec<SealedRecord> {
        (0..count)
            .map(|_| {
                let record = self.record(&position);
                position.sequence += 1;
                position.previous_hash = Some(record.hash.clone());
                record
            })
            .collect()
    }

    fn record(&mut self, position: &Position) -> SealedRecord {
        let number = self.number;
        self.number += 1;
        let slot = usize::try_from(number).unwrap() % SESSIONS;
        if (number / SESSIONS as u64).is_multiple_of(20) {
            self.session = std::mem::replace(&mut self.sessions[slot], Uuid::new_v4().to_string());
        }
        let random = splitmix(number);
        let capsule = &mut self.capsule;
        capsule.id = Capsule::new(CapsuleType::Tool).id;
        capsule.kind = [CapsuleType::Agent, CapsuleType::Tool, CapsuleType::Chat]
            [usize::try_from(random % 3).unwrap()];
        capsule.domain = format!("domain-{}", random % 5);
        capsule.context.session_id = Some(self.sessions[slot].clone());
        capsule.outcome.status = if random.is_multiple_of(100) {
            OutcomeStatus::Failure
        } else {
            OutcomeStatus::Success
        };
        capsule.trigger.timestamp =
            Timestamp::from_micros(START + i64::try_from(number).unwrap() * 1_000).unwrap();
        let tenant = format!("tenant-{}", random % 1_000);
        capsule.set_tenant_id(Some(&tenant));

        let draft = Draft::new(capsule).unwrap();
        let word = |word: u64| splitmix(number.wrapping_mul(4) + word);
        let hash = format!(
            "{:016x}{:016x}{:016x}{:016x}",
            word(0),
            word(1),
            word(2),
            word(3)
        );
        if splitmix(random).is_multiple_of(10_000) || number == 5_000 {
            self.samples.push((capsule.id, hash.clone()));
        }
        SealedRecord {
            content: draft.link(position),
            hash,
            signature: "5e".repeat(64),
            signature_pq: String::new(),
            signed_at: Some("2026-01-15T12:00:00.000000+00:00".to_owned()),
            signed_by: Some("qp_key_5e5e".to_owned()),
            columns: draft.columns(position),
        }
    }
}

/// The generator of Steele, Lea and Flood (2014): well mixed from any counter.
fn splitmix(counter: u64) -> u64 {
    let mut word = counter.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// What some work cost this thread. The last two are 0 where the system does not tell.
#[derive(Default)]
struct Cost {
    wall: Duration,
    processor: f64,
    written: f64,
}

impl Cost {
    fn of(work: impl FnOnce()) -> Self {
        let (processor, written) = (processor_micros(), bytes_written());
        let wall = time(work);
        Self {
            wall,
            processor: processor_micros() - processor,
            written: bytes_written() - written,
        }
    }

    fn micros(&self) -> f64 {
        micros(self.wall)
    }
}

fn processor_micros() -> f64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    times
        .split(' ')
        .next()
        .and_then(|nanos| nanos.parse().ok())
        .map_or(0.0, |nanos: f64| nanos / 1e3)
}

fn bytes_written() -> f64 {
    let counters = std::fs::read_to_string("/proc/thread-self/io").unwrap_or_default();
    let written = counters
        .lines()
        .find_map(|line| line.strip_prefix("wchar: "));
    written.and_then(|bytes| bytes.parse().ok()).unwrap_or(0.0)
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[allow(clippy::cast_precision_loss, reason = "figures far below 2^53")]
fn precise(number: u64) -> f64 {
    number as f64
}
