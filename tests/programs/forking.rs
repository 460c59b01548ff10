//! A program that forks, and audits calls before and after it in both processes. It logs the ids
//! of those that have returned.
//!
//! usage: `forking DIRECTORY LOG WAY`, with `QUANTUMPIPES_DATA_DIR` set to the directory

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    program::run()
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod program {
    use std::error::Error;
    use std::fs::{self, File, OpenOptions};
    use std::io::Write;
    use std::sync::OnceLock;
    use std::thread;
    use std::time::{Duration, Instant};

    use capsules::{Capsules, Durability, Filter, Uuid, audit};
    use fork::Fork;

    type Result<T> = std::result::Result<T, Box<dyn Error>>;

    /// How many calls a process makes, and how many the queue holds.
    const CALLS: usize = 20;
    const QUEUE: usize = 8;

    /// Less than the end of a thread waits for its capsules.
    const PROMPT: Duration = Duration::from_secs(8);

    /// Opened for appending, so that lines of several processes stay whole.
    static LOG: OnceLock<File> = OnceLock::new();

    #[audit(type = "tool")]
    fn call() -> Uuid {
        capsules::current().id().unwrap_or_default()
    }

    #[audit(type = "tool", durability = "committed")]
    fn committed() -> Uuid {
        capsules::current().id().unwrap_or_default()
    }

    #[audit(type = "tool", swallow_errors = false)]
    fn strict(id: &mut Uuid) -> std::result::Result<(), capsules::Error> {
        *id = capsules::current().id().unwrap_or_default();
        Ok(())
    }

    /// Returns in two processes.
    #[audit(type = "agent")]
    fn forks_inside() -> std::io::Result<Fork> {
        fork::fork()
    }

    pub(crate) fn run() -> Result<()> {
        let mut arguments = std::env::args().skip(1);
        let mut next = || arguments.next().ok_or("an argument is missing");
        let directory = next()?;
        let path = next()?;
        let log = OpenOptions::new().create(true).append(true).open(&path)?;
        LOG.get_or_init(|| log);
        let way = next()?;
        let durability = match way.as_str() {
            "memory" => Durability::Memory,
            _ => Durability::Journaled,
        };
        let builder = Capsules::builder().data_dir(directory);
        let capsules = builder
            .durability(durability)
            .queue(QUEUE, 1 << 20)
            .build()?;
        let _guard = capsules.install();
        match way.as_str() {
            "full" => {
                // Until the queue is full, when the store is held.
                calls(QUEUE)?;
                in_child(|| calls(CALLS))
            }
            "memory" => in_child(|| calls(CALLS)),
            "child-of-child" => in_child(|| {
                calls(CALLS)?;
                in_child(|| calls(CALLS))?;
                // Both of them.
                calls(CALLS)
            }),
            "asks" => {
                calls(1)?;
                in_child(|| asks(&capsules))
            }
            "inside" => match forks_inside()? {
                Fork::Parent(child) => ended(child),
                Fork::Child => Ok(()),
            },
            "outlived" => {
                calls(QUEUE)?;
                if fork::fork()? == Fork::Child {
                    returned(call())?;
                    File::create(format!("{path}.child"))?;
                }
                while !fs::exists(format!("{path}.end"))? {
                    thread::sleep(Duration::from_millis(1));
                }
                Ok(())
            }
            "busy" => busy(&capsules),
            other => Err(format!("{other}: no such way").into()),
        }
    }

    /// Forks while other threads record, install and flush, so that locks of all kinds are held.
    fn busy(capsules: &Capsules) -> Result<()> {
        for _ in 0..3 {
            let capsules = capsules.clone();
            thread::spawn(move || {
                loop {
                    let _guard = capsules.install();
                    if returned(call()).is_err() {
                        std::process::abort();
                    }
                }
            });
        }
        for _ in 0..100 {
            match fork::fork()? {
                Fork::Parent(child) => ended(child)?,
                Fork::Child => return calls(3),
            }
        }
        std::process::exit(0)
    }

    /// What a child learns from its parent's instance.
    fn asks(capsules: &Capsules) -> Result<()> {
        fn is_forked<T>(result: std::result::Result<T, capsules::Error>) -> Result<()> {
            match result {
                Err(capsules::Error::Forked) => Ok(()),
                Err(error) => Err(error.into()),
                Ok(_) => Err("it did not fail".into()),
            }
        }
        returned(committed())?;
        let mut id = Uuid::nil();
        is_forked(strict(&mut id))?;
        returned(id)?;
        is_forked(capsules.flush().wait())?;
        is_forked(capsules.flush_timeout(Duration::from_secs(60)))?;
        is_forked(capsules.count(Filter::new()).wait())?;
        let stats = capsules.stats();
        if (stats.accepted, stats.waiting, stats.committed) != (2, 2, 0) {
            return Err(format!("{stats:?}").into());
        }
        is_forked(capsules.clone().close(Duration::from_secs(60)))
    }

    /// Runs this in a child, and waits for the child's end in the parent.
    fn in_child(child: impl FnOnce() -> Result<()>) -> Result<()> {
        match fork::fork()? {
            Fork::Parent(process) => ended(process),
            Fork::Child => child(),
        }
    }

    fn ended(child: i32) -> Result<()> {
        let start = Instant::now();
        loop {
            match fork::waitpid_nohang(child)? {
                Some(0) => return Ok(()),
                Some(status) => return Err(format!("the child ended with {status}").into()),
                None if start.elapsed() > PROMPT => return Err("the child hangs".into()),
                None => thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    fn calls(count: usize) -> Result<()> {
        (0..count).try_for_each(|_| returned(call()))
    }

    fn returned(id: Uuid) -> Result<()> {
        let mut log = LOG.get().ok_or("the log is not open")?;
        Ok(log.write_all(format!("returned {id}\n").as_bytes())?)
    }
}
