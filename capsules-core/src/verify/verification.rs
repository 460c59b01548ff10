//! The verification of a chain, as far as it has come.

use super::PqPolicy;
use super::columns::{self, Tenant};
use super::finding::{Finding, Problem};
use super::record::{check_post_quantum, content_has_hash, form};
use super::report::{Check, Checks, Report, Verdict};
use super::signatures::{Signatures, invalid};
use super::time::{Clock, SealedAt, check_epoch};
use super::verifier::Verifier;
use crate::canonical::CanonicalHeaders;
use crate::header::Header;
use crate::record::{RecordRef, SealedRecord};

/// The verification of one chain as far as its records were pushed.
#[derive(Debug)]
pub struct Verification<'v> {
    verifier: &'v Verifier,
    /// Records after the trusted head, if there is one.
    total: u64,
    /// Where the next record stands, as long as none has failed.
    place: Place,
    /// Whether the next record must be the trusted head.
    awaits_head: bool,
    tally: Tally,
    headers: CanonicalHeaders,
    signatures: Signatures,
    error: Option<Finding>,
}

/// A place in a chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    sequence: u64,
    /// The hash of the record before, if there is one.
    previous_hash: Option<String>,
}

impl Place {
    /// The place that follows a record with this sequence.
    pub(super) fn behind(record: RecordRef<'_>, sequence: u64) -> Self {
        Self {
            sequence: sequence + 1,
            previous_hash: Some(record.hash.to_owned()),
        }
    }

    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The place so many records later, of which this is the last.
    pub(super) fn after(&self, records: u64, last: Option<RecordRef<'_>>) -> Self {
        Self {
            sequence: self.sequence + records,
            previous_hash: last.map(|record| record.hash.to_owned()),
        }
    }
}

/// What was found in records of which none failed.
#[derive(Debug, Default)]
struct Tally {
    verified: u64,
    post_quantum: u64,
    tenant: u64,
    one_sided_tenant: u64,
    epochs: u64,
    clock: Clock,
    /// The first that is out of the order of time.
    out_of_order: Option<Finding>,
    /// The first that was not sealed in the epoch of its key.
    out_of_epoch: Option<Finding>,
}

impl<'v> Verification<'v> {
    pub(super) fn new(verifier: &'v Verifier) -> Self {
        let since = verifier.trusted_head();
        Self {
            verifier,
            total: 0,
            place: since.map_or_else(Place::default, |head| Place {
                sequence: head.sequence,
                previous_hash: None,
            }),
            awaits_head: since.is_some(),
            tally: Tally::default(),
            headers: CanonicalHeaders::default(),
            signatures: Signatures::one_by_one(),
            error: None,
        }
    }

    /// Verifies the next record. After one that failed the others are only counted.
    pub fn push(&mut self, record: &SealedRecord) {
        self.push_ref(record.as_ref());
    }

    /// As [`push`](Self::push), for a record that somebody else holds.
    pub fn push_ref(&mut self, record: RecordRef<'_>) {
        if self.awaits_head {
            self.awaits_head = false;
            if let Err((problem, id)) = self.check_head(record) {
                self.error = Some(self.finding(problem, id));
            }
            return;
        }
        self.total += 1;
        if self.error.is_some() {
            return;
        }
        match self.check(record) {
            Ok(()) => {
                self.tally.verified += 1;
                self.step(record);
            }
            Err((problem, id)) => self.error = Some(self.finding(problem, id)),
        }
    }

    /// What was found so far that makes the chain invalid.
    pub fn error(&self) -> Option<&Finding> {
        self.error.as_ref()
    }

    /// The verdict on what was pushed.
    pub fn finish(mut self) -> Report {
        if self.awaits_head
            && let Some(head) = self.verifier.trusted_head()
        {
            let problem = Problem::HeadMissing {
                expected: head.hash.clone(),
            };
            self.error = Some(self.finding(problem, String::new()));
        }
        Report {
            level: self.verifier.level(),
            since: self.verifier.trusted_head().cloned(),
            total_capsules: self.total,
            capsules_verified: self.tally.verified,
            checks: Checks {
                links: self.verdict(Check::Links),
                content: self.verdict(Check::Content),
                signatures: self.verdict(Check::Signatures),
                post_quantum: self.verdict(Check::PostQuantum),
                columns: self.verdict(Check::Columns),
                tenant: self.verdict(Check::Tenant),
                time_order: self.verdict(Check::TimeOrder),
                epochs: self.verdict(Check::Epochs),
            },
            head: self.head(),
            error: self.error,
        }
    }

    pub(super) fn awaits_head(&self) -> bool {
        self.awaits_head
    }

    pub(super) fn place(&self) -> Place {
        self.place.clone()
    }

    /// How many records there were.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Begins with records that stand at this place, to be joined to those before them.
    pub(super) fn of_part(verifier: &'v Verifier, place: Place, signatures: Signatures) -> Self {
        Self {
            place,
            awaits_head: false,
            signatures,
            ..Self::new(verifier)
        }
    }

    /// Moves the beginning, before the first record.
    pub(super) fn begin_at(&mut self, place: Place) {
        self.place = place;
    }

    /// What [`of_part`](Self::of_part) began. `None` when a record failed, or may fail when its
    /// signature is checked by itself. The way of checking signatures is given back.
    pub(super) fn into_part(mut self, signatures: &mut Signatures) -> Option<Part> {
        if self.error.is_some() {
            *signatures = self.verifier.signatures();
            return None;
        }
        let accepted = self.signatures.accept();
        *signatures = self.signatures;
        accepted.then_some(Part {
            place: self.place,
            tally: self.tally,
        })
    }

    /// Goes on with records that were checked elsewhere and begin where this verification
    /// stands. Refuses them, and changes nothing, when they have to be checked here.
    pub(super) fn absorb(&mut self, part: Part) -> bool {
        let Part { place, tally } = part;
        if self.error.is_some() || !self.tally.clock.precedes(&tally.clock) {
            return false;
        }
        self.total += tally.verified;
        self.place = place;
        self.tally.absorb(tally);
        true
    }

    /// The record's first problem, with its id.
    fn check(&mut self, record: RecordRef<'_>) -> Result<(), (Problem, String)> {
        let (header, canonical) = self.read(record)?;
        let id = || id(&header, record);
        self.check_links(&header)
            .map_err(|problem| (problem, id()))?;
        let sealed_at = self.asks(Check::TimeOrder).then(|| SealedAt::of(record));
        let sealed_at = sealed_at.flatten();
        self.check_alone(record, &header, canonical, sealed_at)
            .map_err(|problem| (problem, id()))?;
        if self.asks(Check::TimeOrder)
            && let Some(sealed_at) = sealed_at
            && let Err(problem) = self.tally.clock.check(sealed_at, &header)
            && self.tally.out_of_order.is_none()
        {
            self.tally.out_of_order = Some(self.finding(problem, id()));
        }
        Ok(())
    }

    /// Checks that a record is the trusted head, from which the chain goes on.
    fn check_head(&mut self, record: RecordRef<'_>) -> Result<(), (Problem, String)> {
        let Some(head) = self.verifier.trusted_head() else {
            return Ok(());
        };
        let (header, _) = self.read(record)?;
        let fail = |problem| Err((problem, id(&header, record)));
        let sequence = header.sequence.unwrap_or("0");
        if sequence.parse() != Ok(head.sequence) {
            return fail(Problem::SequenceGap {
                found: sequence.to_owned(),
            });
        }
        if record.hash != head.hash {
            return fail(Problem::HeadDiffers {
                expected: head.hash.clone(),
                found: record.hash.to_owned(),
            });
        }
        if self.asks(Check::Signatures)
            && let Some(key) = self.verifier.trusted_head_key()
        {
            match form(record) {
                Err(failure) => return fail(Problem::Signature(failure)),
                Ok(signature) if !key.verify(record.hash.as_bytes(), &signature) => {
                    return fail(Problem::Signature(invalid()));
                }
                Ok(_) => {}
            }
        }
        self.tally.clock.start(record);
        self.step(record);
        Ok(())
    }

    /// The header of a record's content, and whether the content is stored in canonical form.
    fn read<'r>(&mut self, record: RecordRef<'r>) -> Result<(Header<'r>, bool), (Problem, String)> {
        if let Some(header) = self.headers.read(record.content) {
            return Ok((header, true));
        }
        match Header::read(record.content) {
            Ok(header) => Ok((header, false)),
            Err(error) => {
                let reason = error.to_string();
                Err((Problem::Unreadable { reason }, record.columns.id.to_owned()))
            }
        }
    }

    fn check_links(&self, header: &Header<'_>) -> Result<(), Problem> {
        let sequence = header.sequence.unwrap_or("0");
        if sequence.parse() != Ok(self.place.sequence) {
            return Err(Problem::SequenceGap {
                found: sequence.to_owned(),
            });
        }
        if header.previous_hash.as_deref() == self.place.previous_hash.as_deref() {
            Ok(())
        } else if self.place.sequence == 0 {
            Err(Problem::GenesisHasPrevious)
        } else {
            Err(Problem::BrokenLink)
        }
    }

    /// Checks what does not depend on other records.
    fn check_alone(
        &mut self,
        record: RecordRef<'_>,
        header: &Header<'_>,
        canonical: bool,
        sealed_at: Option<SealedAt<'_>>,
    ) -> Result<(), Problem> {
        let verifier = self.verifier;
        let (mut post_quantum, mut epoch) = (false, Ok(false));
        if self.asks(Check::Content)
            && !matches!(
                content_has_hash(record.content, record.hash, canonical),
                Ok(true)
            )
        {
            return Err(Problem::ContentMismatch);
        }
        if self.asks(Check::Signatures) {
            let signer = self
                .signatures
                .check(record, verifier.trusted_keys())
                .map_err(Problem::Signature)?;
            check_post_quantum(record, verifier.trusted_keys(), verifier.policy())
                .map_err(Problem::PostQuantum)?;
            post_quantum = !record.signature_pq.is_empty();
            epoch = check_epoch(sealed_at, &signer, verifier.trusted_keys());
        }
        let mut tenant = Tenant::None;
        if self.asks(Check::Columns) && verifier.has_columns() {
            columns::compare(&record.columns, header)?;
            tenant = columns::compare_tenant(&record.columns, header)?;
        }
        let tally = &mut self.tally;
        tally.post_quantum += u64::from(post_quantum);
        tally.tenant += u64::from(matches!(tenant, Tenant::Same));
        tally.one_sided_tenant += u64::from(matches!(tenant, Tenant::OneSided));
        match epoch {
            Ok(checked) => tally.epochs += u64::from(checked),
            Err(problem) if tally.out_of_epoch.is_none() => {
                let finding = self.finding(problem, id(header, record));
                self.tally.out_of_epoch = Some(finding);
            }
            Err(_) => {}
        }
        Ok(())
    }

    /// The place after this record.
    fn step(&mut self, record: RecordRef<'_>) {
        self.place.sequence += 1;
        let hash = self.place.previous_hash.get_or_insert_default();
        hash.clear();
        hash.push_str(record.hash);
    }

    /// The last record, if there is one.
    pub(super) fn head(&self) -> Option<crate::chain::Head> {
        Some(crate::chain::Head {
            sequence: self.place.sequence.checked_sub(1)?,
            hash: self.place.previous_hash.clone()?,
        })
    }

    fn asks(&self, check: Check) -> bool {
        check.level() <= self.verifier.level()
    }

    fn finding(&self, problem: Problem, capsule_id: String) -> Finding {
        Finding {
            sequence: self.place.sequence,
            capsule_id,
            problem,
        }
    }

    fn verdict(&self, check: Check) -> Verdict {
        let not_checked = |why: &str| Verdict::NotChecked {
            why: why.to_owned(),
        };
        let verifier = self.verifier;
        if !self.asks(check) {
            return not_checked(&format!("not part of the level {}", verifier.level()));
        }
        match check {
            Check::PostQuantum if verifier.policy() == PqPolicy::Ignore => {
                return not_checked("not asked for");
            }
            Check::Columns | Check::Tenant if !verifier.has_columns() => {
                return not_checked("the records come from an export, which has no columns");
            }
            Check::Epochs if !verifier.trusted_keys().have_epochs() => {
                return not_checked(
                    "the keys were given without a keyring, which says when each was in use",
                );
            }
            _ => {}
        }
        let tally = &self.tally;
        let advice = match check {
            Check::TimeOrder => tally.out_of_order.as_ref(),
            Check::Epochs => tally.out_of_epoch.as_ref(),
            _ => None,
        };
        match (&self.error, advice) {
            (Some(error), _) if error.check() == check => return Verdict::Failed(error.clone()),
            (_, Some(finding)) => return Verdict::Failed(finding.clone()),
            (Some(error), _) => {
                return Verdict::NotChecked {
                    why: format!("the verification ended at sequence {}", error.sequence),
                };
            }
            (None, None) => {}
        }
        let checked = match check {
            Check::Links | Check::Content | Check::Signatures | Check::Columns => tally.verified,
            Check::PostQuantum => tally.post_quantum,
            Check::Tenant => tally.tenant,
            Check::TimeOrder => tally.clock.checked,
            Check::Epochs => tally.epochs,
        };
        let none = checked == 0 && self.total > 0;
        match check {
            Check::Tenant if tally.one_sided_tenant > 0 => not_checked(&format!(
                "{} of {} records name a tenant only in the store or only in the content",
                tally.one_sided_tenant, self.total
            )),
            Check::Tenant if none => not_checked("no record names a tenant"),
            Check::PostQuantum if none => not_checked("no record has an ML-DSA-65 signature"),
            Check::TimeOrder if none => not_checked("no record says when it was sealed"),
            Check::Epochs if none => not_checked(
                "no record says when it was sealed, or the keyring not when its keys were in use",
            ),
            _ => Verdict::Passed { checked },
        }
    }
}

/// Some records of a chain in which nothing was found that makes it invalid.
#[derive(Debug)]
pub(super) struct Part {
    /// Where they end.
    place: Place,
    tally: Tally,
}

impl Part {
    /// Checks records that stand at this place. `None` when one fails, or may fail when its
    /// signature is checked by itself.
    pub(super) fn check<'r>(
        verifier: &Verifier,
        place: Place,
        records: impl Iterator<Item = RecordRef<'r>>,
        signatures: &mut Signatures,
    ) -> Option<Self> {
        let taken = std::mem::replace(signatures, Signatures::one_by_one());
        let mut verification = Verification::of_part(verifier, place, taken);
        for record in records {
            verification.push_ref(record);
            if verification.error.is_some() {
                break;
            }
        }
        verification.into_part(signatures)
    }
}

impl Tally {
    fn absorb(&mut self, part: Self) {
        self.verified += part.verified;
        self.post_quantum += part.post_quantum;
        self.tenant += part.tenant;
        self.one_sided_tenant += part.one_sided_tenant;
        self.epochs += part.epochs;
        self.clock.absorb(part.clock);
        self.out_of_order = self.out_of_order.take().or(part.out_of_order);
        self.out_of_epoch = self.out_of_epoch.take().or(part.out_of_epoch);
    }
}

fn id(header: &Header<'_>, record: RecordRef<'_>) -> String {
    header.id.as_deref().unwrap_or(record.columns.id).to_owned()
}
