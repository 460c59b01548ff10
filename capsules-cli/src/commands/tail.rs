//! `capsules tail`: the latest capsules, and those to come.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::mem;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use capsules_core::export::{Format, WriteError, Writer};
use capsules_core::{Filter, SealedRecord, Storage, StorageError};

use crate::args::Global;
use crate::chain::within;
use crate::columns::{ColumnArgs, Columns};
use crate::filter::FilterArgs;
use crate::source::{Place, Store};
use crate::table::Table;
use crate::wait::Waiter;
use crate::{CliError, Result, Status, output};

/// Show the latest capsules, and with --follow those to come
///
/// Follows a store that other processes write to, in whatever language, until it is interrupted
/// or nobody reads its output any more. A store that is locked is tried again, and a server that
/// goes away is waited for. Of a PostgreSQL store all chains are followed, unless one is chosen.
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
    let place = Place::existing(global)?;
    let filter = args.filter.filter();
    // Registered before anything is shown, so that an interrupt ends a line and not in one.
    let waiter = args.follow.then(Waiter::new);
    let pause = || match &waiter {
        Some(waiter) => waiter.wait(PAUSE),
        None => ControlFlow::Break(()),
    };
    let begun = while_locked(pause, || {
        let store = Store::at(place.clone())?;
        let storage = store.storage();
        let of_chains = filter.chains(storage)?.len() > 1;
        let (heads, records) = latest(storage, &filter, args.lines)?;
        Ok((store, of_chains, heads, records))
    });
    let (store, of_chains, heads, records) = match begun {
        Err(CliError::Store(StorageError::Locked { .. })) if args.follow => {
            return Ok(Status::Pass);
        }
        begun => begun?,
    };
    let columns = args.columns.chosen(of_chains);
    let mut printer = Printer::new(&columns, global.json);
    printer.print(&records)?;

    if let Some(waiter) = waiter {
        let mut follower = Follower {
            filter,
            storage: store.storage(),
            shown: heads,
            failures: 0,
            is_away: false,
        };
        loop {
            let begun = Instant::now();
            while let Some(records) = follower.next()? {
                printer.print(&records)?;
                if waiter.is_interrupted() {
                    return Ok(Status::Pass);
                }
            }
            // A store that takes long to look at has something else to do as well.
            let pause = PAUSE.max(begun.elapsed() * 10);
            if waiter.wait(pause.min(LONGEST_PAUSE)).is_break() {
                break;
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

/// The last places of chains.
type Heads = HashMap<Option<String>, u64>;

/// The heads of the chains, and the latest records up to them, the oldest first.
fn latest(
    storage: &dyn Storage,
    filter: &Filter,
    lines: u64,
) -> Result<(Heads, Vec<SealedRecord>), StorageError> {
    let heads = heads(storage, filter)?;
    let mut records = storage.list(&filter.clone().limit(lines))?;
    // What is appended meanwhile is left to the next look.
    records.retain(|record| {
        let chain = storage.chain_of(record.columns.tenant_id.as_deref());
        let head = heads.get(&chain.map(str::to_owned));
        head.is_some_and(|head| i128::from(record.columns.sequence) <= i128::from(*head))
    });
    records.reverse();
    Ok((heads, records))
}

/// The heads of the chains in which there may be what the filter selects.
fn heads(storage: &dyn Storage, filter: &Filter) -> Result<Heads, StorageError> {
    let heads = if filter.tenant.is_none() && !filter.without_tenant {
        storage.heads()?
    } else {
        let mut heads = Vec::new();
        for chain in filter.chains(storage)? {
            let head = storage.head(chain.as_deref())?;
            heads.extend(head.map(|head| (chain, head)));
        }
        heads
    };
    let heads = heads.into_iter();
    Ok(heads.map(|(chain, head)| (chain, head.sequence)).collect())
}

/// Between two looks at the store.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What has not been shown of a store yet.
struct Follower<'s> {
    storage: &'s dyn Storage,
    filter: Filter,
    /// The place up to which everything was shown of each chain.
    shown: Heads,
    failures: u32,
    /// Whether the server that the store is on was away at the last look.
    is_away: bool,
}

impl Follower<'_> {
    /// The records that follow, a batch at a time; nothing when all were shown.
    fn next(&mut self) -> Result<Option<Vec<SealedRecord>>> {
        match self.look() {
            Ok(found) => {
                self.failures = 0;
                if mem::take(&mut self.is_away) {
                    output::note(&format!("{} is back", self.storage.location()));
                }
                Ok(found)
            }
            // Another program changes the file, or has it locked.
            Err(StorageError::Locked { .. }) => Ok(None),
            Err(error @ StorageError::Unreachable { .. }) => {
                if !mem::replace(&mut self.is_away, true) {
                    output::note(&format!("{error}; waiting for it"));
                }
                Ok(None)
            }
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
        let heads = heads(self.storage, &self.filter)?;
        let is_shorter =
            |chain: &Option<String>, shown: &u64| heads.get(chain).is_none_or(|head| head < shown);
        let shown = self.shown.len();
        self.shown.retain(|chain, shown| !is_shorter(chain, shown));
        if self.shown.len() < shown {
            output::note(
                &"the store was replaced by another one, which is followed from its start",
            );
        }
        let mut records = Vec::new();
        let mut ends = Vec::new();
        for (chain, head) in heads {
            let last = self.shown.get(&chain).copied();
            if last == Some(head) {
                continue;
            }
            let left = BATCH.saturating_sub(records.len() as u64);
            if left == 0 {
                break;
            }
            let mut filter = within(&self.filter, self.storage, chain.as_deref())
                .oldest_first()
                .limit(left)
                // What is appended during this look is left to the next one.
                .before(head.saturating_add(1));
            filter.after = last;
            let found = self.storage.list(&filter)?;
            // A full batch may not be all; whatever was passed over in a shorter one never matches.
            let full = found.len() as u64 == left;
            let end = found.last().filter(|_| full);
            let end = end.and_then(|end| u64::try_from(end.columns.sequence).ok());
            ends.push((chain, end.unwrap_or(head)));
            records.extend(found);
        }
        let grown = ends.len();
        if grown > 1 {
            records.sort_by(|left, right| left.signed_at.cmp(&right.signed_at));
        }
        // What was found is shown once the whole look has succeeded.
        self.shown.extend(ends);
        Ok((grown > 0).then_some(records))
    }
}

/// In one look, so that memory stays flat however much was written meanwhile.
const BATCH: u64 = 500;

/// A file that is being replaced is back after some looks.
const MOST_FAILURES: u32 = 25;

/// Writes each batch at once.
struct Printer<'a> {
    columns: &'a Columns,
    form: Form,
}

enum Form {
    Json,
    Table { table: Table, begun: bool },
}

impl<'a> Printer<'a> {
    fn new(columns: &'a Columns, json: bool) -> Self {
        Self {
            columns,
            form: if json {
                Form::Json
            } else {
                Form::Table {
                    table: columns.table(),
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
