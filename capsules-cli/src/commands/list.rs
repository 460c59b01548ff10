//! `capsules list`: one line a capsule.

use std::io::Write;

use anstyle::Style;
use capsules_core::{
    Capsule, CapsuleType, Filter, OutcomeStatus, SealedRecord, Storage, Timestamp,
};

use crate::source::{self, StoreArgs};
use crate::style::{BAD, DIM, GOOD, WARN};
use crate::table::{Cell, Column, Table};
use crate::waiting::Waiting;
use crate::{CliError, Result, Status, human, output};

/// List capsules, the newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules list
  capsules list --type tool --status failure --since 24h
  capsules list --tenant acme --since 2026-01-01 --until 2026-02-01 --limit 1000 --json")]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArgs,

    /// Only this type: agent, tool, system, kill, workflow, chat, vault or auth
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<CapsuleType>,

    /// Only this tenant
    #[arg(long)]
    tenant: Option<String>,

    /// Only this domain
    #[arg(long)]
    domain: Option<String>,

    /// Only this session
    #[arg(long)]
    session: Option<String>,

    /// Only this outcome: pending, success, failure, partial or blocked
    #[arg(long)]
    status: Option<OutcomeStatus>,

    /// Only actions that began at this time or later: 2026-01-15, 2026-01-15T12:00:00+01:00, 24h
    ///
    /// A time without an offset is UTC. A number with s, m, h, d or w is that long ago.
    #[arg(long, value_name = "TIME", value_parser = human::parse_time)]
    since: Option<Timestamp>,

    /// Only actions that began before this time
    #[arg(long, value_name = "TIME", value_parser = human::parse_time)]
    until: Option<Timestamp>,

    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u64,

    /// Pass over this many first
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u64,

    /// Print {"capsules": [sealed records], "total", "limit", "offset"}
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Status> {
    let path = args.store.path()?;
    let storage = source::open(&path)?;
    let filter = args.filter();
    if args.json {
        let records = storage.list(&filter)?;
        print_json(&records, storage.count(&filter)?, args)?;
    } else {
        // One more than asked for tells whether there are more.
        let records = storage.list(&filter.limit(args.limit.saturating_add(1)))?;
        output::print(&page(&records, args, output::terminal_width()))?;
    }
    Waiting::beside(&path).report(&args.store.data_dir);
    Ok(Status::Pass)
}

impl Args {
    fn filter(&self) -> Filter {
        let mut filter = Filter::new().limit(self.limit).offset(self.offset);
        filter.kind = self.kind;
        filter.tenant.clone_from(&self.tenant);
        filter.domain.clone_from(&self.domain);
        filter.session.clone_from(&self.session);
        filter.status.clone_from(&self.status);
        filter.since = self.since;
        filter.until = self.until;
        filter
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
        Cell::new(source(&capsule)),
        Cell::new(&capsule.trigger.request),
        Cell::new(&human::duration(capsule.execution.duration_ms)),
        hash,
    ]
}

/// What acted: the agent, or else what triggered it.
fn source(capsule: &Capsule) -> &str {
    match capsule.context.agent_id.as_str() {
        "" => &capsule.trigger.source,
        agent => agent,
    }
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
