//! A program that records for many tenants, and keeps a log of the calls that have returned.
//!
//! usage: `tenants LOCATION DIRECTORY LOG TENANTS TASKS CALLS`: each of the tasks makes so many
//! calls, in turn for each of the tenants, of which the first is nobody

use std::error::Error;
use std::fs::OpenOptions;
use std::io::Write;
use std::thread;
use std::time::Duration;

use capsules::{Capsules, Uuid, audit};

#[audit(type = "tool", tenant_from = "tenant")]
async fn act(tenant: Option<String>) -> Uuid {
    let _ = tenant;
    capsules::current().id().unwrap_or_default()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("an argument is missing");
    let capsules = opened(&next()?, &next()?)?;
    let log = OpenOptions::new().create(true).append(true).open(next()?)?;
    let [tenants, tasks, calls]: [usize; 3] =
        [next()?.parse()?, next()?.parse()?, next()?.parse()?];
    let _guard = capsules.install();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()?;
    runtime.block_on(async {
        let tasks: Vec<_> = (0..tasks)
            .map(|task| {
                let mut log = log.try_clone()?;
                Ok(tokio::spawn(async move {
                    for call in 0..calls {
                        let tenant = (task + call) % tenants;
                        let name = (tenant > 0).then(|| format!("tenant-{tenant}"));
                        let id = act(name).await;
                        // In one write, since tasks share the file.
                        log.write_all(format!("{id}\n").as_bytes())?;
                    }
                    Ok::<_, std::io::Error>(())
                }))
            })
            .collect::<Result<_, std::io::Error>>()?;
        for task in tasks {
            task.await??;
        }
        Ok::<_, Box<dyn Error>>(())
    })
}

/// Opens the store, as often as it takes in a network that fails.
fn opened(location: &str, directory: &str) -> Result<Capsules, capsules::Error> {
    let mut attempts = 1;
    loop {
        let opened = Capsules::builder()
            .path(location)
            .data_dir(directory)
            // Calls wait for those before them to be stored, so they go on for as long.
            .queue(64, 1 << 20)
            .build();
        match opened {
            Err(_) if attempts < 100 => attempts += 1,
            opened => return opened,
        }
        thread::sleep(Duration::from_millis(100));
    }
}
