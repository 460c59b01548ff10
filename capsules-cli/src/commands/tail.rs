//! `capsules tail`: the latest capsules, and those to come.

use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use capsules_core::export::{Format, WriteError, Writer};
use capsules_core::{Filter, SealedRecord, Storage, StorageError};

use crate::args::Global;
use crate::columns::ColumnArgs;
use crate::filter::FilterArgs;
use crate::table::Table;
use crate::wait::Waiter;
use crate::{CliError, Result, Status, output, source};

/// Show the latest capsules, and with --follow those to come
///
/// Follows a store that other processes write to, in whatever language, until it is interrupted
/// or nobody reads its output any more. A store that is locked is tried again.
///
/// JSON: one sealed record a line.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules tail -f
  capsules tail -n 100 --status failure
  capsules tail -f --json | jq -c '{id, status: .outcome.status}'")]
pub(crate) struct Args {
    /// Go on with capsules as they are stored
    #[arg(long, short)]
    follow: bool,

    /// Begin with this many of the latest
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    lines: u64,

    #[command(flatten)]
    columns: ColumnArgs,

    #[command(flatten)]
    filter: FilterArgs,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<Status> {
    let path = source::store_path(global)?;
    let mut printer = Printer::new(args, global.json);
    // Registered before anything is shown, so that an interrupt ends a line and not in one.
    let waiter = args.follow.then(Waiter::new);
    let pause = || match &waiter {
        Some(waiter) => waiter.wait(PAUSE),
        None => ControlFlow::Break(()),
    };
    let begun = while_locked(pause, || {
        let storage = source::open(&path)?;
        let (head, records) = latest(&storage, args.filter.filter().limit(args.lines))?;
        Ok((storage, head, records))
    });
    let (storage, head, records) = match begun {
        Err(CliError::Store(StorageError::Locked { .. })) if args.follow => {
            return Ok(Status::Pass);
        }
        begun => begun?,
    };
    printer.print(&records)?;

    if let Some(waiter) = waiter {
        let mut follower = Follower {
            filter: args.filter.filter(),
            storage: &storage,
            last: head,
            failures: 0,
        };
        while waiter.wait(PAUSE).is_continue() {
            while let Some(records) = follower.next()? {
                printer.print(&records)?;
                if waiter.is_interrupted() {
                    return Ok(Status::Pass);
                }
            }
        }
    }
    Ok(Status::Pass)
}

/// Tries again as long as another program has the store locked and `pause` goes on.
fn while_locked<T>(
    pause: impl Fn() -> ControlFlow<()>,
    mut attempt: impl FnMut() -> Result<T>,
) -> Result<T> {
    loop {
        match attempt() {
            Err(CliError::Store(StorageError::Locked { .. })) if pause().is_continue() => {}
            outcome => return outcome,
        }
    }
}

/// The head of the chain, and the latest records up to it, the oldest first.
fn latest(
    storage: &dyn Storage,
    filter: Filter,
) -> Result<(Option<u64>, Vec<SealedRecord>), StorageError> {
    let head = sequence(storage)?;
    let mut records = storage.list(&up_to(filter, head))?;
    records.reverse();
    Ok((head, records))
}

/// Between two looks at the store.
const PAUSE: Duration = Duration::from_millis(200);

/// What has not been shown of a store yet.
struct Follower<'s> {
    storage: &'s dyn Storage,
    filter: Filter,
    /// The place up to which everything was shown.
    last: Option<u64>,
    failures: u32,
}

impl Follower<'_> {
    /// The records that follow, a batch at a time; nothing when all were shown.
    fn next(&mut self) -> Result<Option<Vec<SealedRecord>>> {
        match self.look() {
            Ok(found) => {
                self.failures = 0;
                Ok(found)
            }
            // Another program changes the file, or has it locked.
            Err(StorageError::Locked { .. }) => Ok(None),
            Err(error) => {
                self.failures += 1;
                if self.failures < MOST_FAILURES {
                    Ok(None)
                } else {
                    Err(error.into())
                }
            }
        }
    }

    fn look(&mut self) -> Result<Option<Vec<SealedRecord>>, StorageError> {
        let head = sequence(self.storage)?;
        if head < self.last {
            output::note(
                &"the store was replaced by another one, which is followed from its start",
            );
            self.last = None;
        }
        if head == self.last {
            return Ok(None);
        }
        let mut filter = up_to(self.filter.clone().oldest_first().limit(BATCH), head);
        filter.after = self.last;
        let found = self.storage.list(&filter)?;
        // A full batch may not be all; whatever was passed over in a shorter one never matches.
        let full = found.len() as u64 == BATCH;
        let end = found.last().filter(|_| full);
        self.last = end.map_or(head, |end| u64::try_from(end.columns.sequence).ok());
        Ok(Some(found))
    }
}

/// In one look, so that memory stays flat however much was written meanwhile.
const BATCH: u64 = 500;

/// A file that is being replaced is back after some looks.
const MOST_FAILURES: u32 = 25;

fn sequence(storage: &dyn Storage) -> Result<Option<u64>, StorageError> {
    Ok(storage.head(None)?.map(|head| head.sequence))
}

/// Leaves to the next look what is appended during this one.
fn up_to(filter: Filter, head: Option<u64>) -> Filter {
    filter.before(head.map_or(0, |head| head.saturating_add(1)))
}

/// Writes each batch at once.
struct Printer<'a> {
    columns: &'a ColumnArgs,
    form: Form,
}

enum Form {
    Json,
    Table { table: Table, begun: bool },
}

impl<'a> Printer<'a> {
    fn new(args: &'a Args, json: bool) -> Self {
        Self {
            columns: &args.columns,
            form: if json {
                Form::Json
            } else {
                Form::Table {
                    table: args.columns.table(),
                    begun: false,
                }
            },
        }
    }

    fn print(&mut self, records: &[SealedRecord]) -> Result<()> {
        match &mut self.form {
            Form::Json => print_json(records).map_err(|error| match error {
                WriteError::Io { source, .. } => CliError::Write(source),
                WriteError::Record(reason) => CliError::Record(reason),
                other => CliError::Write(io::Error::other(other)),
            }),
            Form::Table { table, begun } => {
                for record in records {
                    table.row(self.columns.row(record));
                }
                let width = output::terminal_width();
                let titles = if *begun {
                    String::new()
                } else {
                    table.titles(width)
                };
                *begun = true;
                output::print(&(titles + &table.flush(width)))
            }
        }
    }
}

fn print_json(records: &[SealedRecord]) -> Result<(), WriteError> {
    let mut writer = Writer::new(io::stdout().lock(), Format::Lines);
    for record in records {
        writer.write(record)?;
    }
    writer.finish().map(drop)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicU32, Ordering};

    use capsules_core::storage::{MemoryStorage, SealNext};
    use capsules_core::{Capsule, CapsuleType, Draft, Head, Position, RecordRef};

    use super::*;

    /// A store that another program has locked for so many looks.
    struct Locked {
        store: MemoryStorage,
        looks: AtomicU32,
    }

    impl Locked {
        fn new(records: u64) -> Self {
            let store = MemoryStorage::new();
            for _ in 0..records {
                let draft = Draft::new(&Capsule::new(CapsuleType::Tool)).unwrap();
                let append = store.append(None, &mut |head| {
                    let position = Position::after(head);
                    Ok(vec![SealedRecord {
                        content: draft.link(&position),
                        hash: format!("{:064x}", position.sequence),
                        signature: String::new(),
                        signature_pq: String::new(),
                        signed_at: None,
                        signed_by: None,
                        columns: draft.columns(&position),
                    }])
                });
                append.unwrap();
            }
            Self {
                store,
                looks: AtomicU32::new(0),
            }
        }

        fn lock(&self, looks: u32) {
            self.looks.store(looks, Ordering::Relaxed);
        }

        fn look(&self) -> Result<&MemoryStorage, StorageError> {
            let left = self.looks.load(Ordering::Relaxed);
            self.looks.store(left.saturating_sub(1), Ordering::Relaxed);
            match left {
                0 => Ok(&self.store),
                _ => Err(StorageError::Locked {
                    location: self.location(),
                }),
            }
        }
    }

    impl Storage for Locked {
        fn append(
            &self,
            tenant: Option<&str>,
            seal: &mut SealNext<'_>,
        ) -> Result<(), StorageError> {
            self.look()?.append(tenant, seal)
        }

        fn get(&self, id: &capsules_core::Uuid) -> Result<Option<SealedRecord>, StorageError> {
            self.look()?.get(id)
        }

        fn get_by_hash(&self, hash: &str) -> Result<Option<SealedRecord>, StorageError> {
            self.look()?.get_by_hash(hash)
        }

        fn head(&self, tenant: Option<&str>) -> Result<Option<Head>, StorageError> {
            self.look()?.head(tenant)
        }

        fn scan(
            &self,
            tenant: Option<&str>,
            from: u64,
            visit: &mut dyn FnMut(SealedRecord) -> ControlFlow<()>,
        ) -> Result<(), StorageError> {
            self.look()?.scan(tenant, from, visit)
        }

        fn scan_ref(
            &self,
            tenant: Option<&str>,
            from: u64,
            visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
        ) -> Result<(), StorageError> {
            self.look()?.scan_ref(tenant, from, visit)
        }

        fn list(&self, filter: &Filter) -> Result<Vec<SealedRecord>, StorageError> {
            self.look()?.list(filter)
        }

        fn count(&self, filter: &Filter) -> Result<u64, StorageError> {
            self.look()?.count(filter)
        }

        fn close(&self) -> Result<(), StorageError> {
            Ok(())
        }

        fn location(&self) -> String {
            "locked".to_owned()
        }
    }

    #[test]
    fn a_store_that_is_locked_for_long_is_followed_all_the_same() {
        let storage = Locked::new(3);
        let mut follower = Follower {
            storage: &storage,
            filter: Filter::new(),
            last: Some(0),
            failures: 0,
        };
        storage.lock(10 * MOST_FAILURES);
        for _ in 0..10 * MOST_FAILURES {
            assert!(follower.next().unwrap().is_none());
        }
        let found = follower.next().unwrap().unwrap();
        assert_eq!(found.len(), 2);
        // In the middle of a look as well.
        follower.last = Some(1);
        assert!(follower.next().unwrap().is_some());
        follower.last = None;
        storage.lock(1);
        assert!(follower.next().unwrap().is_none());
        assert_eq!(follower.next().unwrap().unwrap().len(), 3);
    }

    #[test]
    fn other_failures_end_it_after_some_looks() {
        let storage = Locked::new(1);
        storage.store.close().unwrap();
        let mut follower = Follower {
            storage: &storage,
            filter: Filter::new(),
            last: None,
            failures: 0,
        };
        for _ in 1..MOST_FAILURES {
            assert!(follower.next().unwrap().is_none());
        }
        assert!(follower.next().is_err());
    }

    #[test]
    fn the_beginning_waits_as_long_as_somebody_follows() {
        let storage = Locked::new(2);
        storage.lock(100);
        let begin = || Ok(latest(&storage, Filter::new())?);
        let pauses = Cell::new(0);
        let pause = || {
            pauses.set(pauses.get() + 1);
            ControlFlow::Continue(())
        };
        let (head, records) = while_locked(pause, begin).unwrap();
        assert_eq!((head, records.len(), pauses.get()), (Some(1), 2, 100));
        assert_eq!(records[0].columns.sequence, 0);

        storage.lock(2);
        let given_up = while_locked(|| ControlFlow::Break(()), begin);
        assert!(given_up.is_err());
    }
}
