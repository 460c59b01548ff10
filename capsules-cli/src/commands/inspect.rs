//! `capsules inspect`: one capsule, whole.

use std::io::Write;

use capsules_core::verify::{PqPolicy, TrustedKeys, VerifyCode, verify_record};
use capsules_core::{Keyring, SealedRecord, Storage};
use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::args::Global;
use crate::chain::ChainArgs;
use crate::field::Field;
use crate::input::Input;
use crate::reference::{Reference, Target};
use crate::relatives::Relatives;
use crate::sections::{self, Integrity};
use crate::source::{Source, Store};
use crate::{CliError, Result, Status, pager};

/// Show one capsule: its six sections, its seal and its links
///
/// A capsule is named by its id, by sha3_ and its hash, by four or more of their first digits, or
/// by a capsule:// URI, with --id or in place of the file. Where the source holds a single
/// capsule it need not be named. The capsule is checked by itself, with the keys of the data
/// directory; its place in the chain is not. Of a URI with a fragment, such as
/// #reasoning/confidence, only that part of the content is shown. In a PostgreSQL store, which
/// keeps a chain for each tenant, a place is one in the chain of --tenant, or of the tenant that a
/// URI names.
///
/// JSON: the sealed record as it is stored; with a fragment, that value.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules inspect --seq 0
  capsules inspect 0199f3a0
  capsules inspect 'capsule://audit/42#reasoning'
  capsules inspect --db audit.db --id 0199f3a0-1111-4a11-8a11-000000000001
  capsules inspect --pg postgresql://auditor@db/audit --tenant acme --seq 3
  capsules inspect export.json --seq 3 --json")]
pub(crate) struct Args {
    /// An export (a JSON array of sealed records, a single one, or one on each line; - for
    /// standard input), or the capsule
    #[arg(value_name = "FILE|CAPSULE",
        value_parser = OsStringValueParser::new().try_map(Target::parse))]
    target: Option<Target>,

    /// The capsule at this place in the chain
    #[arg(long, value_name = "N")]
    seq: Option<u64>,

    /// The capsule with this id, beginning of an id, hash or URI
    #[arg(long, value_name = "CAPSULE", conflicts_with = "seq")]
    id: Option<Reference>,

    #[command(flatten)]
    chain: ChainArgs,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<Status> {
    let (file, wanted) = args.file_and_capsule()?;
    let (record, relatives) = match Source::resolve(file, global)? {
        Source::Store(place) => {
            let store = Store::at(place)?;
            let storage = store.storage();
            let record = in_store(storage, wanted.as_ref(), &args.chain)?;
            let relatives = match global.json {
                true => None,
                false => Some(Relatives::of(&record, storage)?),
            };
            (record, relatives)
        }
        Source::Export(input) => (in_export(&input, wanted.as_ref(), global)?, None),
    };
    if let Some(fragment) = wanted.and_then(|wanted| wanted.fragment) {
        let field = Field::of(&record, &fragment)?;
        return print(&if global.json {
            field.json()
        } else {
            field.text()
        });
    }
    if global.json {
        return print(&record.to_json()?);
    }
    let capsule = record.capsule().map_err(CliError::NotACapsule)?;
    let integrity = integrity(&record, &trusted_keys(global));
    let text = sections::render(&record, &capsule, &integrity, relatives.as_ref());
    pager::show(&text, global)?;
    Ok(Status::Pass)
}

fn print(line: &str) -> Result<Status> {
    writeln!(std::io::stdout(), "{line}").map_err(CliError::Write)?;
    Ok(Status::Pass)
}

impl Args {
    fn file_and_capsule(&self) -> Result<(Option<&Input>, Option<Reference>)> {
        let named = self.id.clone().or(self.seq.map(Reference::sequence));
        match (&self.target, named) {
            (Some(Target::Capsule(_)), Some(_)) => Err(CliError::TwoCapsules),
            (Some(Target::Capsule(capsule)), None) => Ok((None, Some(capsule.clone()))),
            (Some(Target::Export(input)), named) => Ok((Some(input), named)),
            (None, named) => Ok((None, named)),
        }
    }
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

fn in_store(
    storage: &dyn Storage,
    wanted: Option<&Reference>,
    chain: &ChainArgs,
) -> Result<SealedRecord> {
    let location = storage.location();
    match wanted {
        Some(capsule) => capsule
            .find(storage, chain)?
            .ok_or_else(|| CliError::no_capsule(capsule, location)),
        None => only(storage.list(&chain.filter().limit(2))?, location),
    }
}

fn in_export(input: &Input, wanted: Option<&Reference>, global: &Global) -> Result<SealedRecord> {
    let location = input.to_string();
    let progress = input.progress(global, "Searching");
    let mut records = input.records(&progress)?;
    match wanted {
        Some(capsule) => capsule
            .find_in(records, &location)?
            .ok_or_else(|| CliError::no_capsule(capsule, location)),
        None => only(records.by_ref().take(2).collect::<Result<_>>()?, location),
    }
}

/// The one capsule that a source holds.
fn only(mut found: Vec<SealedRecord>, location: String) -> Result<SealedRecord> {
    let several = found.len() > 1;
    match found.pop() {
        Some(record) if !several => Ok(record),
        Some(_) => Err(CliError::SeveralCapsules { location }),
        None => Err(CliError::no_capsule(&"at all", location)),
    }
}
