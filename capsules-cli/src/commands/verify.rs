//! `capsules verify`: is the chain what was sealed?

use std::path::Path;

use capsules_core::Storage;
use capsules_core::verify::{Level, Neighbours, Report, Verifier};
use serde::Serialize;

use crate::args::Global;
use crate::input::Input;
use crate::source::{self, Source};
use crate::trust::KeyArgs;
use crate::verdict;
use crate::waiting::{self, Waiting};
use crate::{Result, Status, output};

/// Verify a chain: sequences and links, and on demand hashes and signatures
///
/// Reads the chain once, with flat memory and on all cores, and never writes: neither keys nor
/// stores are created. Verification ends with the first capsule that fails, since a chain says
/// nothing after a break. A question that was not asked is reported as not checked.
///
/// Signatures are checked with the keyring of the data directory, or with a public key that you
/// give. The second way needs nothing but the export and the key, so anyone can do it.
///
/// A store may lack what processes that died had accepted. Their journals are named, on standard
/// error or under "waiting_journals", and change neither the verdict nor the exit status.
///
/// JSON: {"valid", "level", "capsules_verified", "total_capsules", "errors", "checks"}, and of a
/// store "waiting_journals"
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules verify                                       the default store, links only
  capsules verify --signatures                          the default store, everything
  capsules verify export.json --full                    an export, links and contents
  capsules verify export.json --pubkey-file signer.pub  an export from somebody else
  capsules verify --db audit.db --signatures --json     for a script")]
pub(crate) struct Args {
    /// An export: a JSON array of sealed records, a single one, or one on each line; - for
    /// standard input
    file: Option<Input>,

    /// Print nothing; the exit status is the answer
    #[arg(long, short)]
    quiet: bool,

    /// Decide every signature by itself instead of a thousand at a time
    #[arg(long)]
    strict: bool,

    #[command(flatten)]
    level: LevelArgs,

    #[command(flatten)]
    keys: KeyArgs,
}

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
#[command(next_help_heading = "Level")]
struct LevelArgs {
    /// Sequences without gaps, and each capsule naming the hash before it (the default)
    #[arg(long)]
    structural: bool,

    /// And the content of each capsule having its hash, and agreeing with the store's columns
    #[arg(long)]
    full: bool,

    /// And a trusted key having signed each hash
    #[arg(long)]
    signatures: bool,
}

/// What is printed for programs.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_journals: Option<Vec<waiting::Entry<'a>>>,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<Status> {
    let source = Source::resolve(args.file.as_ref(), global)?;
    let verifier = args.verifier(global)?;
    let (report, neighbours) = match &source {
        Source::Store(path) => verify_store(&verifier, path)?,
        Source::Export(input) => verify_export(&verifier.without_columns(), input)?,
    };
    if args.quiet {
        return Ok(Status::from(report.valid()));
    }
    let waiting = match &source {
        Source::Store(path) => Some(Waiting::beside(path)),
        Source::Export(_) => None,
    };
    if global.json {
        answered(output::print_json(&Answer {
            report: &report,
            waiting_journals: waiting.as_ref().map(Waiting::entries),
        }))?;
    } else {
        let text = verdict::render(&report, &neighbours, &source.to_string());
        answered(output::print(&text))?;
        if let Some(waiting) = waiting {
            waiting.report(global);
        }
    }
    Ok(Status::from(report.valid()))
}

/// The verdict stands even if nobody reads the output to its end.
fn answered(printed: Result<()>) -> Result<()> {
    printed.or_else(|error| {
        if error.is_broken_pipe() {
            Ok(())
        } else {
            Err(error)
        }
    })
}

impl Args {
    fn verifier(&self, global: &Global) -> Result<Verifier> {
        let level = self.level();
        let verifier = Verifier::new(level);
        if level < Level::Signatures {
            return Ok(verifier);
        }
        let keys = self.keys.trusted_keys(global)?;
        let verifier = verifier.strict(self.strict);
        Ok(verifier.keys(keys).pq(self.keys.pq_policy()))
    }

    fn level(&self) -> Level {
        if self.level.signatures || self.keys.any() {
            Level::Signatures
        } else if self.level.full {
            Level::Full
        } else {
            Level::Structural
        }
    }
}

fn verify_store(verifier: &Verifier, path: &Path) -> Result<(Report, Neighbours)> {
    let store = source::open(path)?;
    Ok(verifier.verify_scan(&mut |_| {}, |visit| store.scan_ref(None, 0, visit))?)
}

fn verify_export(verifier: &Verifier, input: &Input) -> Result<(Report, Neighbours)> {
    verifier.verify_scan(&mut |_| {}, |visit| {
        for record in input.records()? {
            if visit(record?.as_ref()).is_break() {
                break;
            }
        }
        Ok(())
    })
}
