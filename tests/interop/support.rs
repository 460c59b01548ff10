//! What the modules share: a data directory, and what either side does in it.

use std::path::Path;
use std::process::Output;

use capsules_core::storage::{SqliteStorage, Storage};
use capsules_core::verify::{Level, TrustedKeys, Verifier};
use capsules_core::{Capsule, DataDir, Draft, Filter, Keyring, Seal, SealedRecord, Unsigned};
use capsules_tests::{python, temp_dir};
use serde_json::Value;
use tempfile::TempDir;

/// The program that writes records of many kinds.
pub(crate) const WRITE: &str = include_str!("python/write.py");

/// A data directory that both sides use.
pub(crate) struct Shared {
    temporary: TempDir,
    pub(crate) data: DataDir,
}

impl Shared {
    /// An empty one, or `None` when there is no Python.
    pub(crate) fn new() -> Option<Self> {
        python::interpreter()?;
        let temporary = temp_dir();
        let data = DataDir::new(temporary.path()).expect("a data directory");
        Some(Self { temporary, data })
    }

    pub(crate) fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Runs one of the programs in `python/` and returns what it printed.
    pub(crate) fn python(&self, script: &str, arguments: &[&str]) -> String {
        run(script, arguments, self.path())
    }

    /// Opens key and store anew, as a program that starts would, and appends capsules.
    pub(crate) fn append(&self, capsules: &[Capsule]) {
        let store = self.store();
        append(&store, &Seal::open(&self.data).expect("the keys"), capsules);
        store.close().expect("closing");
    }

    pub(crate) fn store(&self) -> SqliteStorage {
        SqliteStorage::open(self.data.database()).expect("the store")
    }

    /// Every record, in the order of the chain.
    pub(crate) fn records(&self) -> Vec<SealedRecord> {
        let store = SqliteStorage::open_read_only(self.data.database()).expect("the store");
        store.list(&Filter::new().oldest_first()).expect("records")
    }

    /// Checks that both sides verify the signatures of so many records.
    #[track_caller]
    pub(crate) fn assert_verified_by_both(&self, records: usize) {
        let database = self.data.database();
        let database = database.to_string_lossy();
        let arguments = ["verify", "--signatures", "--json", "--db", &database];
        assert_verified(&python::capsule(self.path(), &arguments), records);

        let keys = TrustedKeys::from(Keyring::read(&self.data).expect("the keyring"));
        let store = SqliteStorage::open_read_only(&*database).expect("the store");
        let report = Verifier::new(Level::Signatures)
            .keys(keys)
            .verify(&store, None)
            .expect("a report");
        assert!(report.valid(), "{report:#?}");
        assert_eq!(report.capsules_verified, records as u64);
        assert_eq!(report.total_capsules, records as u64);
    }
}

/// Appends capsules one by one.
pub(crate) fn append(store: &SqliteStorage, seal: &Seal, capsules: &[Capsule]) {
    for capsule in capsules {
        let draft = Draft::new(capsule).expect("a draft");
        store
            .append(None, &mut |head| {
                let unsigned = Unsigned::new(&draft, &capsules_core::Position::after(head));
                Ok(vec![seal.sign(unsigned)?])
            })
            .expect("appending");
    }
}

/// Runs one of the programs in `python/` on a data directory and returns what it printed.
pub(crate) fn run(script: &str, arguments: &[&str], dir: &Path) -> String {
    let output = python::run(
        script,
        arguments,
        &[("QUANTUMPIPES_DATA_DIR", dir.as_os_str())],
    );
    String::from_utf8(output.stdout)
        .expect("UTF-8")
        .trim_end()
        .to_owned()
}

/// Checks what a `verify --json` command, theirs or ours, said: that it verified the signatures
/// of so many records and found nothing.
#[track_caller]
pub(crate) fn assert_verified(output: &Output, records: usize) {
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        python::transcript(output)
    );
    let verdict: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(verdict["valid"], true, "{verdict}");
    assert_eq!(verdict["level"], "signatures", "{verdict}");
    assert_eq!(verdict["capsules_verified"], records, "{verdict}");
    assert_eq!(verdict["total_capsules"], records, "{verdict}");
}
