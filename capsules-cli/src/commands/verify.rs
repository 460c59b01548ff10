//! `capsules verify`: is the chain what was sealed?

use capsules_core::verify::{Level, Neighbours, Report, Verifier};
use capsules_core::{ContentHash, Head, Storage};
use serde::Serialize;

use crate::args::Global;
use crate::input::Input;
use crate::progress::{Progress, Unit};
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

    /// Begin after a capsule that was verified before, given as SEQUENCE:HASH; a chain that does
    /// not have it fails
    #[arg(long, value_name = "SEQ:HASH", value_parser = trusted_head)]
    since: Option<Head>,

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
        Source::Store(path) => {
            let store = source::open(path)?;
            let progress = args.progress(|| {
                let left =
                    source::chain_length(&store).map(|length| length - args.first().min(length));
                Progress::new(global, VERIFYING, Unit::Capsules, left)
            });
            verify_store(&verifier, &store, args.first(), &progress)?
        }
        Source::Export(input) => {
            let progress = args.progress(|| input.progress(global, VERIFYING));
            verify_export(&verifier.without_columns(), input, args.first(), &progress)?
        }
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
        let mut verifier = Verifier::new(level);
        if let Some(head) = &self.since {
            verifier = verifier.since(head.clone());
        }
        if level < Level::Signatures {
            return Ok(verifier);
        }
        let keys = self.keys.trusted_keys(global)?;
        let verifier = verifier.strict(self.strict);
        Ok(verifier.keys(keys).pq(self.keys.pq_policy()))
    }

    fn progress(&self, progress: impl FnOnce() -> Progress) -> Progress {
        if self.quiet {
            Progress::hidden()
        } else {
            progress()
        }
    }

    /// The place of the first record to read.
    fn first(&self) -> u64 {
        self.since.as_ref().map_or(0, |head| head.sequence)
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

/// A sequence and a hash, as `--since` takes them.
fn trusted_head(text: &str) -> Result<Head, String> {
    let (sequence, hash) = text.split_once(':').ok_or("expected SEQUENCE:HASH")?;
    let sequence = sequence
        .parse()
        .map_err(|_| format!("`{sequence}` is not a sequence"))?;
    let hash: ContentHash = hash.parse().map_err(|error| format!("{error}"))?;
    Ok(Head {
        sequence,
        hash: hash.to_string(),
    })
}

fn verify_store(
    verifier: &Verifier,
    store: &dyn Storage,
    first: u64,
    progress: &Progress,
) -> Result<(Report, Neighbours)> {
    let watch = &mut |read| progress.reached(read);
    Ok(verifier.verify_scan(watch, |visit| store.scan_ref(None, first, visit))?)
}

/// Verifies the records of an export from this one on.
fn verify_export(
    verifier: &Verifier,
    input: &Input,
    first: u64,
    progress: &Progress,
) -> Result<(Report, Neighbours)> {
    verifier.verify_scan(&mut |_| {}, |visit| {
        for (place, record) in (0..).zip(input.records(progress)?) {
            let record = record?;
            if place < first {
                continue;
            }
            if visit(record.as_ref()).is_break() {
                break;
            }
        }
        Ok(())
    })
}

const VERIFYING: &str = "Verifying";
