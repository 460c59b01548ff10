//! `capsules import`: capsules from somebody else.

mod staging;

use capsules_core::StorageError;
use capsules_core::storage::Storage;
use serde::Serialize;

use crate::args::Global;
use crate::chain::ChainArgs;
use crate::human::{counted, number};
use crate::input::Input;
use crate::judged::Judged;
use crate::output::{self, Safe};
use crate::page::Page;
use crate::progress::{Progress, Unit};
use crate::source::Place;
use crate::style::{BAD, DIM, GOOD};
use crate::trust::KeyArgs;
use crate::{CliError, Result, Status};

use staging::{Staging, Stop};

/// Append the capsules of an export to a store, once they are verified
///
/// Everything is verified before anything is written: that the capsules follow each other and the
/// last one of the store without a gap, that each content has its hash, and that a trusted key
/// signed each hash. The keys are those of the data directory unless you name one. Where a check
/// fails nothing is written, and the exit status is 1.
///
/// Capsules that the store has already are passed over, so that an import can be repeated, or
/// continued after an interruption. An export that tells another story than the store from some
/// place on is refused: a chain has one next capsule. Capsules keep their seals; no key is used to
/// sign. A store that does not exist is made. A PostgreSQL store keeps a chain for each tenant, and
/// takes an export of one of them, into the chain of the tenant that its capsules name or of
/// --tenant.
///
/// JSON: {"valid", "imported", "present", "total", "errors": [{"sequence", "capsule_id", "error"}]}
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules import audit.json --db copy.db --pubkey-file signer.pub
  capsules import --dry-run from-1000.jsonl
  capsules export --db old.db | capsules import --db new.db -
  capsules import acme.json --pg postgresql://recorder@db/audit --keyring keyring.json")]
pub(crate) struct Args {
    /// The export: a JSON array of sealed records, a single one, or one on each line; - for
    /// standard input
    file: Input,

    /// Verify, and say what would be imported
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    chain: ChainArgs,

    #[command(flatten)]
    keys: KeyArgs,
}

/// What is printed for programs.
#[derive(Debug, Default, Serialize)]
struct Answer {
    valid: bool,
    /// Capsules that were appended, or with `--dry-run` would be.
    imported: u64,
    /// Capsules that the store had already.
    present: u64,
    /// Capsules of the export that were read before the verdict.
    total: u64,
    errors: Vec<Refusal>,
}

/// Why nothing is imported.
#[derive(Debug, Serialize)]
struct Refusal {
    sequence: i64,
    capsule_id: String,
    error: String,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<Status> {
    let place = Place::named(global)?;
    let keys = args.keys.trusted_keys(global)?;
    let existing = existing(&place)?;
    let keeps_chains = matches!(place, Place::Server(_));
    if args.chain.is_given() && !keeps_chains {
        return Err(CliError::OneChain {
            location: place.to_string(),
        });
    }
    let chosen = args.chain.clone();
    let mut staging = Staging::new(keeps_chains, chosen)?;
    let progress = args.file.progress(global, "Verifying");
    let records = args.file.records(&progress)?;
    let records = Judged::new(records, &keys, args.keys.pq_policy());
    let verified = staging.verify(records, existing.as_deref());
    drop(progress);
    let mut answer = Answer {
        present: staging.present(),
        total: staging.read(),
        ..Answer::default()
    };
    match verified {
        Ok(()) => {
            answer.valid = true;
            answer.imported = staging.fresh();
            if !args.dry_run && answer.imported > 0 {
                drop(existing);
                let total = Some(answer.imported);
                let progress = Progress::new(global, "Importing", Unit::Capsules, total);
                staging.append(&place, &progress)?;
            }
        }
        Err(Stop::Refused(refusal)) => {
            answer.errors.push(refusal);
        }
        Err(Stop::Failed(error)) => return Err(error),
    }
    if global.json {
        output::print_json(&answer)?;
    } else {
        output::print(&render(&answer, &place.to_string(), args.dry_run))?;
    }
    Ok(Status::from(answer.valid))
}

/// The store, if there is one yet.
fn existing(place: &Place) -> Result<Option<Box<dyn Storage>>> {
    match place {
        Place::File(path) if !path.exists() => Ok(None),
        place => match place.open() {
            Ok(store) => Ok(Some(store)),
            Err(CliError::Store(StorageError::Absent { .. })) => Ok(None),
            Err(error) => Err(error),
        },
    }
}

fn render(answer: &Answer, store: &str, dry_run: bool) -> String {
    let mut page = Page::new();
    let store = Safe(store);
    if let Some(refusal) = answer.errors.first() {
        page.line(format_args!(
            "{BAD}Refused{BAD:#} capsule {} {}: {}",
            refusal.sequence,
            Safe(&refusal.capsule_id),
            Safe(&refusal.error),
        ));
        page.line(format_args!("Nothing was imported into {store}"));
        return page.finish();
    }
    let done = if dry_run { "Would import" } else { "Imported" };
    let imported = counted(answer.imported, "capsule");
    let present = match answer.present {
        0 => String::new(),
        present => format!("{DIM}, {} were there already{DIM:#}", number(present)),
    };
    page.line(format_args!(
        "{GOOD}{done}{GOOD:#} {imported} into {store}{present}"
    ));
    page.finish()
}
