//! `capsules inspect`: one capsule, whole.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use capsules_core::verify::{PqPolicy, TrustedKeys, VerifyCode, verify_record};
use capsules_core::{Filter, Keyring, SealedRecord, Storage, StorageError, Uuid};

use crate::args::Global;
use crate::input::Input;
use crate::sections::{self, Integrity};
use crate::source::{self, Source};
use crate::{CliError, Result, Status, pager};

/// Show one capsule: its six sections, its seal and its links
///
/// Where the source holds a single capsule, neither --seq nor --id is needed. The capsule is
/// checked by itself, with the keys of the data directory; its place in the chain is not.
///
/// JSON: the sealed record as it is stored
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules inspect --seq 0
  capsules inspect --db audit.db --id 0199f3a0-1111-4a11-8a11-000000000001
  capsules inspect export.json --seq 3 --json")]
pub(crate) struct Args {
    /// An export: a JSON array of sealed records, a single one, or one on each line; - for
    /// standard input
    file: Option<Input>,

    /// The capsule at this place in the chain
    #[arg(long, value_name = "N")]
    seq: Option<u64>,

    /// The capsule with this UUID
    #[arg(long, value_name = "UUID", conflicts_with = "seq")]
    id: Option<Uuid>,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<Status> {
    let wanted = Wanted::of(args);
    let record = match Source::resolve(args.file.as_ref(), global)? {
        Source::Store(path) => in_store(&path, &wanted)?,
        Source::Export(input) => in_export(&input, &wanted)?,
    };
    if global.json {
        let json = record.to_json()?;
        writeln!(std::io::stdout(), "{json}").map_err(CliError::Write)?;
    } else {
        let capsule = record.capsule().map_err(CliError::NotACapsule)?;
        let integrity = integrity(&record, &trusted_keys(global));
        pager::show(&sections::render(&record, &capsule, &integrity), global)?;
    }
    Ok(Status::Pass)
}

/// The keys of the data directory; none where they cannot be read, since what is stored can be
/// shown without.
fn trusted_keys(global: &Global) -> TrustedKeys {
    let dir = global.data_dir().ok();
    dir.and_then(|dir| Keyring::read(&dir).ok())
        .unwrap_or_default()
        .into()
}

/// Checks the record by itself. Its place in the chain is for `verify`.
fn integrity(record: &SealedRecord, keys: &TrustedKeys) -> Integrity {
    match verify_record(record, keys, PqPolicy::Ignore) {
        Ok(()) => Integrity::Sealed,
        Err(failure) if failure.code == VerifyCode::InvalidSignature => {
            if keys.candidates(record.signed_by.as_deref()).is_empty() {
                Integrity::NoKey
            } else {
                Integrity::Broken(failure.message)
            }
        }
        Err(failure) => Integrity::Broken(failure.message),
    }
}

/// Which capsule to show.
#[derive(Debug)]
enum Wanted {
    Sequence(u64),
    Id(Uuid),
    Only,
}

impl Wanted {
    fn of(args: &Args) -> Self {
        match (args.seq, args.id) {
            (Some(sequence), _) => Self::Sequence(sequence),
            (None, Some(id)) => Self::Id(id),
            (None, None) => Self::Only,
        }
    }

    fn is(&self, record: &SealedRecord) -> bool {
        match self {
            Self::Sequence(sequence) => u64::try_from(record.columns.sequence) == Ok(*sequence),
            Self::Id(id) => record.columns.id.parse() == Ok(*id),
            Self::Only => true,
        }
    }
}

fn in_store(path: &Path, wanted: &Wanted) -> Result<SealedRecord> {
    let storage = source::open(path)?;
    let found = match wanted {
        Wanted::Sequence(sequence) => at_sequence(&storage, *sequence)?.into_iter().collect(),
        Wanted::Id(id) => storage.get(id)?.into_iter().collect(),
        Wanted::Only => storage.list(&Filter::new().limit(2))?,
    };
    only(found, wanted, &storage.location())
}

fn at_sequence(
    storage: &impl Storage,
    sequence: u64,
) -> Result<Option<SealedRecord>, StorageError> {
    let mut found = None;
    storage.scan(None, sequence, &mut |record| {
        found = Some(record);
        ControlFlow::Break(())
    })?;
    Ok(found.filter(|record| Wanted::Sequence(sequence).is(record)))
}

fn in_export(input: &Input, wanted: &Wanted) -> Result<SealedRecord> {
    let enough = if matches!(wanted, Wanted::Only) { 2 } else { 1 };
    let mut found = Vec::new();
    for record in input.records()? {
        let record = record?;
        if wanted.is(&record) {
            found.push(record);
            if found.len() == enough {
                break;
            }
        }
    }
    only(found, wanted, &input.to_string())
}

fn only(mut found: Vec<SealedRecord>, wanted: &Wanted, location: &str) -> Result<SealedRecord> {
    let several = found.len() > 1;
    let location = location.to_owned();
    match (found.pop(), wanted) {
        (Some(record), _) if !several => Ok(record),
        (Some(_), _) => Err(CliError::SeveralCapsules { location }),
        (None, Wanted::Sequence(sequence)) => Err(CliError::NoCapsule {
            what: format!("with sequence {sequence}"),
            location,
        }),
        (None, Wanted::Id(id)) => Err(CliError::NoCapsule {
            what: format!("with id {id}"),
            location,
        }),
        (None, Wanted::Only) => Err(CliError::NoCapsule {
            what: "at all".to_owned(),
            location,
        }),
    }
}
