//! The SQLite store.

mod errors;
mod files;
mod foreign;
mod hostile;
#[path = "../one_chain.rs"]
mod one_chain;
mod processes;
mod read_only;
#[path = "../suite/mod.rs"]
mod suite;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use capsules_core::storage::{SqliteOptions, SqliteStorage, StorageError};
use rusqlite::Connection;
use rusqlite::types::FromSql;
use tempfile::TempDir;

use crate::fixture::Store;

#[allow(
    clippy::unnecessary_wraps,
    reason = "other stores cannot be had everywhere"
)]
fn open() -> Option<Store> {
    let (directory, path) = place();
    let storage = SqliteStorage::open(path).unwrap();
    Some(Store::new(storage, Some(directory)))
}

/// A new directory, and a file in it that does not exist yet.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("capsules.db");
    (directory, path)
}

/// What a test waits for a lock that others hold for a moment.
const PATIENCE: Duration = Duration::from_secs(60);

/// For writers that stand in each other's way.
fn patient() -> SqliteOptions {
    SqliteOptions::new().busy_timeout(PATIENCE)
}

/// One value that a query on the file gives.
fn value<T: FromSql>(path: &Path, sql: &str) -> T {
    Connection::open(path)
        .unwrap()
        .query_row(sql, [], |row| row.get(0))
        .unwrap()
}

fn execute(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

/// Checks that an error names the store, and that its text has all of these parts.
fn assert_says<T: std::fmt::Debug>(result: Result<T, StorageError>, path: &Path, parts: &[&str]) {
    let text = result.unwrap_err().to_string();
    assert!(text.contains(&path.display().to_string()), "{text}");
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

/// This test again, alone and in a process of its own.
fn again(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]);
    command
}

/// Runs `body` as a user whom permissions bind: in a process of its own if this is the
/// superuser's.
#[cfg(unix)]
fn as_ordinary_user(test: &str, body: impl FnOnce()) {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;

    const NOBODY: u32 = 65_534;

    let user = tempfile::tempdir()
        .unwrap()
        .path()
        .metadata()
        .unwrap()
        .uid();
    if user != 0 {
        return body();
    }
    let status = again(test).uid(NOBODY).gid(NOBODY).status().unwrap();
    assert!(status.success(), "{status}");
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;

    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
