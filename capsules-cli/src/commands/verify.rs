//! `capsules verify`: is the chain what was sealed?

use std::io::Write;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use capsules_core::verify::{
    Checkpoint, CheckpointError, Level, Neighbours, NoCheckpoint, Report, Verifier,
};
use capsules_core::{ContentHash, Head};
use serde::Serialize;

use crate::args::Global;
use crate::destination::Destination;
use crate::input::Input;
use crate::progress::{Progress, Unit};
use crate::source::{self, Source};
use crate::trust::KeyArgs;
use crate::verdict;
use crate::waiting::{self, Waiting};
use crate::{CliError, Result, Status, output};

/// Verify a chain: sequences and links, and on demand hashes and signatures
///
/// Reads the chain once, with flat memory and on all cores, and never writes: neither keys nor
/// stores are created. Verification ends with the first capsule that fails, since a chain says
/// nothing after a break. A question that was not asked is reported as not checked.
///
/// Signatures are checked with the keyring of the data directory, or with a public key that you
/// give. The second way needs nothing but the export and the key, so anyone can do it.
///
/// A chain that was cut or replaced is right in itself. --write-checkpoint keeps the end of a chain
/// that passed in a small file; keep it where those who write the store cannot. --since continues
/// from it, and fails where the chain does not have that end any more.
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
  capsules verify --db audit.db --signatures --json     for a script
  capsules verify --signatures --write-checkpoint c     and keep where it ended
  capsules verify --signatures --since c --write-checkpoint c
                                                        what came since, and go on")]
pub(crate) struct Args {
    /// An export: a JSON array of sealed records, a single one, or one on each line; - for
    /// standard input
    file: Option<Input>,

    /// Print nothing, unless --json is given; the exit status is the answer
    #[arg(long, short)]
    quiet: bool,

    /// Decide every signature by itself instead of a thousand at a time
    #[arg(long)]
    strict: bool,

    /// Begin after a capsule that was verified before, given as a checkpoint file or as
    /// SEQUENCE:HASH; a chain that does not have it fails
    #[arg(long, value_name = "FILE|SEQ:HASH", value_parser = since)]
    since: Option<Since>,

    /// When the chain passes, keep its last capsule in this file, to continue from with --since
    #[arg(long, value_name = "FILE")]
    write_checkpoint: Option<PathBuf>,

    /// How many threads check; all cores without it
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,

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

/// What was verified before.
#[derive(Debug, Clone)]
enum Since {
    Head(Head),
    File(PathBuf),
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
    let mut verifier = args.verifier(global)?;
    // Opened first: a file that cannot be written is not found out after the work.
    let checkpoint = match &args.write_checkpoint {
        Some(path) => Some(Destination::open(Some(path))?),
        None => None,
    };
    let (report, neighbours) = match &source {
        Source::Store(path) => {
            let store = source::open(path)?;
            let progress = args.progress(|| {
                let first = verifier.first();
                let left = source::chain_length(&store).map(|length| length - first.min(length));
                Progress::new(global, VERIFYING, Unit::Capsules, left)
            });
            verifier.verify_store(&store, None, &mut |read| progress.reached(read))?
        }
        Source::Export(input) => {
            verifier = verifier.without_columns();
            let progress = args.progress(|| input.progress(global, VERIFYING));
            verify_export(&verifier, input, &progress)?
        }
    };
    if let Some(destination) = checkpoint {
        keep(destination, Checkpoint::of(&verifier, &report, &neighbours))?;
    }
    if args.quiet && !global.json {
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

/// Writes a checkpoint, if there is one. A file that was there before stays otherwise.
fn keep(mut to: Destination, checkpoint: Result<Checkpoint, NoCheckpoint>) -> Result<()> {
    match checkpoint {
        Ok(checkpoint) => {
            to.write_all(checkpoint.to_json().as_bytes())
                .map_err(CliError::Write)?;
            to.finish()
        }
        Err(NoCheckpoint::Invalid) => Ok(()),
        Err(reason) => {
            output::note(&format_args!("no checkpoint was written: {reason}"));
            Ok(())
        }
    }
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
        if let Some(threads) = self.threads {
            verifier = verifier.threads(threads);
        }
        verifier = match &self.since {
            None => verifier,
            Some(Since::Head(head)) => verifier.since(head.clone()),
            Some(Since::File(path)) => {
                let failed = |reason| CliError::Checkpoint {
                    path: path.clone(),
                    reason,
                };
                verifier
                    .after(&read(path)?.map_err(failed)?)
                    .map_err(failed)?
            }
        };
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

/// A checkpoint file, or a sequence and a hash.
fn since(text: &str) -> Result<Since, String> {
    let Some((sequence, hash)) = text.split_once(':') else {
        return Ok(Since::File(text.into()));
    };
    let Ok(sequence) = sequence.parse() else {
        return Ok(Since::File(text.into()));
    };
    let hash: ContentHash = hash.parse().map_err(|error| format!("{error}"))?;
    Ok(Since::Head(Head {
        sequence,
        hash: hash.to_string(),
    }))
}

/// The checkpoint in a file.
fn read(path: &Path) -> Result<Result<Checkpoint, CheckpointError>> {
    let text = Input::File(path.to_owned()).read_small()?;
    Ok(String::from_utf8_lossy(&text).parse())
}

/// Verifies the records of an export, from the first that has to be shown on.
fn verify_export(
    verifier: &Verifier,
    input: &Input,
    progress: &Progress,
) -> Result<(Report, Neighbours)> {
    verifier.verify_scan(&mut |_| {}, |visit| {
        for (place, record) in (0..).zip(input.records(progress)?) {
            let record = record?;
            if place < verifier.first() {
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
