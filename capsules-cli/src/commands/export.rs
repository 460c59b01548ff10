//! `capsules export`: capsules for somebody else.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use capsules_core::export::{self, WriteError, Writer};
use capsules_core::{Filter, SealedRecord, Storage};
use clap::ValueEnum;
use serde::Serialize;

use crate::args::Global;
use crate::destination::Destination;
use crate::filter::FilterArgs;
use crate::human::counted;
use crate::progress::{Progress, Unit};
use crate::source::{self, Store, keeps_chains};
use crate::spreadsheet::Sheet;
use crate::style::GOOD;
use crate::{CliError, Result, Status, output};

/// Write capsules to a file that others can verify, or to standard output
///
/// The capsules come in the order of the chain, as they are stored, with their seals: the JSON
/// forms are verified with the public key alone, by this program or another implementation of the
/// protocol. A selection is no chain: its capsules have their hashes and signatures, but links
/// to capsules that are left out. --from and --to select a piece of the chain, which `import`
/// appends to the piece before it.
///
/// Of a PostgreSQL store, which keeps a chain for each tenant, an export holds the chain of --tenant
/// or that of --no-tenant; CSV may hold all.
///
/// CSV is for spreadsheets. It leaves out most of the content and cannot be verified; text that a
/// spreadsheet would take for a formula gets an apostrophe before it.
///
/// A file appears when it is complete, readable by its owner only. Capsules that are stored
/// meanwhile are not part of the export.
///
/// JSON, with --output: {"exported", "format", "path", "chain", "first_sequence", "last_sequence"}
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules export -o audit.json
  capsules export --tenant acme --since 2026-01-01 -o acme.jsonl
  capsules export --pg postgresql://auditor@db/audit --tenant acme -o acme.json
  capsules export --format csv --status failure > failures.csv
  capsules export --from 1000 -o from-1000.jsonl")]
pub(crate) struct Args {
    /// The file to write; one that is there is replaced [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The form [default: by the ending of FILE, else json]
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// Begin with the capsule at this place in the chain
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    from: u64,

    /// End with the capsule at this place in the chain
    #[arg(long, value_name = "N")]
    to: Option<u64>,

    #[command(flatten)]
    filter: FilterArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// One JSON array of sealed records, which every implementation reads
    Json,
    /// One sealed record a line
    Jsonl,
    /// One row a capsule, for spreadsheets; not verifiable
    Csv,
}

/// What is printed for programs.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    exported: u64,
    format: Format,
    path: &'a Path,
    /// Whether the records are a whole chain or a piece of one.
    chain: bool,
    first_sequence: Option<i64>,
    last_sequence: Option<i64>,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<Status> {
    if global.json && args.output.is_none() {
        return Err(CliError::JsonWithoutOutput);
    }
    let store = Store::open(global)?;
    let storage = store.storage();
    let format = args.format();
    let chains = args.chains(storage, format)?;
    let exported = args
        .export(
            storage,
            &chains,
            format,
            &args.progress(storage, &chains, global),
        )
        .map_err(|error| match (error, &args.output) {
            (CliError::Write(reason), Some(path)) => CliError::WriteFile {
                path: path.clone(),
                reason,
            },
            (error, _) => error,
        })?;
    args.tell(&exported, format, global)?;
    store.waiting(global).report();
    Ok(Status::Pass)
}

impl Args {
    fn format(&self) -> Format {
        let ending = self.output.as_deref().and_then(Path::extension);
        self.format
            .unwrap_or_else(|| match ending.and_then(|ending| ending.to_str()) {
                Some("jsonl" | "ndjson") => Format::Jsonl,
                Some("csv") => Format::Csv,
                _ => Format::Json,
            })
    }

    /// The chains to read: one, unless nobody is going to verify what is written.
    fn chains(&self, storage: &dyn Storage, format: Format) -> Result<Vec<Option<String>>> {
        let chains = self.filter.filter().chains(storage)?;
        if chains.len() > 1 && format != Format::Csv {
            return Err(CliError::SeveralToExport {
                location: storage.location(),
                chains: chains.len(),
            });
        }
        Ok(chains)
    }

    /// Of reading the chains. Where the capsules go to the terminal, they show it themselves.
    fn progress(
        &self,
        storage: &dyn Storage,
        chains: &[Option<String>],
        global: &Global,
    ) -> Progress {
        if self.output.is_none() && std::io::stdout().is_terminal() {
            return Progress::hidden();
        }
        let end = source::length(storage, chains).map(|length| match self.to {
            Some(to) => length.min(to.saturating_add(1)),
            None => length,
        });
        let total = end.map(|end| end.saturating_sub(self.from));
        Progress::new(global, "Exporting", Unit::Capsules, total)
    }

    fn export(
        &self,
        storage: &dyn Storage,
        chains: &[Option<String>],
        format: Format,
        progress: &Progress,
    ) -> Result<Exported> {
        let filter = self.filter.filter();
        let mut sink = Sink::open(self.output.as_deref(), format)?;
        let everything = match keeps_chains(storage) {
            true => self.filter.chain.filter(),
            false => Filter::new(),
        };
        let mut exported = Exported::new(filter == everything);
        for chain in chains {
            let mut failure = None;
            storage.scan(chain.as_deref(), self.from, &mut |record| {
                let sequence = record.columns.sequence;
                if self.to.is_some_and(|to| beyond(sequence, to)) {
                    return ControlFlow::Break(());
                }
                progress.advance(1);
                if !filter.selects(&record) {
                    return ControlFlow::Continue(());
                }
                exported.note(sequence);
                match sink.write(&record) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failure = Some(error);
                        ControlFlow::Break(())
                    }
                }
            })?;
            if let Some(error) = failure {
                return Err(error);
            }
        }
        sink.finish().map(|()| exported)
    }

    /// Says what was written, and what it is good for.
    fn tell(&self, exported: &Exported, format: Format, global: &Global) -> Result<()> {
        if global.json {
            return output::print_json(&Answer {
                exported: exported.count,
                format,
                path: self.output.as_deref().unwrap_or(Path::new("-")),
                chain: exported.chain,
                first_sequence: exported.first,
                last_sequence: exported.last,
            });
        }
        if let Some(path) = &self.output {
            let count = counted(exported.count, "capsule");
            let path = path.to_string_lossy();
            let path = output::Safe(&path);
            output::print(&format!("{GOOD}Exported{GOOD:#} {count} to {path}\n"))?;
        }
        if format == Format::Csv {
            output::note(&"CSV cannot be verified; --format json can");
        } else if !exported.chain {
            output::note(
                &"a selection is no chain: its capsules have valid hashes and signatures, but not \
                  every link",
            );
        }
        Ok(())
    }
}

fn beyond(sequence: i64, last: u64) -> bool {
    u64::try_from(sequence).is_ok_and(|sequence| sequence > last)
}

/// What was written.
#[derive(Debug)]
struct Exported {
    count: u64,
    chain: bool,
    first: Option<i64>,
    last: Option<i64>,
}

impl Exported {
    fn new(chain: bool) -> Self {
        Self {
            count: 0,
            chain,
            first: None,
            last: None,
        }
    }

    fn note(&mut self, sequence: i64) {
        self.count += 1;
        self.first.get_or_insert(sequence);
        self.last = Some(sequence);
    }
}

/// A destination and the form of what goes there.
enum Sink {
    Json(Writer<Destination>),
    Csv(Box<Sheet<Destination>>),
}

impl Sink {
    fn open(path: Option<&Path>, format: Format) -> Result<Self> {
        let destination = Destination::open(path)?;
        Ok(match format {
            Format::Json => Self::Json(Writer::new(destination, export::Format::Array)),
            Format::Jsonl => Self::Json(Writer::new(destination, export::Format::Lines)),
            Format::Csv => Self::Csv(
                Sheet::new(destination)
                    .map(Box::new)
                    .map_err(CliError::Write)?,
            ),
        })
    }

    fn write(&mut self, record: &SealedRecord) -> Result<()> {
        match self {
            Self::Json(writer) => writer.write(record).map_err(failed),
            Self::Csv(sheet) => sheet.write(record).map_err(CliError::Write),
        }
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::Json(writer) => writer.finish().map_err(failed),
            Self::Csv(sheet) => sheet.finish().map_err(CliError::Write),
        }?
        .finish()
    }
}

/// A closed pipe is told from other failures by its kind.
fn failed(error: WriteError) -> CliError {
    match error {
        WriteError::Io { source, .. } => CliError::Write(source),
        other => CliError::Unexportable(other),
    }
}
