//! `capsules tail`: the latest capsules, and those to come.

use std::io;
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
    let storage = source::open(&path)?;
    let mut printer = Printer::new(args, global.json);
    // Registered before anything is shown, so that an interrupt ends a line and not in one.
    let waiter = args.follow.then(Waiter::new);

    let head = sequence(&storage)?;
    let latest = args.filter.filter().limit(args.lines);
    let mut records = storage.list(&up_to(latest, head))?;
    records.reverse();
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
