//! What is verified and not yet appended.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Seek};
use std::mem;
use std::ops::ControlFlow;

use capsules_core::export::{Format, WriteError, Writer};
use capsules_core::{Head, Position, SealedRecord, Storage, StorageError, Uuid};

use super::Refusal;
use crate::chain::ChainArgs;
use crate::ids::Ids;
use crate::judged::Judgement;
use crate::progress::Progress;
use crate::source::Place;
use crate::{CliError, Result};

/// The capsules of an export that were verified and are not in the store yet, kept in a file
/// without a name until all are verified: what is appended is what was verified, even when the
/// export changes meanwhile or can be read once only.
pub(super) struct Staging {
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
    /// Capsules that the store has not been asked for yet.
    unasked: Vec<(Uuid, i64)>,
    read: u64,
    present: u64,
    file: Writer<std::fs::File>,
}

/// Why the verification ended.
#[derive(Debug)]
pub(super) enum Stop {
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
    pub(super) fn new(keeps_chains: bool, chosen: ChainArgs) -> Result<Self> {
        let file = tempfile::tempfile().map_err(CliError::Spool)?;
        Ok(Self {
            keeps_chains,
            chosen,
            chain: None,
            stored: None,
            last: None,
            ids: Ids::new().map_err(CliError::Spool)?,
            unasked: Vec::new(),
            read: 0,
            present: 0,
            file: Writer::new(file, Format::Lines),
        })
    }

    /// How many capsules are new.
    pub(super) fn fresh(&self) -> u64 {
        self.file.written()
    }

    /// How many the store has already.
    pub(super) fn present(&self) -> u64 {
        self.present
    }

    /// How many were read.
    pub(super) fn read(&self) -> u64 {
        self.read
    }

    /// Verifies every capsule, beside the ones that the store has at the same places.
    pub(super) fn verify(
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
        let verified = self.verify_new(records, store);
        // A capsule that the store has comes before the one that ended the reading.
        self.refuse_stored(store)?;
        verified?;
        let again = self.ids.first_repeated(IDS_IN_MEMORY);
        match again.map_err(CliError::Spool)? {
            Some((id, sequence)) => Err(repeated(&id, sequence)),
            None => Ok(()),
        }
    }

    fn verify_new(
        &mut self,
        records: impl Iterator<Item = Result<(SealedRecord, Judgement)>>,
        store: Option<&dyn Storage>,
    ) -> Result<(), Stop> {
        for record in records {
            let (record, judgement) = record?;
            self.check(&record, judgement)?;
            self.file.write(&record).map_err(spooled)?;
            if self.unasked.len() == BATCH {
                self.refuse_stored(store)?;
            }
        }
        Ok(())
    }

    /// Refuses the first of the new capsules whose id the store has.
    fn refuse_stored(&mut self, store: Option<&dyn Storage>) -> Result<(), Stop> {
        let asked = mem::take(&mut self.unasked);
        let Some(store) = store.filter(|_| self.stored.is_some() || self.keeps_chains) else {
            return Ok(());
        };
        if asked.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = asked.iter().map(|(id, _)| *id).collect();
        let stored = store.get_many(&ids)?;
        let stored: HashSet<&str> = stored.iter().map(|one| one.columns.id.as_str()).collect();
        let known = |(id, _): &&(Uuid, i64)| stored.contains(id.to_string().as_str());
        match asked.iter().find(known) {
            Some((id, sequence)) => Err(repeated(id, *sequence)),
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
    fn check(&mut self, record: &SealedRecord, judgement: Judgement) -> Result<(), Stop> {
        self.read += 1;
        self.check_chain(record)?;
        follows(record, self.last.as_ref().or(self.stored.as_ref()))?;
        accepted(record, judgement)?;
        let Ok(id) = record.columns.id.parse::<Uuid>() else {
            return Err(refused(record, "the id is not a UUID"));
        };
        self.unasked.push((id, record.columns.sequence));
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
    pub(super) fn append(self, place: &Place, progress: &Progress) -> Result<()> {
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

/// Capsules that the store is asked for at once, and that are appended in one transaction.
const BATCH: usize = 1_000;

/// As many take some 30 MB.
const IDS_IN_MEMORY: u64 = 1_000_000;

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

fn repeated(id: &Uuid, sequence: i64) -> Stop {
    Stop::Refused(Refusal {
        sequence,
        capsule_id: id.to_string(),
        error: "the chain has an earlier capsule with this id".to_owned(),
    })
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
