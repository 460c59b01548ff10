//! A program that records as it is told on standard input, and answers on standard output, so that
//! a test can change its surroundings in the meantime.
//!
//! usage: `obedient DIRECTORY [memory]`, with the default store or one in memory, and with
//! `QUANTUMPIPES_DATA_DIR` set to the directory
//!
//! - `calls N` makes so many calls, and answers with the id of each and the statistics
//! - `commits N` does the same with calls that wait for the store
//! - `stats` answers with the statistics
//! - `settle` waits until nothing waits any more, and answers with the statistics
//! - `hold` takes the store's write lock, answers, and keeps it until the next line, which it answers
//! - `gaps` answers with what the store says of capsules that were not in the journal

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use capsules::storage::{MemoryStorage, SqliteStorage};
use capsules::{CapsuleType, Capsules, DataDir, Filter, Stats, Storage, Uuid, audit};
use serde_json::json;

/// How long it waits for a store that works again.
const PATIENCE: Duration = Duration::from_secs(60);

#[audit(type = "tool")]
fn call() -> Uuid {
    capsules::current().id().unwrap_or_default()
}

#[audit(type = "tool", durability = "committed")]
fn committed() -> Uuid {
    capsules::current().id().unwrap_or_default()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("an argument is missing")?;
    // Without one the first call opens the default store.
    let memory = match arguments.next().as_deref() {
        Some("memory") => Some(in_memory(&directory)?),
        _ => None,
    };
    let _guard = memory.as_ref().map(Capsules::install);
    let mut lines = io::stdin().lock().lines();
    while let Some(line) = lines.next() {
        let line = line?;
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("calls", count) => make(call, count)?,
            ("commits", count) => make(committed, count)?,
            ("stats", _) => answer_stats()?,
            ("settle", _) => {
                let deadline = Instant::now() + PATIENCE;
                while capsules::stats().waiting > 0 && Instant::now() < deadline {
                    thread::sleep(Duration::from_millis(1));
                }
                answer_stats()?;
            }
            ("hold", _) => hold(&directory, || drop(lines.next()))?,
            ("gaps", _) => {
                let capsules = memory.as_ref().ok_or("the store is not in memory")?;
                capsules.flush_timeout(PATIENCE)?;
                let system = Filter::new().kind(CapsuleType::System);
                for record in capsules.list(system.oldest_first()).wait()? {
                    answer(&record.capsule()?.outcome.metrics["count"].to_string())?;
                }
                answer_stats()?;
            }
            _ => return Err(format!("{line}: no such command").into()),
        }
    }
    Ok(())
}

fn make(call: fn() -> Uuid, count: &str) -> Result<(), Box<dyn Error>> {
    for _ in 0..count.parse()? {
        answer(&call().to_string())?;
    }
    Ok(answer_stats()?)
}

/// Holds the lock until this returns, as another program does that writes to the store.
fn hold(directory: &str, mut until: impl FnMut()) -> Result<(), Box<dyn Error>> {
    let store = SqliteStorage::open(DataDir::new(directory)?.database())?;
    store.append(None, &mut |_| {
        // Whoever waits for this finds the statistics behind it.
        let _ = answer_stats();
        until();
        Ok(Vec::new())
    })?;
    Ok(answer_stats()?)
}

fn in_memory(directory: &str) -> Result<Capsules, capsules::Error> {
    let builder = Capsules::builder().storage(MemoryStorage::new());
    let journals = Path::new(directory).join("journals");
    builder.data_dir(directory).journals(journals).build()
}

fn answer_stats() -> io::Result<()> {
    let Stats {
        accepted,
        committed,
        waiting,
        failed,
        store_errors,
        journal_errors,
        last_error,
        ..
    } = capsules::stats();
    let stats = json!({
        "accepted": accepted,
        "committed": committed,
        "waiting": waiting,
        "failed": failed,
        "store_errors": store_errors,
        "journal_errors": journal_errors,
        "last_error": last_error.unwrap_or_default(),
    });
    answer(&stats.to_string())
}

fn answer(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}
