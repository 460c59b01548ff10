//! `capsules list`: one line a capsule.

use std::io::Write;

use capsules_core::{Filter, SealedRecord, Storage};

use crate::args::Global;
use crate::columns::ColumnArgs;
use crate::filter::FilterArgs;
use crate::output::Safe;
use crate::source::Store;
use crate::style::DIM;
use crate::{CliError, Result, Status, output, pager};

/// List capsules, the newest first
///
/// A PostgreSQL store keeps a chain for each tenant. Of several chains the capsules are listed by
/// the time of sealing, and --beyond leads to the next page.
///
/// JSON: {"capsules": [sealed records], "total", "limit", "offset"}. Counting all that a filter
/// selects may take much longer than finding the first: "total" is null where it is not known
/// already, unless --total asks for it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules list
  capsules list --type tool --status failure --since 24h
  capsules list --since yesterday --columns seq,time,status,error
  capsules list --tenant acme --since 2026-01-01 --until 2026-02-01 --limit 1000 --json")]
pub(crate) struct Args {
    #[command(flatten)]
    columns: ColumnArgs,

    /// The oldest first
    #[arg(long)]
    oldest_first: bool,

    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u64,

    /// Pass over this many first; --before, --after and --beyond are faster
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u64,

    /// Only places in the chain before this one
    #[arg(long, value_name = "SEQ")]
    before: Option<u64>,

    /// Only places in the chain after this one
    #[arg(long, value_name = "SEQ")]
    after: Option<u64>,

    /// Only what comes after the capsule with this id, in the order of the list
    #[arg(long, value_name = "ID")]
    beyond: Option<String>,

    /// Count how many there are in all, for --json
    #[arg(long, requires = "json")]
    total: bool,

    #[command(flatten)]
    filter: FilterArgs,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<Status> {
    let store = Store::open(global)?;
    let storage = store.storage();
    let filter = args.filter();
    if global.json {
        let records = storage.list(&filter)?;
        let total = args.total(storage, &filter, records.len() as u64)?;
        print_json(&records, total, args)?;
    } else {
        // One more than asked for tells whether there are more.
        let of_chains = filter.chains(storage)?.len() > 1;
        let records = storage.list(&filter.limit(args.limit.saturating_add(1)))?;
        pager::show(&page(&records, of_chains, args), global)?;
    }
    store.waiting(global).report();
    Ok(Status::Pass)
}

impl Args {
    fn filter(&self) -> Filter {
        let mut filter = self.filter.filter().limit(self.limit).offset(self.offset);
        filter.oldest_first = self.oldest_first;
        filter.before = self.before;
        filter.after = self.after;
        filter.beyond.clone_from(&self.beyond);
        filter
    }

    /// How many capsules there are on all pages. A page that is not full is the last one, and
    /// tells without counting.
    fn total(&self, storage: &dyn Storage, filter: &Filter, found: u64) -> Result<Option<u64>> {
        // How many there are before a cursor is not known.
        let is_last =
            self.beyond.is_none() && found < self.limit && (found > 0 || self.offset == 0);
        Ok(match (is_last, self.total) {
            (true, _) => Some(self.offset.saturating_add(found)),
            (false, true) => Some(storage.count(filter)?),
            (false, false) => None,
        })
    }
}

fn print_json(records: &[SealedRecord], total: Option<u64>, args: &Args) -> Result<()> {
    let records: Vec<String> = records
        .iter()
        .map(SealedRecord::to_json)
        .collect::<Result<_, _>>()?;
    let (limit, offset) = (args.limit, args.offset);
    let total = total.map_or_else(|| "null".to_owned(), |total| total.to_string());
    writeln!(
        std::io::stdout().lock(),
        "{{\"capsules\":[\n{}\n],\"total\":{total},\"limit\":{limit},\"offset\":{offset}}}",
        records.join(",\n"),
    )
    .map_err(CliError::Write)
}

fn page(records: &[SealedRecord], of_chains: bool, args: &Args) -> String {
    if records.is_empty() {
        return NONE.to_owned();
    }
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let columns = args.columns.chosen(of_chains);
    let mut table = columns.table();
    for record in records.iter().take(limit) {
        table.row(columns.row(record));
    }
    let text = table.render(output::terminal_width());
    if records.len() <= limit {
        return text;
    }
    let last = records[..limit].last();
    let next = last.map_or_else(String::new, |last| {
        format!("{}, or ", cursor(last, of_chains, args.oldest_first))
    });
    format!("{text}\n{DIM}There are more: {next}a larger --limit.{DIM:#}\n")
}

/// The option that leads to the next page.
pub(crate) fn cursor(last: &SealedRecord, of_chains: bool, oldest_first: bool) -> String {
    let columns = &last.columns;
    match (of_chains, oldest_first) {
        (true, _) => format!("--beyond {}", Safe(&columns.id)),
        (false, true) => format!("--after {}", columns.sequence),
        (false, false) => format!("--before {}", columns.sequence),
    }
}

/// What is said where nothing is found.
pub(crate) const NONE: &str = "No capsules match.\n";
