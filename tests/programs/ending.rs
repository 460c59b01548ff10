//! A program that makes a hundred audited calls, logs their ids, and ends as its last argument
//! says.
//!
//! usage: `ending DIRECTORY LOG ENDING`, with `QUANTUMPIPES_DATA_DIR` set to the directory

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::process;
use std::thread;
use std::time::Duration;

use capsules::{Capsules, Durability, Uuid, audit};

const CALLS: usize = 100;

#[audit(type = "tool")]
fn call() -> Uuid {
    capsules::current().id().unwrap_or_default()
}

/// Never ends by itself.
#[audit(type = "tool")]
fn unfinished(log: &File) {
    // The caller of this program ends it when it reads this.
    let id = capsules::current().id().unwrap_or_default();
    let _ = write("running", id, log);
    thread::sleep(Duration::from_secs(600));
}

#[audit(type = "tool")]
fn panics(calls: usize) {
    assert_eq!(calls, 0, "the end");
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("an argument is missing");
    let directory = next()?;
    let log = OpenOptions::new().create(true).append(true).open(next()?)?;
    let ending = next()?;
    let durability = match ending.as_str() {
        "memory-return" | "memory-unfinished" => Durability::Memory,
        _ => Durability::Journaled,
    };
    let open = || {
        let builder = Capsules::builder().data_dir(&directory);
        builder.durability(durability).build()
    };
    let guarded = matches!(
        ending.as_str(),
        "guard" | "memory-return" | "memory-unfinished"
    );
    let capsules = if guarded { Some(open()?) } else { None };
    let _guard = capsules.as_ref().map(Capsules::install);
    for _ in 0..CALLS {
        write("returned", call(), &log)?;
    }
    match ending.as_str() {
        "return" | "guard" | "memory-return" => {}
        "exit" => process::exit(0),
        "panic" => panics(CALLS),
        "unfinished" | "memory-unfinished" => unfinished(&log),
        #[cfg(unix)]
        "exec" => return Err(exec(&mut process::Command::new("true")).into()),
        other => return Err(format!("{other}: no such ending").into()),
    }
    Ok(())
}

#[cfg(unix)]
fn exec(command: &mut process::Command) -> std::io::Error {
    std::os::unix::process::CommandExt::exec(command)
}

fn write(what: &str, id: Uuid, mut log: &File) -> std::io::Result<()> {
    log.write_all(format!("{what} {id}\n").as_bytes())
}
