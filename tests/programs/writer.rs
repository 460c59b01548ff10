//! A program that writes capsules from threads and tasks, and keeps a log of what it may rely on:
//! the id of each action that runs, and the id of each whose call has returned.
//!
//! usage: `writer DIRECTORY LOG forever PACE` until it is killed, with a pace in microseconds,
//! `writer DIRECTORY LOG committed` to wait for the store with each call until it is killed, or
//! `writer DIRECTORY LOG calls TASKS CALLS` to make so many calls in each of so many tasks

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::process;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use capsules::{Capsules, Uuid, audit};

/// Opened for appending, so that lines of several threads and processes stay whole.
static LOG: OnceLock<File> = OnceLock::new();

#[audit(type = "agent")]
fn agent(pace: Duration) -> Uuid {
    let id = running();
    returned(tool(pace));
    returned(committed_tool(pace));
    id
}

#[audit(type = "agent")]
async fn async_agent(pace: Duration) -> Uuid {
    let id = running();
    returned(tool(Duration::ZERO));
    returned(async_tool(pace).await);
    id
}

#[audit(type = "tool")]
fn tool(pace: Duration) -> Uuid {
    let id = running();
    thread::sleep(pace);
    id
}

#[audit(type = "tool", durability = "committed")]
fn committed_tool(pace: Duration) -> Uuid {
    let id = running();
    thread::sleep(pace);
    id
}

#[audit(type = "tool")]
async fn async_tool(pace: Duration) -> Uuid {
    let id = running();
    tokio::time::sleep(pace).await;
    id
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("an argument is missing");
    let capsules = Capsules::builder().data_dir(next()?).build()?;
    let log = OpenOptions::new().create(true).append(true).open(next()?)?;
    LOG.get_or_init(|| log);
    let _guard = capsules.install();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()?;
    match next()?.as_str() {
        "forever" => {
            let pace = Duration::from_micros(next()?.parse()?);
            runtime.block_on(forever(pace))
        }
        "committed" => loop {
            returned(committed_tool(Duration::ZERO));
        },
        "calls" => {
            let (tasks, calls) = (next()?.parse()?, next()?.parse()?);
            runtime.block_on(make_calls(tasks, calls))?;
        }
        other => return Err(format!("{other}: no such mode").into()),
    }
    Ok(())
}

async fn forever(pace: Duration) -> ! {
    for _ in 0..3 {
        thread::spawn(move || {
            loop {
                returned(agent(pace));
            }
        });
        tokio::spawn(async move {
            loop {
                returned(async_agent(pace).await);
            }
        });
    }
    std::future::pending().await
}

async fn make_calls(tasks: usize, calls: usize) -> Result<(), tokio::task::JoinError> {
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            tokio::spawn(async move {
                for _ in 0..calls {
                    returned(async_tool(Duration::ZERO).await);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await?;
    }
    Ok(())
}

/// Logs the action that runs. Its start is accepted before its body begins.
fn running() -> Uuid {
    let id = capsules::current().id().unwrap_or_default();
    log("running", id);
    id
}

fn returned(id: Uuid) {
    log("returned", id);
}

fn log(what: &str, id: Uuid) {
    // A kill can cut a write at the end of a page; a line of 64 bytes never crosses one.
    let line = format!("{:<63}\n", format!("{what} {id}"));
    let written = LOG
        .get()
        .is_some_and(|mut log| log.write_all(line.as_bytes()).is_ok());
    if !written {
        process::exit(4);
    }
}
