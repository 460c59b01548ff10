//! A chain in a SQLite file, and someone who edits the file.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use capsules_core::canonical::{Numbers, canonicalize};
use capsules_core::pq::PqPublicKey;
use capsules_core::storage::{SqliteStorage, Storage};
use capsules_core::verify::{
    Check, Checkpoint, Level, PqPolicy, Report, TrustedKeys, Verdict, Verifier,
};
use capsules_core::{
    AuthorityType, Capsule, CapsuleType, Draft, Keyring, LocalSigner, OutcomeStatus, Position,
    PqKeyPair, PublicKey, ReasoningOption, Seal, SealedRecord, Signer, ToolCall, Unsigned,
    sha3_256,
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
    signer: Arc<LocalSigner>,
    pub(crate) pq: PqPublicKey,
    /// Trusted instead of the key that sealed, where an attack is on the keyring too.
    pub(crate) keyring: Option<Keyring>,
    /// What the verifier demands of post-quantum signatures.
    pub(crate) pq_policy: PqPolicy,
}

/// What the evidence of every test is a copy of.
struct Original {
    file: Vec<u8>,
    other: Vec<u8>,
    seal: Seal,
    signer: Arc<LocalSigner>,
    pq: PqPublicKey,
}

static ORIGINAL: LazyLock<Original> = LazyLock::new(|| {
    let pq = PqKeyPair::generate().unwrap();
    let public = pq.public_key().clone();
    let signer = Arc::new(LocalSigner::generate().unwrap());
    let seal = Seal::with_signer(signer.clone()).with_pq(pq);
    let chain = || {
        let directory = temp_dir();
        let path = directory.path().join("capsules.db");
        let store = SqliteStorage::open(&path).unwrap();
        for number in 0..LENGTH {
            append(&store, &seal, &capsule(number));
        }
        store.close().unwrap();
        fs::read(path).unwrap()
    };
    Original {
        file: chain(),
        other: chain(),
        signer,
        pq: public,
        seal,
    }
});

impl Evidence {
    /// A chain of records with both signatures, in every field of which there is something.
    pub(crate) fn new() -> Self {
        Self::copy_of(&ORIGINAL.file)
    }

    /// Another chain of such records, sealed with the same keys.
    pub(crate) fn other_chain() -> Self {
        Self::copy_of(&ORIGINAL.other)
    }

    fn copy_of(file: &[u8]) -> Self {
        let evidence = Self {
            directory: temp_dir(),
            seal: ORIGINAL.seal.clone(),
            signer: ORIGINAL.signer.clone(),
            pq: ORIGINAL.pq.clone(),
            keyring: None,
            pq_policy: PqPolicy::Required,
        };
        fs::write(evidence.path(), file).unwrap();
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

    /// The text with its last character changed.
    pub(crate) fn edited(text: &str) -> String {
        let (start, last) = text.split_at(text.len() - 1);
        format!("{start}{}", if last == "0" { "1" } else { "0" })
    }

    /// Makes one record follow the record with this hash, in content and column.
    pub(crate) fn link(&self, sequence: u64, before: &str) {
        let old = self.record(sequence).columns.previous_hash.unwrap();
        self.edit(sequence, &old, before);
        self.set(sequence, "previous_hash", Some(before));
    }

    /// Copies a row under a new id to another place in the columns.
    pub(crate) fn copy(&self, from: u64, to: u64) {
        let statement = "INSERT INTO capsules SELECT 'a1b2c3d4-e5f6-4890-abcd-ef1234567890', type, \
             ?2, previous_hash, data, hash, signature, signature_pq, signed_at, signed_by, \
             session_id, tenant_id, domain FROM capsules WHERE sequence = ?1";
        assert_eq!(self.sql(statement, [from.to_string(), to.to_string()]), 1);
    }

    /// Puts a record of another chain into a row.
    pub(crate) fn take(&self, sequence: u64, other: &SealedRecord) {
        let columns = &other.columns;
        for (column, value) in [
            ("id", Some(&columns.id)),
            ("previous_hash", columns.previous_hash.as_ref()),
            ("data", Some(&other.content)),
            ("hash", Some(&other.hash)),
            ("signature", Some(&other.signature)),
            ("signature_pq", Some(&other.signature_pq)),
            ("signed_at", other.signed_at.as_ref()),
            ("signed_by", other.signed_by.as_ref()),
            ("tenant_id", columns.tenant_id.as_ref()),
        ] {
            self.set(sequence, column, value.map(String::as_str));
        }
    }

    /// Makes the table anew without its constraints.
    pub(crate) fn without_constraints(&self) {
        for statement in [
            "CREATE TABLE loose AS SELECT * FROM capsules",
            "DROP TABLE capsules",
            "ALTER TABLE loose RENAME TO capsules",
        ] {
            self.sql(statement, ());
        }
    }

    /// Signs every record with another key and names that key.
    pub(crate) fn sign_all_with(&self, attacker: &Seal) {
        for record in self.records() {
            let sequence = u64::try_from(record.columns.sequence).unwrap();
            let position = Position {
                sequence,
                previous_hash: record.columns.previous_hash.clone(),
            };
            let draft = Draft::new(&record.capsule().unwrap()).unwrap();
            let forged = attacker.seal(&draft, &position).unwrap();
            assert_eq!(forged.hash, record.hash, "the content stays");
            self.set(sequence, "signature", Some(&forged.signature));
            self.set(sequence, "signed_by", forged.signed_by.as_deref());
        }
    }

    /// What the key that sealed makes of these bytes.
    pub(crate) fn sign(&self, message: &[u8]) -> String {
        self.signer.sign(message).unwrap().to_string()
    }

    /// Trusts a keyring of these keys, of which the last is active.
    pub(crate) fn trust<const N: usize>(&mut self, keys: [PublicKey; N]) {
        self.keyring = Some(keys.into_iter().collect());
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
        for sequence in from..self.records().len() as u64 {
            if let Some(before) = sequence.checked_sub(1) {
                self.link(sequence, &self.record(before).hash);
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

    /// The keys that are trusted: those that sealed, unless an attack is on the keyring too.
    pub(crate) fn trusted(&self) -> TrustedKeys {
        let keys: TrustedKeys = match &self.keyring {
            Some(keyring) => keyring.clone().into(),
            None => self.seal.public_key().into(),
        };
        keys.post_quantum(self.pq.clone())
    }

    pub(crate) fn verify(&self, level: Level) -> Report {
        self.verify_with(&self.verifier(level))
    }

    pub(crate) fn verifier(&self, level: Level) -> Verifier {
        Verifier::new(level).keys(self.trusted()).pq(self.pq_policy)
    }

    /// A checkpoint of the chain as it is.
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        let verifier = self.verifier(Level::Signatures);
        let store = SqliteStorage::open_read_only(self.path()).unwrap();
        let (report, around) = verifier
            .verify_scan(&mut |_| {}, |visit| store.scan_ref(None, 0, visit))
            .unwrap();
        Checkpoint::of(&verifier, &report, &around).unwrap()
    }

    pub(crate) fn verify_with(&self, verifier: &Verifier) -> Report {
        let store = SqliteStorage::open_read_only(self.path()).unwrap();
        verifier.verify(&store, None).unwrap()
    }

    /// Checks that no level finds anything.
    #[track_caller]
    pub(crate) fn assert_not_found(&self) {
        for level in LEVELS {
            let report = self.verify(level);
            assert!(report.valid(), "{level}: {report:#?}");
        }
    }
}

pub(crate) const LEVELS: [Level; 3] = [Level::Structural, Level::Full, Level::Signatures];

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
        let position = Position::after(head);
        Ok(vec![seal.sign(Unsigned::new(&draft, &position))?])
    };
    store.append(capsule.tenant_id(), &mut next).unwrap();
}

/// A capsule in every section of which there is something to edit. The second is ASCII; the third
/// has an accented letter, and the last no tenant.
pub(crate) fn capsule(number: u64) -> Capsule {
    let mut capsule = Capsule::new(CapsuleType::Agent);
    capsule.domain = "payments".into();
    capsule.set_tenant_id((number != LENGTH - 1).then_some("acme"));
    capsule.trigger.source = format!("caller {number}");
    capsule.trigger.request = "transfer 100".into();
    capsule.trigger.user_id = Some(if number == 3 { "zo\u{eb}" } else { "user-1" }.to_owned());
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
            let checked = LENGTH - u64::from(check == Check::Tenant);
            assert_eq!(verdict, &Verdict::Passed { checked }, "{check}");
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
