//! A chain in a SQLite file, and someone who edits the file.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use capsules_core::canonical::{Numbers, canonicalize};
use capsules_core::storage::{SqliteStorage, Storage};
use capsules_core::verify::{Check, Level, PqPolicy, Report, TrustedKeys, Verdict, Verifier};
use capsules_core::{
    AuthorityType, Capsule, CapsuleType, Draft, LocalSigner, OutcomeStatus, PqKeyPair, PublicKey,
    ReasoningOption, Seal, SealedRecord, ToolCall, Unsigned, sha3_256,
};
use capsules_tests::temp_dir;
use rusqlite::{Connection, Params};
use serde_json::json;
use tempfile::TempDir;

/// How many records the chain has.
pub(crate) const LENGTH: u64 = 6;

pub(crate) struct Evidence {
    directory: TempDir,
    pub(crate) seal: Seal,
    pub(crate) trusted: TrustedKeys,
}

struct Original {
    file: Vec<u8>,
    seal: Seal,
    trusted: TrustedKeys,
}

impl Original {
    fn new() -> Self {
        let pq = PqKeyPair::generate().unwrap();
        let trusted_pq = pq.public_key().clone();
        let seal = seal().with_pq(pq);
        let directory = temp_dir();
        let path = directory.path().join("capsules.db");
        let store = SqliteStorage::open(&path).unwrap();
        for number in 0..LENGTH {
            append(&store, &seal, &capsule(number));
        }
        store.close().unwrap();
        Self {
            file: fs::read(path).unwrap(),
            trusted: TrustedKeys::only([seal.public_key()]).post_quantum(trusted_pq),
            seal,
        }
    }
}

/// What is found at the levels structural, full and signatures; `None` when nothing is.
pub(crate) type Found<'a> = [Option<&'a str>; 3];

impl Evidence {
    /// A chain of records with both signatures, in every field of which there is something.
    pub(crate) fn new() -> Self {
        // Made once: every test edits a copy.
        static ORIGINAL: LazyLock<Original> = LazyLock::new(Original::new);
        let evidence = Self {
            directory: temp_dir(),
            seal: ORIGINAL.seal.clone(),
            trusted: ORIGINAL.trusted.clone(),
        };
        fs::write(evidence.path(), &ORIGINAL.file).unwrap();
        evidence
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("capsules.db")
    }

    /// Edits the file behind the library's back. Says how many rows that changed.
    pub(crate) fn sql(&self, statement: &str, parameters: impl Params) -> usize {
        let connection = Connection::open(self.path()).unwrap();
        connection
            .pragma_update(None, "synchronous", "OFF")
            .unwrap();
        connection.execute(statement, parameters).unwrap()
    }

    /// Sets a column of one record.
    pub(crate) fn set(&self, sequence: u64, column: &str, value: Option<&str>) {
        let statement = format!("UPDATE capsules SET {column} = ?1 WHERE sequence = ?2");
        assert_eq!(self.sql(&statement, (value, sequence.to_string())), 1);
    }

    /// Replaces the first occurrence of a text in the content of one record.
    pub(crate) fn edit(&self, sequence: u64, from: &str, to: &str) {
        let content = self.record(sequence).content;
        assert!(content.contains(from), "{content}");
        self.set(sequence, "data", Some(&content.replacen(from, to, 1)));
    }

    /// Gives one record the hash that its content has now.
    pub(crate) fn rehash(&self, sequence: u64) {
        let content = self.record(sequence).content;
        let canonical = canonicalize(content.as_bytes(), Numbers::AsWritten).unwrap();
        let hash = sha3_256(canonical.as_bytes()).to_string();
        self.set(sequence, "hash", Some(&hash));
    }

    /// Links and hashes every record from this one on anew, as someone without the key can.
    pub(crate) fn relink(&self, from: u64) {
        for sequence in from..LENGTH {
            if let Some(before) = sequence.checked_sub(1) {
                let (before, record) = (self.record(before).hash, self.record(sequence));
                let old = record.columns.previous_hash.unwrap();
                self.edit(sequence, &old, &before);
                self.set(sequence, "previous_hash", Some(&before));
            }
            self.rehash(sequence);
        }
    }

    /// The record with this sequence in its column.
    pub(crate) fn record(&self, sequence: u64) -> SealedRecord {
        self.records()
            .into_iter()
            .find(|record| u64::try_from(record.columns.sequence) == Ok(sequence))
            .unwrap()
    }

    pub(crate) fn records(&self) -> Vec<SealedRecord> {
        let mut records = Vec::new();
        let store = SqliteStorage::open_read_only(self.path()).unwrap();
        store
            .scan(None, 0, &mut |record| {
                records.push(record);
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        records
    }

    /// Verifies with both of the keys that sealed.
    pub(crate) fn verify(&self, level: Level) -> Report {
        self.verify_with(level, self.trusted.clone(), PqPolicy::Required)
    }

    pub(crate) fn verify_with(&self, level: Level, keys: TrustedKeys, pq: PqPolicy) -> Report {
        let store = SqliteStorage::open_read_only(self.path()).unwrap();
        let verifier = Verifier::new(level).keys(keys).pq(pq);
        verifier.verify(&store, None).unwrap()
    }

    /// Checks what each level finds.
    #[track_caller]
    pub(crate) fn assert_found(&self, found: Found<'_>) {
        for (level, found) in LEVELS.into_iter().zip(found) {
            let report = self.verify(level);
            let message = report.error.as_ref().map(ToString::to_string);
            assert_eq!(message.as_deref(), found, "{level}: {report:#?}");
            assert_eq!(report.valid(), found.is_none());
            assert_eq!(
                report.total_capsules,
                self.records().len() as u64,
                "every record is counted"
            );
            match &report.error {
                None => assert_eq!(report.capsules_verified, report.total_capsules),
                Some(error) => {
                    assert_eq!(report.capsules_verified, error.sequence);
                    let verdict = report.checks.verdict(error.check());
                    assert_eq!(verdict, &Verdict::Failed(error.clone()));
                    for (check, verdict) in report.checks.iter() {
                        assert!(
                            !matches!(verdict, Verdict::Passed { .. }),
                            "{check} reads as passed, though the verification ended early"
                        );
                    }
                }
            }
        }
    }

    /// Checks that no level finds anything.
    #[track_caller]
    pub(crate) fn assert_not_found(&self) {
        self.assert_found([None; 3]);
    }
}

pub(crate) const LEVELS: [Level; 3] = [Level::Structural, Level::Full, Level::Signatures];

/// Found from this level on, with one message.
pub(crate) fn from(level: Level, message: &str) -> Found<'_> {
    LEVELS.map(|each| (each >= level).then_some(message))
}

/// A seal with a new key.
pub(crate) fn seal() -> Seal {
    Seal::with_signer(Arc::new(LocalSigner::generate().unwrap()))
}

/// A key that nobody trusts.
pub(crate) fn stranger() -> PublicKey {
    seal().public_key()
}

pub(crate) fn append(store: &SqliteStorage, seal: &Seal, capsule: &Capsule) {
    let draft = Draft::new(capsule).unwrap();
    let mut next = |head: Option<&_>| {
        let position = capsules_core::Position::after(head);
        Ok(vec![seal.sign(Unsigned::new(&draft, &position))?])
    };
    store.append(capsule.tenant_id(), &mut next).unwrap();
}

/// A capsule in every section of which there is something to edit. All of it is ASCII.
pub(crate) fn capsule(number: u64) -> Capsule {
    let mut capsule = Capsule::new(CapsuleType::Agent);
    capsule.domain = "payments".into();
    capsule.set_tenant_id(Some("acme"));
    capsule.trigger.source = format!("caller {number}");
    capsule.trigger.request = "transfer 100".into();
    capsule.trigger.user_id = Some("user-1".to_owned());
    capsule.context.agent_id = "agent-7".into();
    capsule.context.session_id = Some("session-1".to_owned());
    capsule.reasoning.analysis = "enough money".into();
    capsule.reasoning.options = vec![
        ReasoningOption {
            id: "opt_0".to_owned(),
            description: "transfer".to_owned(),
            feasibility: 1.0,
            selected: true,
            ..ReasoningOption::default()
        },
        ReasoningOption {
            id: "opt_1".to_owned(),
            description: "refuse".to_owned(),
            rejection_reason: "no reason to".to_owned(),
            ..ReasoningOption::default()
        },
    ];
    capsule.reasoning.confidence = 0.75;
    capsule.authority.kind = AuthorityType::HumanApproved;
    capsule.authority.approver = Some("alice".to_owned());
    capsule.execution.tool_calls = vec![ToolCall {
        tool: "bank".to_owned(),
        result: json!({"balance": 25.5, "booked": true}),
        success: true,
        ..ToolCall::default()
    }];
    capsule
        .execution
        .resources_used
        .insert("tokens".to_owned(), json!(1500));
    capsule.outcome.status = OutcomeStatus::Success;
    capsule.outcome.summary = "transferred 100".into();
    capsule
}

#[test]
fn untouched_evidence_passes_every_check() {
    let evidence = Evidence::new();
    evidence.assert_not_found();
    let report = evidence.verify(Level::Signatures);
    for (check, verdict) in report.checks.iter() {
        if check == Check::Epochs {
            let without_keyring = matches!(verdict, Verdict::NotChecked { .. });
            assert!(without_keyring, "{verdict:?}");
        } else {
            assert_eq!(verdict, &Verdict::Passed { checked: LENGTH }, "{check}");
        }
    }
    let report = evidence.verify(Level::Structural);
    for (check, verdict) in report
        .checks
        .iter()
        .filter(|(check, _)| *check != Check::Links)
    {
        assert!(matches!(verdict, Verdict::NotChecked { .. }), "{check}");
    }
}
