//! `capsules verify`: is the chain what was sealed?

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::num::NonZero;
use std::path::PathBuf;

use capsules_core::verify::{Checkpoint, Level, Neighbours, NoCheckpoint, Report, Verifier};
use capsules_core::{ContentHash, Head};
use serde::Serialize;

use crate::args::Global;
use crate::chain::ChainArgs;
use crate::checkpoints::Checkpoints;
use crate::destination::Destination;
use crate::input::Input;
use crate::progress::{Progress, Unit};
use crate::source::{self, Source, Store, keeps_chains};
use crate::trust::KeyArgs;
use crate::verdict::{self, Verified};
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
/// A PostgreSQL store keeps a chain for each tenant and one for the capsules without a tenant. All
/// of them are verified, each by itself, and pass when all do; a checkpoint file then has an end
/// for each.
///
/// A store may lack what processes that died had accepted. Their journals are named, on standard
/// error or under "waiting_journals", and change neither the verdict nor the exit status.
///
/// JSON: {"valid", "level", "capsules_verified", "total_capsules", "errors", "checks"}, and of a
/// store "waiting_journals"; of a PostgreSQL store this is the sum, with the same for each chain
/// and its "tenant" under "chains"
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules verify                                       the default store, links only
  capsules verify --signatures                          the default store, everything
  capsules verify export.json --full                    an export, links and contents
  capsules verify export.json --pubkey-file signer.pub  an export from somebody else
  capsules verify --db audit.db --signatures --json     for a script
  capsules verify --signatures --write-checkpoint c     and keep where it ended
  capsules verify --pg postgresql://auditor@db/audit --tenant acme --full
                                                        the chain of one tenant
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
    since: Option<SinceArg>,

    /// When the chain passes, keep its last capsule in this file, to continue from with --since
    #[arg(long, value_name = "FILE")]
    write_checkpoint: Option<PathBuf>,

    /// How many threads check; all cores without it
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,

    #[command(flatten)]
    chain: ChainArgs,

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

/// What was verified before, as the command line says it.
#[derive(Debug, Clone)]
enum SinceArg {
    Head(Head),
    File(PathBuf),
}

/// What was verified before.
enum Since {
    Head(Head),
    File(PathBuf, Checkpoints),
}

/// What is printed for programs.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    chains: Option<Vec<ChainAnswer<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_journals: Option<Vec<waiting::Entry<'a>>>,
}

#[derive(Serialize)]
struct ChainAnswer<'a> {
    tenant: Option<&'a str>,
    #[serde(flatten)]
    report: &'a Report,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<Status> {
    let source = Source::resolve(args.file.as_ref(), global)?;
    let (verifier, since) = (args.verifier(global)?, args.since()?);
    // Opened first: a file that cannot be written is not found out after the work.
    let checkpoint = match &args.write_checkpoint {
        Some(path) => Some(Destination::open(Some(path))?),
        None => None,
    };
    let (chains, store) = match &source {
        Source::Store(place) => {
            let store = Store::at(place.clone())?;
            let chains = args.verify_store(&verifier, since.as_ref(), &store, global)?;
            (chains, Some(store))
        }
        Source::Export(input) => (
            vec![args.verify_export(verifier, since.as_ref(), input, global)?],
            None,
        ),
    };
    let of_chains = store
        .as_ref()
        .is_some_and(|store| keeps_chains(store.storage()));
    if let Some(destination) = checkpoint {
        let several = of_chains && !args.chain.is_given();
        keep(destination, &chains, since, several)?;
    }
    let reports = chains.iter().map(|chain| chain.report.clone());
    let Some(report) = Report::joined(reports) else {
        return Ok(Status::Pass);
    };
    if args.quiet && !global.json {
        return Ok(Status::from(report.valid()));
    }
    let waiting = store.as_ref().map(|store| store.waiting(global));
    if global.json {
        let each = || chains.iter().map(ChainAnswer::from).collect();
        answered(output::print_json(&Answer {
            report: &report,
            chains: of_chains.then(each),
            waiting_journals: waiting.as_ref().map(Waiting::entries),
        }))?;
    } else {
        let text = verdict::render(&report, &chains, of_chains, &source.to_string());
        answered(output::print(&text))?;
        if let Some(waiting) = waiting {
            waiting.report();
        }
    }
    Ok(Status::from(report.valid()))
}

impl<'a> From<&'a Verified> for ChainAnswer<'a> {
    fn from(chain: &'a Verified) -> Self {
        Self {
            tenant: chain.tenant.as_deref(),
            report: &chain.report,
        }
    }
}

/// Writes the checkpoints, if there are any. A file that was there before stays otherwise, and what
/// it knows of other chains is kept.
fn keep(
    mut to: Destination,
    found: &[Verified],
    since: Option<Since>,
    several: bool,
) -> Result<()> {
    if found.iter().any(|chain| !chain.report.valid()) {
        return Ok(());
    }
    let mut chains = match since {
        Some(Since::File(_, Checkpoints::Chains(known))) => known,
        _ => BTreeMap::new(),
    };
    let several = several || !chains.is_empty();
    let mut last = None;
    for chain in found {
        match &chain.checkpoint {
            Ok(checkpoint) => {
                last = Some(checkpoint.clone());
                chains.insert(chain.tenant.clone(), checkpoint.clone());
            }
            Err(reason) => {
                output::note(&format_args!("no checkpoint was written: {reason}"));
                return Ok(());
            }
        }
    }
    let checkpoints = match last {
        Some(one) if !several => Checkpoints::One(Box::new(one)),
        _ => Checkpoints::Chains(chains),
    };
    to.write_all(checkpoints.to_json().as_bytes())
        .map_err(CliError::Write)?;
    to.finish()
}

/// The verifier that goes on where the verification of a chain ended.
fn begin(verifier: Verifier, since: Option<&Since>, chain: Option<&str>) -> Result<Verifier> {
    let (path, checkpoint) = match since {
        None => return Ok(verifier),
        Some(Since::Head(head)) => return Ok(verifier.since(head.clone())),
        Some(Since::File(path, Checkpoints::One(checkpoint))) => (path, Some(&**checkpoint)),
        Some(Since::File(path, Checkpoints::Chains(chains))) => {
            (path, chains.get(&chain.map(str::to_owned)))
        }
    };
    match checkpoint {
        // A chain that is new.
        None => Ok(verifier),
        Some(checkpoint) => verifier
            .after(checkpoint)
            .map_err(|reason| CliError::Checkpoint {
                path: path.clone(),
                reason,
            }),
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
        if level < Level::Signatures {
            return Ok(verifier);
        }
        let keys = self.keys.trusted_keys(global)?;
        let verifier = verifier.strict(self.strict);
        Ok(verifier.keys(keys).pq(self.keys.pq_policy()))
    }

    fn since(&self) -> Result<Option<Since>> {
        Ok(match &self.since {
            None => None,
            Some(SinceArg::Head(head)) => Some(Since::Head(head.clone())),
            Some(SinceArg::File(path)) => Some(Since::File(path.clone(), Checkpoints::read(path)?)),
        })
    }

    /// Verifies the chosen chains, one after the other.
    fn verify_store(
        &self,
        verifier: &Verifier,
        since: Option<&Since>,
        store: &Store,
        global: &Global,
    ) -> Result<Vec<Verified>> {
        let storage = store.storage();
        let chains = self.chains(since, store)?;
        let verifiers: Vec<_> = chains
            .iter()
            .map(|chain| begin(verifier.clone(), since, chain.as_deref()))
            .collect::<Result<_>>()?;
        let progress = self.progress(|| {
            let known = verifiers.iter().map(Verifier::first).sum();
            let length = source::length(storage, &chains);
            let left = length.map(|length| length.saturating_sub(known));
            Progress::new(global, VERIFYING, Unit::Capsules, left)
        });
        let mut all = Vec::with_capacity(chains.len());
        let mut done = 0;
        for (chain, verifier) in chains.into_iter().zip(&verifiers) {
            let watch = &mut |read| progress.reached(done + read);
            let found = verifier.verify_store(storage, chain.as_deref(), watch)?;
            done += found.0.total_capsules;
            all.push(self.verified(chain, verifier, found));
        }
        Ok(all)
    }

    /// The chosen chains. One of which a checkpoint was kept is among them even if the store does
    /// not have it any more.
    fn chains(&self, since: Option<&Since>, store: &Store) -> Result<Vec<Option<String>>> {
        let storage = store.storage();
        let mut chains = self.chain.chains(storage)?;
        match since {
            Some(Since::File(path, Checkpoints::Chains(known))) => {
                if !keeps_chains(storage) {
                    return Err(CliError::CheckpointOfChains { path: path.clone() });
                }
                if !self.chain.is_given() {
                    let there: HashSet<_> = chains.iter().cloned().collect();
                    let lost = known.keys().filter(|chain| !there.contains(*chain));
                    chains.extend(lost.cloned());
                }
            }
            Some(Since::Head(_) | Since::File(_, Checkpoints::One(_))) if chains.len() > 1 => {
                return Err(CliError::SeveralChains {
                    location: storage.location(),
                });
            }
            _ => {}
        }
        Ok(chains)
    }

    /// Verifies the records of an export, from the first that has to be shown on.
    fn verify_export(
        &self,
        verifier: Verifier,
        since: Option<&Since>,
        input: &Input,
        global: &Global,
    ) -> Result<Verified> {
        if self.chain.is_given() {
            return Err(CliError::OneChain {
                location: input.to_string(),
            });
        }
        if let Some(Since::File(path, Checkpoints::Chains(_))) = since {
            return Err(CliError::CheckpointOfChains { path: path.clone() });
        }
        let verifier = begin(verifier.without_columns(), since, None)?;
        let progress = self.progress(|| input.progress(global, VERIFYING));
        let found = verifier.verify_scan(&mut |_| {}, |visit| {
            for (place, record) in (0..).zip(input.records(&progress)?) {
                let record = record?;
                if place < verifier.first() {
                    continue;
                }
                if visit(record.as_ref()).is_break() {
                    break;
                }
            }
            Ok::<_, CliError>(())
        })?;
        Ok(self.verified(None, &verifier, found))
    }

    fn verified(
        &self,
        tenant: Option<String>,
        verifier: &Verifier,
        (report, neighbours): (Report, Neighbours),
    ) -> Verified {
        let checkpoint = match self.write_checkpoint {
            Some(_) => Checkpoint::of(verifier, &report, &neighbours),
            None => Err(NoCheckpoint::Empty),
        };
        Verified {
            tenant,
            neighbours: (!report.valid()).then_some(neighbours),
            report,
            checkpoint,
        }
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
fn since(text: &str) -> Result<SinceArg, String> {
    let Some((sequence, hash)) = text.split_once(':') else {
        return Ok(SinceArg::File(text.into()));
    };
    let Ok(sequence) = sequence.parse() else {
        return Ok(SinceArg::File(text.into()));
    };
    let hash: ContentHash = hash.parse().map_err(|error| format!("{error}"))?;
    Ok(SinceArg::Head(Head {
        sequence,
        hash: hash.to_string(),
    }))
}

const VERIFYING: &str = "Verifying";
