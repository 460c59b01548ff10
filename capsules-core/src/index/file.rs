//! The file of an index.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::IndexError;
use super::zones::ZONES;
use crate::storage::sqlite::open::{configure, create_private, sibling};

/// Marks our files: `CAPI` in the header's application id.
const APPLICATION_ID: i64 = 0x4341_5049;
/// Of the schema. An index of another version is made anew.
const VERSION: i64 = 4;

/// Words are what Unicode calls letters and digits; case and accents do not matter.
pub(super) const TOKENIZER: &str = "tokenize = 'unicode61 remove_diacritics 2'";

const ENTRIES: &str = "
CREATE TABLE chains (number INTEGER PRIMARY KEY, tenant TEXT NOT NULL UNIQUE);
CREATE TABLE progress (
    part TEXT,
    chain INTEGER,
    sequence INTEGER NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (part, chain)
) WITHOUT ROWID;
CREATE TABLE entries (
    place INTEGER PRIMARY KEY,
    sealed INTEGER NOT NULL, -- microseconds since the Unix epoch
    began INTEGER,           -- the same
    type TEXT,
    status TEXT,
    tenant TEXT,
    domain TEXT,
    session TEXT,
    correlation TEXT,
    parent BLOB              -- 16 bytes
);
CREATE INDEX entries_parent ON entries (parent) WHERE parent IS NOT NULL;
CREATE INDEX entries_correlation ON entries (correlation) WHERE correlation IS NOT NULL;
";

/// Without the texts themselves, which stand in the store.
fn texts() -> String {
    format!(
        "CREATE VIRTUAL TABLE texts USING fts5 \
         (request, summary, error, content = '', columnsize = 0, {TOKENIZER});"
    )
}

/// How long another process that writes the index is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn open(path: &Path) -> Result<Connection, IndexError> {
    if !path.exists() {
        create_private(path).map_err(|error| denied(path, &error))?;
    }
    let failed = |error: rusqlite::Error| IndexError::of(&error, Some(path));
    let mut connection = connect(path).map_err(failed)?;
    match state(&connection).map_err(failed)? {
        State::Ours | State::Empty => {}
        State::Foreign => return Err(foreign(path)),
        State::OtherVersion => {
            drop(connection);
            remove(path)?;
            return open(path);
        }
    }
    // What is lost with the power is indexed again.
    connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
        .and_then(|()| connection.pragma_update(None, "synchronous", "NORMAL"))
        .and_then(|()| prepare(&mut connection))
        .map_err(failed)?;
    Ok(connection)
}

pub(super) fn temporary() -> rusqlite::Result<Connection> {
    // A database without a name lies in memory as far as its cache goes, and then in a file.
    let mut connection = Connection::open("")?;
    configure(&connection, PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "OFF")?;
    prepare(&mut connection)?;
    Ok(connection)
}

pub(super) fn remove(path: &Path) -> Result<(), IndexError> {
    if !path.exists() {
        return Ok(());
    }
    refuse_foreign(path)?;
    for suffix in ["-wal", "-shm", ""] {
        match fs::remove_file(sibling(path, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(denied(path, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection, PATIENCE)?;
    Ok(connection)
}

/// What a file is.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Empty,
    Ours,
    OtherVersion,
    Foreign,
}

fn state(connection: &Connection) -> rusqlite::Result<State> {
    let header = |field| connection.pragma_query_value(None, field, |row| row.get::<_, i64>(0));
    Ok(match header("application_id")? {
        APPLICATION_ID if header("user_version")? == VERSION => State::Ours,
        APPLICATION_ID => State::OtherVersion,
        0 if header("schema_version")? == 0 => State::Empty,
        _ => State::Foreign,
    })
}

/// Makes the tables where there are none.
fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    if state(connection)? == State::Ours {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if state(&transaction)? == State::Empty {
        transaction.execute_batch(ENTRIES)?;
        transaction.execute_batch(ZONES)?;
        transaction.execute_batch(&texts())?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()
}

const CACHE_KIB: i64 = 16 << 10;

/// Read from the header (<https://sqlite.org/fileformat.html>), so that a damaged index is known
/// as well. One that was never checkpointed is empty.
fn refuse_foreign(path: &Path) -> Result<(), IndexError> {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEADER).read_to_end(&mut start));
    read.map_err(|error| denied(path, &error))?;
    let application = start
        .split_last_chunk()
        .map(|(_, id)| u32::from_be_bytes(*id));
    let is_ours = start.starts_with(b"SQLite format 3\0")
        && application.map(i64::from) == Some(APPLICATION_ID);
    if is_ours || start.is_empty() {
        Ok(())
    } else {
        Err(foreign(path))
    }
}

/// As much of the header as ends with the application id.
const HEADER: u64 = 72;

fn foreign(path: &Path) -> IndexError {
    IndexError::Foreign {
        location: path.display().to_string(),
    }
}

fn denied(path: &Path, error: &io::Error) -> IndexError {
    IndexError::File {
        location: path.display().to_string(),
        reason: format!(
            "the file or its directory cannot be written; choose another place for the index \
             ({error})"
        ),
    }
}
