//! `capsules list`: one line a capsule.

use std::io::Write;

use anstyle::Style;
use capsules_core::{Filter, OutcomeStatus, SealedRecord, Storage};

use crate::args::Global;
use crate::filter::FilterArgs;
use crate::source;
use crate::style::{BAD, DIM, GOOD, WARN};
use crate::table::{Cell, Column, Table};
use crate::waiting::Waiting;
use crate::{CliError, Result, Status, human, output, pager};

/// List capsules, the newest first
///
/// JSON: {"capsules": [sealed records], "total", "limit", "offset"}
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules list
  capsules list --type tool --status failure --since 24h
  capsules list --tenant acme --since 2026-01-01 --until 2026-02-01 --limit 1000 --json")]
pub(crate) struct Args {
    #[command(flatten)]
    filter: FilterArgs,

    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u64,

    /// Pass over this many first
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u64,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<Status> {
    let path = source::store_path(global)?;
    let storage = source::open(&path)?;
    let filter = args.filter();
    if global.json {
        let records = storage.list(&filter)?;
        print_json(&records, storage.count(&filter)?, args)?;
    } else {
        // One more than asked for tells whether there are more.
        let records = storage.list(&filter.limit(args.limit.saturating_add(1)))?;
        pager::show(&page(&records, args, output::terminal_width()), global)?;
    }
    Waiting::beside(&path).report(global);
    Ok(Status::Pass)
}

impl Args {
    fn filter(&self) -> Filter {
        self.filter.filter().limit(self.limit).offset(self.offset)
    }
}

fn print_json(records: &[SealedRecord], total: u64, args: &Args) -> Result<()> {
    let records: Vec<String> = records
        .iter()
        .map(SealedRecord::to_json)
        .collect::<Result<_, _>>()?;
    let (limit, offset) = (args.limit, args.offset);
    writeln!(
        std::io::stdout().lock(),
        "{{\"capsules\":[\n{}\n],\"total\":{total},\"limit\":{limit},\"offset\":{offset}}}",
        records.join(",\n"),
    )
    .map_err(CliError::Write)
}

fn page(records: &[SealedRecord], args: &Args, width: Option<usize>) -> String {
    if records.is_empty() {
        return "No capsules match.\n".to_owned();
    }
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut table = Table::new(COLUMNS);
    for record in records.iter().take(limit) {
        table.row(row(record));
    }
    let text = table.render(width);
    if records.len() > limit {
        let next = args.offset.saturating_add(args.limit);
        let more = format!("There are more: --offset {next}, or a larger --limit.");
        return format!("{text}\n{DIM}{more}{DIM:#}\n");
    }
    text
}

const COLUMNS: [Column; 8] = [
    Column::right("SEQ"),
    Column::left("BEGAN (UTC)"),
    Column::left("TYPE"),
    Column::left("STATUS"),
    Column::elastic("SOURCE"),
    Column::elastic("REQUEST"),
    Column::right("TOOK"),
    Column::left("HASH"),
];

fn row(record: &SealedRecord) -> [Cell; 8] {
    let sequence = Cell::new(&record.columns.sequence.to_string());
    let hash = Cell::styled(human::short_hash(&record.hash), DIM);
    let Ok(capsule) = record.capsule() else {
        let [time, source, request, took] = [(); 4].map(|()| Cell::new(""));
        let kind = Cell::new(&record.columns.kind);
        let status = Cell::styled("unreadable", BAD);
        return [sequence, time, kind, status, source, request, took, hash];
    };
    [
        sequence,
        Cell::new(&human::time(capsule.trigger.timestamp)),
        Cell::new(capsule.kind.as_str()),
        Cell::styled(
            capsule.outcome.status.as_str(),
            status_style(&capsule.outcome.status),
        ),
        Cell::new(&capsule.trigger.source),
        Cell::new(&capsule.trigger.request),
        Cell::new(&human::duration(capsule.execution.duration_ms)),
        hash,
    ]
}

/// The colour of an outcome.
pub(crate) fn status_style(status: &OutcomeStatus) -> Style {
    match status {
        OutcomeStatus::Success => GOOD,
        OutcomeStatus::Failure => BAD,
        OutcomeStatus::Partial | OutcomeStatus::Blocked => WARN,
        OutcomeStatus::Pending | OutcomeStatus::Other(_) => DIM,
    }
}
