//! How a chain is verified.

use std::num::NonZero;
use std::ops::ControlFlow;
use std::thread;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::keys::TrustedKeys;
use super::parallel::{self, Neighbours};
use super::ranges;
use super::record::PqPolicy;
use super::report::{Level, Report};
use super::signatures::Signatures;
use super::verification::Verification;
use crate::chain::Head;
use crate::record::{RecordRef, SealedRecord};
use crate::signer::PublicKey;
use crate::storage::{Storage, StorageError};

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
    strict: bool,
    threads: Option<NonZero<usize>>,
    since: Option<Head>,
    /// Who must have signed that record.
    since_key: Option<PublicKey>,
    chunk_records: usize,
    range_records: u64,
}

/// So many that checking their signatures together is at its best rate.
const CHUNK_RECORDS: usize = 1_024;

/// So many that neither finding the first of them counts, nor what the last thread has still to do
/// when the others are ready.
const RANGE_RECORDS: u64 = 4_096;

impl Verifier {
    /// Verifies at this level, with no key and without regard to post-quantum signatures. At
    /// [`Level::Signatures`] nothing is accepted until [`keys`](Self::keys) are given.
    pub fn new(level: Level) -> Self {
        Self {
            level,
            keys: TrustedKeys::none(),
            policy: PqPolicy::Ignore,
            has_columns: true,
            strict: false,
            threads: None,
            since: None,
            since_key: None,
            chunk_records: CHUNK_RECORDS,
            range_records: RANGE_RECORDS,
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

    /// Decides every Ed25519 signature by itself, which takes several times as long.
    ///
    /// Without this, the signatures of one key are decided a thousand at a time, and one by one
    /// only where that fails. The two differ in one case: a signature whose R has a component of
    /// small order satisfies the equation of RFC 8032, section 5.1.7, with the cofactor and not
    /// the strict one. Only the holder of the private key can make such a signature. One by one it
    /// is refused; among a thousand it is accepted.
    pub fn strict(self, strict: bool) -> Self {
        Self { strict, ..self }
    }

    /// How many threads check, beside the calling one that reads; with one, the calling thread
    /// does both. Without this, as many as the system offers. The verdict is the same.
    pub fn threads(self, threads: NonZero<usize>) -> Self {
        Self {
            threads: Some(threads),
            ..self
        }
    }

    /// Begins after a record that was verified before, and of which sequence and hash were kept
    /// where the store's writers cannot reach them. That the chain still has it is part of the
    /// links; a chain that was cut before it fails. Only the records after it are counted.
    ///
    /// The records that are given must begin with that one. [`verify`](Self::verify) sees to it.
    pub fn since(self, head: Head) -> Self {
        Self {
            since: Some(head),
            since_key: None,
            ..self
        }
    }

    /// Begins after a checkpoint, as [`since`](Self::since) does. At the level signatures its
    /// record must also be signed with the checkpoint's key, so that a chain is found that was
    /// signed anew with a key that got into the keyring.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Level`] when the chain was verified at a lower level up to there.
    pub fn after(self, checkpoint: &Checkpoint) -> Result<Self, CheckpointError> {
        if checkpoint.level < self.level {
            return Err(CheckpointError::Level {
                found: checkpoint.level,
                wanted: self.level,
            });
        }
        Ok(Self {
            since: Some(checkpoint.head.clone()),
            since_key: checkpoint.signed.as_ref().map(|(key, _)| *key),
            ..self
        })
    }

    /// The sequence of the first record that has to be shown.
    pub fn first(&self) -> u64 {
        self.since.as_ref().map_or(0, |head| head.sequence)
    }

    /// Begins with a chain, whose records are then [pushed](Verification::push) in its order.
    /// Signatures are decided one by one.
    pub fn begin(&self) -> Verification<'_> {
        Verification::new(self)
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
        let (report, _) = self.verify_store(storage, tenant, &mut |_| {})?;
        Ok(report)
    }

    /// As [`verify`](Self::verify). `watch` is told from time to time how many records were
    /// verified; where one fails, the count begins anew. Returns also what stands around the first
    /// record that failed, or the last record.
    ///
    /// The store is read by several threads at once, and once more from its beginning when
    /// something is found.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the store cannot be read.
    pub fn verify_store(
        &self,
        storage: &dyn Storage,
        tenant: Option<&str>,
        watch: &mut dyn FnMut(u64),
    ) -> Result<(Report, Neighbours), StorageError> {
        if let Some(verified) = ranges::run(self, storage, tenant, watch)? {
            return Ok(verified);
        }
        self.verify_scan(watch, |visit| storage.scan_ref(tenant, self.first(), visit))
    }

    /// Verifies the records that `scan` shows, in their order, with flat memory. `watch` is told
    /// from time to time how many records were read. Returns also what stands around the first
    /// record that failed, or the last record.
    ///
    /// # Errors
    ///
    /// Those of `scan`.
    pub fn verify_scan<E>(
        &self,
        watch: &mut dyn FnMut(u64),
        scan: impl FnOnce(&mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>) -> Result<(), E>,
    ) -> Result<(Report, Neighbours), E> {
        parallel::run(self, watch, scan)
    }

    /// Verifies the records of a chain, given in its order.
    pub fn verify_records(&self, records: impl IntoIterator<Item = SealedRecord>) -> Report {
        let scan = |visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>| {
            for record in records {
                if visit(record.as_ref()).is_break() {
                    break;
                }
            }
            Ok::<_, std::convert::Infallible>(())
        };
        let Ok((report, _)) = self.verify_scan(&mut |_| {}, scan);
        report
    }

    pub(super) fn level(&self) -> Level {
        self.level
    }

    pub(super) fn trusted_keys(&self) -> &TrustedKeys {
        &self.keys
    }

    pub(super) fn policy(&self) -> PqPolicy {
        self.policy
    }

    pub(super) fn has_columns(&self) -> bool {
        self.has_columns
    }

    pub(super) fn trusted_head(&self) -> Option<&Head> {
        self.since.as_ref()
    }

    pub(super) fn trusted_head_key(&self) -> Option<&PublicKey> {
        self.since_key.as_ref()
    }

    /// The way in which signatures of several records are checked.
    pub(super) fn signatures(&self) -> Signatures {
        if self.strict {
            Signatures::one_by_one()
        } else {
            Signatures::together()
        }
    }

    /// How many records are checked as one.
    pub(super) fn chunk_records(&self) -> usize {
        self.chunk_records
    }

    /// How many records a thread that reads for itself takes at once.
    pub(super) fn range_records(&self) -> u64 {
        self.range_records
    }

    pub(super) fn wanted_threads(&self) -> Option<NonZero<usize>> {
        self.threads
            .or_else(|| thread::available_parallelism().ok())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use proptest::prelude::*;

    use super::*;
    use crate::storage::SealNext;
    use crate::{
        Capsule, CapsuleType, Draft, Filter, Keyring, LocalSigner, Position, Seal, Timestamp,
        Unsigned, Uuid,
    };

    const LENGTH: usize = 40;

    /// A chain of two keys, in which everything can be checked.
    static CHAIN: LazyLock<(Vec<SealedRecord>, Keyring)> = LazyLock::new(|| {
        let seals = [(); 2].map(|()| Seal::with_signer(Arc::new(LocalSigner::generate().unwrap())));
        let mut head = None;
        let records = (0..LENGTH).map(|number| {
            let mut capsule = Capsule::new(CapsuleType::Tool);
            capsule.trigger.timestamp = Timestamp::from_micros(1_768_478_400_000_000).unwrap();
            capsule.set_tenant_id((number % 3 > 0).then_some("acme"));
            let draft = Draft::new(&capsule).unwrap();
            let linked = Unsigned::new(&draft, &Position::after(head.as_ref()));
            head = Some(linked.head());
            let mut record = seals[number * 2 / LENGTH].sign(linked).unwrap();
            let minute = 10 + number;
            record.signed_at = Some(format!("2026-11-21T12:{minute}:00+00:00"));
            record
        });
        let records = records.collect();
        let keys = seals.map(|seal| seal.public_key());
        (records, keys.into_iter().collect())
    });

    /// Something that is done to a chain.
    #[derive(Debug, Clone)]
    enum Tampering {
        Remove,
        Repeat,
        Swap,
        Column(usize),
        Content(String),
        Hash,
        Signature(usize, u8),
        SignedAt(Option<String>),
    }

    impl Tampering {
        fn apply(&self, records: &mut Vec<SealedRecord>, at: usize) {
            let at = at % records.len();
            let record = &mut records[at];
            match self {
                Self::Remove => drop(records.remove(at)),
                Self::Repeat => records.insert(at, records[at].clone()),
                Self::Swap => {
                    let other = (at + 1) % records.len();
                    records.swap(at, other);
                }
                Self::Column(0) => record.columns.id.push('x'),
                Self::Column(1) => record.columns.sequence += 1,
                Self::Column(2) => record.columns.tenant_id = None,
                Self::Column(_) => record.columns.tenant_id = Some("globex".to_owned()),
                Self::Content(to) => record.content = record.content.replacen('"', to, 3),
                Self::Hash => record.hash = record.hash.replace('a', "b"),
                Self::Signature(digit, by) => {
                    let mut signature = std::mem::take(&mut record.signature).into_bytes();
                    signature[*digit] = b"0123456789abcdefgG"[usize::from(*by)];
                    record.signature = String::from_utf8(signature).unwrap();
                }
                Self::SignedAt(to) => record.signed_at.clone_from(to),
            }
        }
    }

    fn tampering() -> impl Strategy<Value = Tampering> {
        let time = "2026-11-21T1[0-3]:[0-5][0-9]:00[+]00:00|noon";
        prop_oneof![
            Just(Tampering::Remove),
            Just(Tampering::Repeat),
            Just(Tampering::Swap),
            (0..4_usize).prop_map(Tampering::Column),
            prop::sample::select(vec![" \"", "x", ""])
                .prop_map(|to| Tampering::Content(to.to_owned())),
            Just(Tampering::Hash),
            (0..128_usize, 0..18_u8).prop_map(|(digit, by)| Tampering::Signature(digit, by)),
            prop::option::of(time).prop_map(Tampering::SignedAt),
            prop::option::of(time).prop_map(Tampering::SignedAt),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// However a chain is cut into chunks and whoever checks them, the report is the one of
        /// the records checked one after the other.
        #[test]
        fn the_verdict_does_not_depend_on_the_threads(
            tamperings in prop::collection::vec((tampering(), 0..LENGTH), 0..4),
            chunk_records in 1..12_usize,
            threads in 1..4_usize,
            level in prop::sample::select(vec![Level::Structural, Level::Full, Level::Signatures]),
            columns in any::<bool>(),
            strict in any::<bool>(),
            since in prop::option::of(0..LENGTH + 2),
        ) {
            let (mut records, keyring) = CHAIN.clone();
            let head = since.map(|sequence| Head {
                sequence: sequence as u64,
                hash: records.get(sequence).map_or_else(|| "ab".repeat(32), |r| r.hash.clone()),
            });
            for (tampering, at) in tamperings {
                tampering.apply(&mut records, at);
            }
            let records = &records[since.unwrap_or(0).min(records.len())..];
            let mut verifier = Verifier {
                chunk_records,
                has_columns: columns,
                since: head,
                ..Verifier::new(level).keys(keyring.into()).strict(strict)
            };
            let mut expected = verifier.begin();
            for record in records {
                expected.push(record);
            }
            let expected = expected.finish();

            verifier = verifier.threads(NonZero::new(threads).unwrap());
            prop_assert_eq!(verifier.verify_records(records.to_vec()), expected.clone());

            let mut read = 0;
            let (report, neighbours) = verifier
                .verify_scan(&mut |count| read = count, |visit| {
                    for record in records {
                        let _ = visit(record.as_ref());
                    }
                    Ok::<_, ()>(())
                })
                .unwrap();
            prop_assert_eq!(&report, &expected);
            prop_assert_eq!(read, records.len() as u64);
            let failed = report.error.as_ref().and_then(|error| {
                let first = since.unwrap_or(0);
                let place = usize::try_from(error.sequence).unwrap() - first;
                records.get(place).map(|_| place)
            });
            let last = Neighbours {
                before: records.last().filter(|_| report.valid()).cloned(),
                ..Neighbours::default()
            };
            let around = failed.map_or(last, |place| Neighbours {
                before: place.checked_sub(1).map(|before| records[before].clone()),
                failed: Some(records[place].clone()),
                after: records.get(place + 1).cloned(),
            });
            prop_assert_eq!(neighbours, around);
        }

        /// Nor on whether each thread reads a store for itself.
        #[test]
        fn the_verdict_does_not_depend_on_who_reads(
            tamperings in prop::collection::vec((tampering(), 0..LENGTH), 0..3),
            range_records in 1..12_u64,
            threads in 1..4_usize,
            level in prop::sample::select(vec![Level::Structural, Level::Full, Level::Signatures]),
            since in prop::option::of(0..LENGTH + 2),
        ) {
            let (mut records, keyring) = CHAIN.clone();
            let head = since.map(|sequence| Head {
                sequence: sequence as u64,
                hash: records.get(sequence).map_or_else(|| "ab".repeat(32), |r| r.hash.clone()),
            });
            for (tampering, at) in tamperings {
                tampering.apply(&mut records, at);
            }
            records.sort_by_key(|record| record.columns.sequence);
            let store = Rows(records);
            let verifier = Verifier {
                range_records,
                since: head,
                ..Verifier::new(level)
                    .keys(keyring.into())
                    .threads(NonZero::new(threads).unwrap())
            };
            let mut read = 0;
            let (report, around) = verifier.verify_store(&store, None, &mut |count| read = count)?;
            let scan = |visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>| {
                store.scan_ref(None, verifier.first(), visit)
            };
            let expected = verifier.verify_scan(&mut |_| {}, scan)?;
            prop_assert_eq!((&report, &around), (&expected.0, &expected.1));
            if report.valid() {
                prop_assert!(read >= report.total_capsules);
            }
        }
    }

    /// Otherwise the two ways would be compared with themselves.
    #[test]
    fn each_thread_reads_for_itself_when_nothing_is_wrong() {
        let (records, keyring) = CHAIN.clone();
        let store = Rows(records.clone());
        let verifier = Verifier {
            range_records: 7,
            ..Verifier::new(Level::Signatures)
                .keys(keyring.into())
                .threads(NonZero::new(2).unwrap())
        };
        let (report, around) = ranges::run(&verifier, &store, None, &mut |_| {})
            .unwrap()
            .unwrap();
        assert_eq!(report, verifier.verify_records(records.clone()));
        assert_eq!(around.before.as_ref(), records.last());

        let mut changed = records;
        changed[30].signature = "ab".repeat(64);
        let found = ranges::run(&verifier, &Rows(changed), None, &mut |_| {});
        assert_eq!(found.unwrap(), None);
    }

    /// At the lowest level nothing is wrong with the chain then.
    #[test]
    fn a_row_that_claims_the_place_of_the_last_does_not_hide_it() {
        let (records, _) = CHAIN.clone();
        for (row, claimed) in [(LENGTH - 2, LENGTH - 1), (LENGTH - 1, LENGTH - 2)] {
            let mut rows = records.clone();
            rows[row].columns.sequence = i64::try_from(claimed).unwrap();
            let verifier = Verifier {
                range_records: 7,
                ..Verifier::new(Level::Structural).threads(NonZero::new(2).unwrap())
            };
            let store = Rows(rows.clone());
            let (report, around) = verifier.verify_store(&store, None, &mut |_| {}).unwrap();
            assert!(report.valid());
            assert_eq!(around.before.as_ref(), rows.last(), "{row}");
        }
    }

    #[test]
    fn a_second_record_in_the_place_of_the_head_is_found() {
        let (mut records, keyring) = CHAIN.clone();
        let since = Head {
            sequence: 17,
            hash: records[17].hash.clone(),
        };
        records.insert(17, records[17].clone());
        let verifier = Verifier {
            range_records: 7,
            ..Verifier::new(Level::Structural)
                .keys(keyring.into())
                .since(since)
                .threads(NonZero::new(2).unwrap())
        };
        let (report, _) = verifier
            .verify_store(&Rows(records), None, &mut |_| {})
            .unwrap();
        assert!(!report.valid());
    }

    /// Rows that anybody may have changed, in the order in which a store shows them.
    struct Rows(Vec<SealedRecord>);

    impl Storage for Rows {
        fn head(&self, _: Option<&str>) -> Result<Option<Head>, StorageError> {
            Ok(self.0.last().map(|last| Head {
                sequence: last.columns.sequence.unsigned_abs(),
                hash: last.hash.clone(),
            }))
        }

        fn scan(
            &self,
            _: Option<&str>,
            from: u64,
            visit: &mut dyn FnMut(SealedRecord) -> ControlFlow<()>,
        ) -> Result<(), StorageError> {
            for record in &self.0 {
                let shown = from == 0 || record.columns.sequence >= i64::try_from(from).unwrap();
                if shown && visit(record.clone()).is_break() {
                    break;
                }
            }
            Ok(())
        }

        fn append(&self, _: Option<&str>, _: &mut SealNext<'_>) -> Result<(), StorageError> {
            Err(StorageError::Closed {
                location: self.location(),
            })
        }

        fn get(&self, _: &Uuid) -> Result<Option<SealedRecord>, StorageError> {
            Ok(None)
        }

        fn get_by_hash(&self, _: &str) -> Result<Option<SealedRecord>, StorageError> {
            Ok(None)
        }

        fn list(&self, _: &Filter) -> Result<Vec<SealedRecord>, StorageError> {
            Ok(self.0.clone())
        }

        fn count(&self, _: &Filter) -> Result<u64, StorageError> {
            Ok(self.0.len() as u64)
        }

        fn close(&self) -> Result<(), StorageError> {
            Ok(())
        }

        fn location(&self) -> String {
            "rows".to_owned()
        }
    }

    #[test]
    fn an_error_of_the_scan_is_passed_on() {
        let (records, _) = &*CHAIN;
        let verifier = Verifier {
            chunk_records: 4,
            ..Verifier::new(Level::Full)
        };
        let outcome = verifier.verify_scan(&mut |_| {}, |visit| {
            for record in records {
                let _ = visit(record.as_ref());
            }
            Err("the disk is gone")
        });
        assert_eq!(outcome, Err("the disk is gone"));
    }
}
