//! A whole chain, record by record.

use std::ops::ControlFlow;

use super::columns::{self, Tenant};
use super::finding::{Earlier, Finding, Problem};
use super::keys::TrustedKeys;
use super::record::{PqPolicy, check_post_quantum, check_signature, content_has_hash};
use super::report::{Check, Checks, Level, Report, Verdict};
use crate::header::Header;
use crate::record::SealedRecord;
use crate::storage::{Storage, StorageError};
use crate::timestamp::Timestamp;

/// Verifies chains: how thoroughly, and with which keys.
///
/// ```
/// use std::sync::Arc;
/// use capsules_core::verify::{Level, TrustedKeys, Verdict, Verifier};
/// use capsules_core::{Capsule, CapsuleType, Draft, LocalSigner, Position, Seal, Unsigned};
///
/// let seal = Seal::with_signer(Arc::new(LocalSigner::generate()?));
/// let mut head = None;
/// let mut chain = Vec::new();
/// for _ in 0..3 {
///     let draft = Draft::new(&Capsule::new(CapsuleType::Tool))?;
///     let linked = Unsigned::new(&draft, &Position::after(head.as_ref()));
///     head = Some(linked.head());
///     chain.push(seal.sign(linked)?);
/// }
///
/// let verifier = Verifier::new(Level::Signatures).keys(TrustedKeys::only([seal.public_key()]));
/// let report = verifier.verify_records(chain.clone());
/// assert!(report.valid());
/// assert_eq!(report.checks.signatures, Verdict::Passed { checked: 3 });
///
/// chain.remove(1);
/// let report = verifier.verify_records(chain);
/// assert_eq!(report.capsules_verified, 1);
/// assert_eq!(report.error.unwrap().to_string(), "Sequence gap: expected 1, got 2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Verifier {
    level: Level,
    keys: TrustedKeys,
    policy: PqPolicy,
    has_columns: bool,
}

impl Verifier {
    /// Verifies at this level, with no key and without regard to post-quantum signatures. At
    /// [`Level::Signatures`] nothing is accepted until [`keys`](Self::keys) are given.
    pub fn new(level: Level) -> Self {
        Self {
            level,
            keys: TrustedKeys::none(),
            policy: PqPolicy::Ignore,
            has_columns: true,
        }
    }

    /// The keys whose signatures count.
    pub fn keys(self, keys: TrustedKeys) -> Self {
        Self { keys, ..self }
    }

    /// What is demanded of post-quantum signatures.
    pub fn pq(self, policy: PqPolicy) -> Self {
        Self { policy, ..self }
    }

    /// The records come from an export, which keeps nothing beside them: their columns and
    /// tenants are reported as not checked.
    pub fn without_columns(self) -> Self {
        Self {
            has_columns: false,
            ..self
        }
    }

    /// Begins with a chain, whose records are then [pushed](Verification::push) in its order.
    pub fn begin(&self) -> Verification<'_> {
        Verification {
            verifier: self,
            total: 0,
            verified: 0,
            previous_hash: None,
            counts: Counts::default(),
            error: None,
            clock: Clock::default(),
        }
    }

    /// Verifies a chain of a store.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the store cannot be read.
    pub fn verify(
        &self,
        storage: &dyn Storage,
        tenant: Option<&str>,
    ) -> Result<Report, StorageError> {
        let mut verification = self.begin();
        storage.scan(tenant, 0, &mut |record| {
            verification.push(&record);
            ControlFlow::Continue(())
        })?;
        Ok(verification.finish())
    }

    /// Verifies the records of a chain, given in its order.
    pub fn verify_records(&self, records: impl IntoIterator<Item = SealedRecord>) -> Report {
        let mut verification = self.begin();
        for record in records {
            verification.push(&record);
        }
        verification.finish()
    }

    fn asks(&self, check: Check) -> bool {
        check.level() <= self.level
    }
}

/// The verification of one chain as far as its records were pushed.
#[derive(Debug)]
pub struct Verification<'v> {
    verifier: &'v Verifier,
    total: u64,
    /// Records before the first that failed. As long as none has, the next must have this
    /// sequence.
    verified: u64,
    previous_hash: Option<String>,
    counts: Counts,
    error: Option<Finding>,
    clock: Clock,
}

impl Verification<'_> {
    /// Verifies the next record. After one that failed the others are only counted.
    pub fn push(&mut self, record: &SealedRecord) {
        self.total += 1;
        if self.error.is_some() {
            return;
        }
        match self.check(record) {
            Ok(()) => {
                self.verified += 1;
                self.previous_hash = Some(record.hash.clone());
            }
            Err((problem, id)) => self.error = Some(self.finding(problem, id)),
        }
    }

    /// What was found so far that makes the chain invalid.
    pub fn error(&self) -> Option<&Finding> {
        self.error.as_ref()
    }

    /// The verdict on what was pushed.
    pub fn finish(self) -> Report {
        Report {
            level: self.verifier.level,
            total_capsules: self.total,
            capsules_verified: self.verified,
            checks: Checks {
                links: self.verdict(Check::Links),
                content: self.verdict(Check::Content),
                signatures: self.verdict(Check::Signatures),
                post_quantum: self.verdict(Check::PostQuantum),
                columns: self.verdict(Check::Columns),
                tenant: self.verdict(Check::Tenant),
                time_order: self.verdict(Check::TimeOrder),
            },
            error: self.error,
        }
    }

    /// The record's first problem, with its id.
    fn check(&mut self, record: &SealedRecord) -> Result<(), (Problem, String)> {
        let header = Header::read(&record.content).map_err(|error| {
            let reason = error.to_string();
            (Problem::Unreadable { reason }, record.columns.id.clone())
        })?;
        let id = || {
            header
                .id
                .as_deref()
                .unwrap_or(&record.columns.id)
                .to_owned()
        };
        self.check_links(&header)
            .map_err(|problem| (problem, id()))?;
        let counts = self
            .verifier
            .check_alone(record, &header)
            .map_err(|problem| (problem, id()))?;
        self.counts.add(&counts);
        if self.verifier.asks(Check::TimeOrder)
            && let Err(problem) = self.clock.check(record, &header)
            && self.clock.violation.is_none()
        {
            self.clock.violation = Some(self.finding(problem, id()));
        }
        Ok(())
    }

    fn check_links(&self, header: &Header<'_>) -> Result<(), Problem> {
        let sequence = header.sequence.unwrap_or("0");
        if sequence.parse() != Ok(self.verified) {
            return Err(Problem::SequenceGap {
                found: sequence.to_owned(),
            });
        }
        if header.previous_hash.as_deref() == self.previous_hash.as_deref() {
            Ok(())
        } else if self.verified == 0 {
            Err(Problem::GenesisHasPrevious)
        } else {
            Err(Problem::BrokenLink)
        }
    }

    fn finding(&self, problem: Problem, capsule_id: String) -> Finding {
        Finding {
            sequence: self.verified,
            capsule_id,
            problem,
        }
    }

    fn verdict(&self, check: Check) -> Verdict {
        let not_checked = |why: &str| Verdict::NotChecked {
            why: why.to_owned(),
        };
        if !self.verifier.asks(check) {
            return not_checked(&format!("not part of the level {}", self.verifier.level));
        }
        match (check, self.verifier.policy) {
            (Check::PostQuantum, PqPolicy::Ignore) => return not_checked("not asked for"),
            (Check::Columns | Check::Tenant, _) if !self.verifier.has_columns => {
                return not_checked("the records come from an export, which has no columns");
            }
            _ => {}
        }
        match (&self.error, &self.clock.violation) {
            (Some(error), _) if error.check() == check => return Verdict::Failed(error.clone()),
            (_, Some(violation)) if check == Check::TimeOrder => {
                return Verdict::Failed(violation.clone());
            }
            (Some(error), _) => {
                return Verdict::NotChecked {
                    why: format!("the verification ended at sequence {}", error.sequence),
                };
            }
            (None, _) => {}
        }
        let checked = match check {
            Check::Links | Check::Content | Check::Signatures | Check::Columns => self.verified,
            Check::PostQuantum => self.counts.post_quantum,
            Check::Tenant => self.counts.tenant,
            Check::TimeOrder => self.clock.checked,
        };
        match check {
            Check::Tenant if self.counts.one_sided_tenant > 0 => not_checked(&format!(
                "{} of {} records name a tenant only in the store or only in the content",
                self.counts.one_sided_tenant, self.total
            )),
            Check::Tenant if checked == 0 && self.total > 0 => {
                not_checked("no record names a tenant")
            }
            Check::PostQuantum if checked == 0 && self.total > 0 => {
                not_checked("no record has an ML-DSA-65 signature")
            }
            Check::TimeOrder if checked == 0 && self.total > 0 => {
                not_checked("no record says when it was sealed")
            }
            _ => Verdict::Passed { checked },
        }
    }
}

impl Verifier {
    /// Checks what does not depend on other records, so that it could be done in any order.
    fn check_alone(&self, record: &SealedRecord, header: &Header<'_>) -> Result<Counts, Problem> {
        let mut counts = Counts::default();
        if self.asks(Check::Content)
            && !matches!(content_has_hash(&record.content, &record.hash), Ok(true))
        {
            return Err(Problem::ContentMismatch);
        }
        if self.asks(Check::Signatures) {
            check_signature(record, &self.keys).map_err(Problem::Signature)?;
            check_post_quantum(record, &self.keys, self.policy).map_err(Problem::PostQuantum)?;
            counts.post_quantum = u64::from(!record.signature_pq.is_empty());
        }
        if self.asks(Check::Columns) && self.has_columns {
            columns::compare(&record.columns, header)?;
            match columns::compare_tenant(&record.columns, header)? {
                Tenant::Same => counts.tenant = 1,
                Tenant::OneSided => counts.one_sided_tenant = 1,
                Tenant::None => {}
            }
        }
        Ok(counts)
    }
}

/// How many records had something to check, where not every record has.
#[derive(Debug, Default)]
struct Counts {
    post_quantum: u64,
    tenant: u64,
    one_sided_tenant: u64,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.post_quantum += other.post_quantum;
        self.tenant += other.tenant;
        self.one_sided_tenant += other.one_sided_tenant;
    }
}

/// The order of the times at which records were sealed.
#[derive(Debug, Default)]
struct Clock {
    /// The last time, and as the record spelled it.
    last: Option<(Timestamp, String)>,
    checked: u64,
    violation: Option<Finding>,
}

impl Clock {
    fn check(&mut self, record: &SealedRecord, header: &Header<'_>) -> Result<(), Problem> {
        let Some(signed_at) = &record.signed_at else {
            return Ok(());
        };
        let time: Timestamp = signed_at.parse().map_err(|_| Problem::Time {
            signed_at: signed_at.clone(),
        })?;
        self.checked += 1;
        let last = self.last.replace((time, signed_at.clone()));
        let violation = |earlier| Problem::TimeOrder {
            signed_at: signed_at.clone(),
            earlier,
        };
        if let Some((last, text)) = last
            && time < last
        {
            return Err(violation(Earlier::Record(text)));
        }
        if let Some(began) = &header.timestamp
            && began.parse::<Timestamp>().is_ok_and(|began| time < began)
        {
            return Err(violation(Earlier::Action(began.clone().into_owned())));
        }
        Ok(())
    }
}
