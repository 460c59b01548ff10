//! Failures of the audit itself never reach the audited function, unless it asked.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use capsules::{Capsules, Error, StorageError, audit};
use capsules_core::LocalSigner;
use capsules_tests::hooked::{HookedStorage, Hooks, Operation};

/// A store that can be read and never written, and that audits its own calls.
#[derive(Clone, Copy)]
struct Full;

impl Hooks for Full {
    fn around<T>(
        &self,
        operation: Operation,
        run: impl FnOnce() -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        #[audit(type = "system")]
        fn audited_by_the_store() {}
        if operation != Operation::Append {
            return run();
        }
        audited_by_the_store();
        Err(StorageError::Write {
            location: self.location(),
            reason: "the disk is full".to_owned(),
        })
    }

    fn location(&self) -> String {
        "full.db".to_owned()
    }
}

fn full() -> Capsules {
    Capsules::builder()
        .storage(HookedStorage::<Full>::new(Full))
        .signer(LocalSigner::generate().unwrap())
        .build()
        .unwrap()
}

#[derive(Debug)]
enum Failure {
    Own,
    Audit(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Audit(error)
    }
}

#[audit(type = "tool", swallow_errors = false)]
fn strict(fail: bool) -> Result<u8, Failure> {
    if fail { Err(Failure::Own) } else { Ok(1) }
}

#[audit(type = "tool", swallow_errors = false)]
async fn strict_async(fail: bool) -> Result<u8, Failure> {
    if fail { Err(Failure::Own) } else { Ok(1) }
}

#[test]
fn a_store_that_fails_is_counted_and_swallowed() {
    #[audit(type = "tool")]
    fn lenient() -> u8 {
        1
    }
    let capsules = full();
    assert_eq!(capsules.scope_sync(lenient), 1);
    let error = capsules.flush().wait().unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot write the capsule store full.db: the disk is full"
    );
    let stats = capsules.stats();
    assert_eq!((stats.accepted, stats.committed, stats.waiting), (1, 0, 1));
    assert!(stats.store_errors > 0);
    assert_eq!(stats.last_error, Some(error));
}

#[test]
fn a_strict_function_returns_the_audits_error() {
    let capsules = full();
    let error = capsules.scope_sync(|| strict(false)).unwrap_err();
    assert!(
        matches!(error, Failure::Audit(Error::Storage(_))),
        "{error:?}"
    );
}

#[test]
fn the_functions_own_error_is_never_masked() {
    let capsules = full();
    let error = capsules.scope_sync(|| strict(true)).unwrap_err();
    assert!(matches!(error, Failure::Own));
}

#[tokio::test]
async fn strict_functions_wait_until_they_are_recorded() {
    let capsules = crate::support::instance();
    assert_eq!(capsules.scope(strict_async(false)).await.unwrap(), 1);
    assert_eq!(capsules.stats().committed, 1);
    assert!(matches!(
        full().scope(strict_async(false)).await,
        Err(Failure::Audit(_))
    ));
    assert!(matches!(
        full().scope(strict_async(true)).await,
        Err(Failure::Own)
    ));
}

/// Runs the program whose default store is in this directory, until that has failed so often.
fn program(data_dir: &Path, failed: u32, events: u32) -> Output {
    Command::new(env!("CARGO_BIN_EXE_audited"))
        .args(["flushed", &failed.to_string(), &events.to_string()])
        .env("QUANTUMPIPES_DATA_DIR", data_dir)
        .output()
        .unwrap()
}

/// A default store that cannot be opened: `Capsules::new()` says so, and an audited program goes
/// on, and counts what it lost: nothing that it could write to its journal. However often the
/// store is tried, that is one error event.
fn assert_unusable(data_dir: &Path, expected: &str, failed: u32, events: u32) {
    let error = Capsules::builder()
        .data_dir(data_dir)
        .build()
        .unwrap_err()
        .to_string();
    assert!(error.contains(expected), "{error}");
    assert!(error.contains(&*data_dir.to_string_lossy()), "{error}");

    let output = program(data_dir, failed, events);
    assert!(output.status.success());
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains(&format!("\n42 5 0 {failed}\n")), "{stdout}");
    let counted = format!("\n{events} error events\n");
    assert!(stdout.ends_with(&counted), "{stdout}");
    assert!(stdout.contains(expected), "{stdout}");
}

#[test]
fn a_directory_in_place_of_the_store() {
    let directory = capsules_tests::temp_dir();
    fs::create_dir(directory.path().join("capsules.db")).unwrap();
    assert_unusable(directory.path(), "is a directory", 0, 1);
}

#[test]
fn a_file_that_is_no_database() {
    let directory = capsules_tests::temp_dir();
    fs::write(
        directory.path().join("capsules.db"),
        "not a database at all, but long",
    )
    .unwrap();
    assert_unusable(directory.path(), "not a SQLite database", 0, 1);
}

#[test]
fn a_file_in_place_of_the_directory() {
    let directory = capsules_tests::temp_dir();
    let file = directory.path().join("file");
    fs::write(&file, "x").unwrap();
    // The journal has no place either, which is another event.
    assert_unusable(&file, "", 5, 2);
}

#[test]
fn a_key_that_is_no_key() {
    let directory = capsules_tests::temp_dir();
    fs::write(directory.path().join("key"), "short").unwrap();
    assert_unusable(directory.path(), "32", 0, 1);
}
