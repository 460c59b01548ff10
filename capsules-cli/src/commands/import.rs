//! `capsules import`: capsules from somebody else.

use std::io::{BufRead, BufReader, Seek};
use std::ops::ControlFlow;

use capsules_core::export::{Format, WriteError, Writer};
use capsules_core::{Head, Position, SealedRecord, Storage, StorageError, Uuid};
use serde::Serialize;

use crate::args::Global;
use crate::chain::ChainArgs;
use crate::human::{counted, number};
use crate::ids::Ids;
use crate::input::Input;
use crate::judged::{Judged, Judgement};
use crate::output::{self, Safe};
use crate::page::Page;
use crate::progress::{Progress, Unit};
use crate::source::Place;
use crate::style::{BAD, DIM, GOOD};
use crate::trust::KeyArgs;
use crate::{CliError, Result, Status};

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
        present: staging.present,
        total: staging.read,
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

/// The capsules of an export that were verified and are not in the store yet, kept in a file
/// without a name until all are verified: what is appended is what was verified, even when the
/// export changes meanwhile or can be read once only.
struct Staging {
    /// Whether the store keeps a chain for each tenant.
    keeps_chains: bool,
    /// The chain that was chosen. Capsules that name no tenant belong there as well.
    chosen: ChainArgs,
    /// The chain that the capsules belong to, which the first of them says if none was chosen.
    chain: Option<String>,
    /// The last capsule of that chain in the store.
    stored: Option<Head>,
    /// The capsule that the next one has to follow, once one was seen.
    last: Option<Head>,
    ids: Ids,
    read: u64,
    present: u64,
    file: Writer<std::fs::File>,
}

/// Why the verification ended.
#[derive(Debug)]
enum Stop {
    /// A capsule is not what it should be.
    Refused(Refusal),
    /// The question could not be answered.
    Failed(CliError),
}

impl<E: Into<CliError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Staging {
    fn new(keeps_chains: bool, chosen: ChainArgs) -> Result<Self> {
        let file = tempfile::tempfile().map_err(CliError::Spool)?;
        Ok(Self {
            keeps_chains,
            chosen,
            chain: None,
            stored: None,
            last: None,
            ids: Ids::new().map_err(CliError::Spool)?,
            read: 0,
            present: 0,
            file: Writer::new(file, Format::Lines),
        })
    }

    fn fresh(&self) -> u64 {
        self.file.written()
    }

    /// Verifies every capsule, beside the ones that the store has at the same places.
    fn verify(
        &mut self,
        records: impl Iterator<Item = Result<(SealedRecord, Judgement)>>,
        store: Option<&dyn Storage>,
    ) -> Result<(), Stop> {
        let mut records = records.peekable();
        if let Some(Ok((record, _))) = records.peek() {
            self.begin(record, store)?;
        }
        let first = match records.peek() {
            Some(Ok((record, _))) => u64::try_from(record.columns.sequence).ok(),
            _ => None,
        };
        if let (Some(store), Some(from)) = (store, first) {
            let mut verdict = Ok(());
            let chain = self.chain.clone();
            store.scan(chain.as_deref(), from, &mut |stored| {
                let Some(record) = records.next() else {
                    return ControlFlow::Break(());
                };
                verdict = record
                    .map_err(Stop::from)
                    .and_then(|(record, judgement)| self.compare(&record, judgement, &stored));
                match verdict {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                }
            })?;
            verdict?;
        }
        for record in records {
            let (record, judgement) = record?;
            self.check(&record, judgement, store)?;
            self.file.write(&record).map_err(spooled)?;
        }
        let repeated = self.ids.first_repeated(IDS_IN_MEMORY);
        match repeated.map_err(CliError::Spool)? {
            Some((id, sequence)) => Err(Stop::Refused(Refusal {
                sequence,
                capsule_id: id.to_string(),
                error: REPEATED.to_owned(),
            })),
            None => Ok(()),
        }
    }

    /// The first capsule says which chain it is about.
    fn begin(
        &mut self,
        first: &SealedRecord,
        store: Option<&dyn Storage>,
    ) -> Result<(), StorageError> {
        let tenant = first.columns.tenant_id.as_deref();
        self.chain = match self.chosen.is_given() {
            true => self.chosen.tenant.clone(),
            false => tenant.filter(|_| self.keeps_chains).map(str::to_owned),
        };
        self.stored = match store {
            Some(store) => store.head(self.chain.as_deref())?,
            None => None,
        };
        Ok(())
    }

    /// A capsule whose place is taken has to be the one that is there.
    fn compare(
        &mut self,
        record: &SealedRecord,
        judgement: Judgement,
        stored: &SealedRecord,
    ) -> Result<(), Stop> {
        self.read += 1;
        self.check_chain(record)?;
        accepted(record, judgement)?;
        if record.hash != stored.hash || record.columns.id != stored.columns.id {
            let error = format!(
                "the store has another capsule at this place, {} with the hash {}: importing \
                 would fork the chain",
                stored.columns.id, stored.hash
            );
            return Err(refused(record, error));
        }
        self.last = Some(head_of(record));
        self.present += 1;
        Ok(())
    }

    /// A capsule that is new has to follow the one before it.
    fn check(
        &mut self,
        record: &SealedRecord,
        judgement: Judgement,
        store: Option<&dyn Storage>,
    ) -> Result<(), Stop> {
        self.read += 1;
        self.check_chain(record)?;
        follows(record, self.last.as_ref().or(self.stored.as_ref()))?;
        accepted(record, judgement)?;
        let Ok(id) = record.columns.id.parse::<Uuid>() else {
            return Err(refused(record, "the id is not a UUID"));
        };
        let stored = match store {
            Some(store) if self.stored.is_some() || self.keeps_chains => store.get(&id)?.is_some(),
            _ => false,
        };
        if stored {
            return Err(refused(record, REPEATED));
        }
        let added = self.ids.add(&id, record.columns.sequence);
        added.map_err(CliError::Spool)?;
        self.last = Some(head_of(record));
        Ok(())
    }

    /// Where each tenant has a chain, capsules of several tenants are none.
    fn check_chain(&self, record: &SealedRecord) -> Result<(), Stop> {
        let tenant = record.columns.tenant_id.as_deref();
        let belongs = tenant == self.chain.as_deref() || tenant.is_none() && self.chosen.is_given();
        if belongs || !self.keeps_chains {
            return Ok(());
        }
        let name = |tenant: Option<&str>| {
            tenant.map_or_else(
                || "no tenant".to_owned(),
                |name| format!("the tenant {name}"),
            )
        };
        Err(refused(
            record,
            format!(
                "it belongs to {}, and not to the chain of {}: the store keeps one for each",
                name(tenant),
                name(self.chain.as_deref()),
            ),
        ))
    }

    /// Appends what was verified, a batch at a time. What another program appended meanwhile is
    /// found by the store, which checks the links again under its lock.
    fn append(self, place: &Place, progress: &Progress) -> Result<()> {
        let mut file = self.file.finish().map_err(spooled)?;
        file.rewind().map_err(CliError::Spool)?;
        let store = place.open_to_append()?;
        let mut lines = BufReader::new(file).lines();
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            for line in lines.by_ref().take(BATCH) {
                let line = line.map_err(CliError::Spool)?;
                batch.push(SealedRecord::from_json(line.as_bytes())?);
            }
            if batch.is_empty() {
                break;
            }
            store.append(self.chain.as_deref(), &mut |_| Ok(batch.clone()))?;
            progress.advance(batch.len() as u64);
        }
        Ok(store.close()?)
    }
}

/// Capsules that are appended in one transaction.
const BATCH: usize = 1_000;

/// As many take some 30 MB.
const IDS_IN_MEMORY: u64 = 1_000_000;

const REPEATED: &str = "the chain has an earlier capsule with this id";

/// The links, in the words that other implementations have for them.
fn follows(record: &SealedRecord, previous: Option<&Head>) -> Result<(), Stop> {
    let Position {
        sequence,
        previous_hash,
    } = Position::after(previous);
    let columns = &record.columns;
    if u64::try_from(columns.sequence) != Ok(sequence) {
        let found = columns.sequence;
        let error = format!("Sequence gap: expected {sequence}, got {found}");
        return Err(refused(record, error));
    }
    if columns.previous_hash != previous_hash {
        let error = match previous_hash {
            None => "Genesis Capsule has previous_hash (should be None)".to_owned(),
            Some(_) => format!("Chain broken: previous_hash mismatch at sequence {sequence}"),
        };
        return Err(refused(record, error));
    }
    Ok(())
}

/// Content and signatures.
fn accepted(record: &SealedRecord, judgement: Judgement) -> Result<(), Stop> {
    judgement.map_err(|failure| refused(record, failure.to_string()))
}

fn head_of(record: &SealedRecord) -> Head {
    Head {
        sequence: record.columns.sequence.unsigned_abs(),
        hash: record.hash.clone(),
    }
}

fn refused(record: &SealedRecord, error: impl Into<String>) -> Stop {
    Stop::Refused(Refusal {
        sequence: record.columns.sequence,
        capsule_id: record.columns.id.clone(),
        error: error.into(),
    })
}

fn spooled(error: WriteError) -> CliError {
    match error {
        WriteError::Io { source, .. } => CliError::Spool(source),
        other => CliError::Unexportable(other),
    }
}
