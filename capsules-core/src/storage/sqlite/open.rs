//! Opening database files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::failure::Failure;
use super::identity::FileId;
use super::query::register_functions;
use super::schema::{self, Layout, PAGE_SIZE};
use crate::record::MAX_RECORD_BYTES;

/// Opens the connection that writes, and makes or adopts the table.
pub(super) fn writer(path: &Path, timeout: Duration) -> Result<(Connection, Layout), Failure> {
    if !check_file(path)? {
        create_file(path)?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    configure(&connection, timeout)?;
    if connection.is_readonly("main")? {
        return Err(Failure::found(
            "the file is read-only for this user; change its permissions, or open it read-only",
        ));
    }
    // A file that is refused stays as it is.
    schema::inspect(&connection.transaction()?)?;
    // Without effect on a file that has content already.
    connection.pragma_update(None, "page_size", PAGE_SIZE)?;
    use_write_ahead_log(&connection, timeout)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", JOURNAL_SIZE_LIMIT)?;
    let layout = schema::prepare(&mut connection, timeout)?;
    Ok((connection, layout))
}

/// Opens a connection that moves the write-ahead log into a file that is there.
pub(super) fn checkpointer(path: &Path, timeout: Duration) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection, timeout)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// A connection that reads.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) connection: Connection,
    file: FileId,
    /// The state of the file when it was opened without locks.
    unlocked: Option<FileState>,
}

impl Reader {
    /// Opens a connection for reading beside the writer.
    pub(super) fn shared(path: &Path, timeout: Duration) -> Result<Self, Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        Ok(Self {
            connection: readable(connection, timeout)?,
            file: FileId::of(path),
            unlocked: None,
        })
    }

    /// Opens a connection for reading that leaves no trace.
    ///
    /// SQLite makes two files beside one in WAL mode even to read it, which then stay there or,
    /// in a read-only directory, cannot be made. While nobody writes there is nothing in them:
    /// then the file is read alone and without locks, and a change is noticed afterwards.
    pub(super) fn without_trace(path: &Path, timeout: Duration) -> Result<Self, Failure> {
        if !check_file(path)? {
            return Err(Failure::found("there is no such file"));
        }
        if !is_idle(path) || !needs_write_ahead_log(path)? {
            return Self::shared(path, timeout);
        }
        let state = FileState::of(path)?;
        let connection = open_uri(path, "immutable=1")?;
        Ok(Self {
            connection: readable(connection, timeout)?,
            file: FileId::of(path),
            unlocked: Some(state),
        })
    }

    /// Whether what the connection reads is what the file holds now.
    pub(super) fn is_current(&self, path: &Path) -> bool {
        let unchanged = |state: &FileState| {
            is_idle(path) && FileState::of(path).is_ok_and(|current| current == *state)
        };
        self.file.is_at(path) && self.unlocked.as_ref().is_none_or(unchanged)
    }

    /// Whether everything that was read until now was read from an unchanged file. A writer
    /// changes the file itself only after its log.
    pub(super) fn is_undisturbed(&self, path: &Path) -> bool {
        self.unlocked
            .as_ref()
            .is_none_or(|state| FileState::of(path).is_ok_and(|current| current == *state))
    }
}

/// What a connection keeps of the pages that it reads. A scan comes to each page once, so that a
/// larger cache only takes new memory from the system and leaves that of the processor.
const READ_CACHE_KIB: i64 = 256;

/// The write-ahead log is cut to this size after a long read had kept it from being emptied.
const JOURNAL_SIZE_LIMIT: i64 = 64 << 20;

#[derive(Debug, PartialEq, Eq)]
struct FileState {
    length: u64,
    modified: SystemTime,
}

impl FileState {
    fn of(path: &Path) -> Result<Self, Failure> {
        let state = fs::metadata(path).and_then(|metadata| {
            Ok(Self {
                length: metadata.len(),
                modified: metadata.modified()?,
            })
        });
        state.map_err(|error| Failure::found(error.to_string()))
    }
}

/// Settings of every connection: nothing in a hostile file may run code or change what is stored.
pub(crate) fn configure(connection: &Connection, timeout: Duration) -> rusqlite::Result<()> {
    connection.busy_timeout(timeout)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    for setting in [
        DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA,
        DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER,
        DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW,
        DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY,
        DbConfig::SQLITE_DBCONFIG_DQS_DML,
        DbConfig::SQLITE_DBCONFIG_DQS_DDL,
    ] {
        connection.set_db_config(setting, false)?;
    }
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(())
}

fn readable(connection: Connection, timeout: Duration) -> Result<Connection, Failure> {
    let most = i32::try_from(MAX_RECORD_BYTES).unwrap_or(i32::MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, most)?;
    configure(&connection, timeout)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -READ_CACHE_KIB)?;
    register_functions(&connection)?;
    Ok(connection)
}

/// Switches the file to a write-ahead log. SQLite does not wait for other connections to let go
/// of the file, so this does; a file that stays busy, or lies where shared memory is not
/// supported, is used in its own mode.
fn use_write_ahead_log(connection: &Connection, timeout: Duration) -> Result<(), Failure> {
    let deadline = Instant::now() + timeout;
    loop {
        let switched = connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()));
        match switched.map_err(Failure::from) {
            Err(failure) if failure.is_locked() && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(failure) if !failure.is_locked() => return Err(failure),
            _ => return Ok(()),
        }
    }
}

/// Whether there is a file. Database files are never opened except by SQLite: closing another
/// handle would drop the locks that this process holds on them (POSIX `fcntl`).
fn check_file(path: &Path) -> Result<bool, Failure> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(true),
        Ok(metadata) if metadata.is_dir() => Err(Failure::found(
            "it is a directory; name a file in it, such as capsules.db",
        )),
        Ok(_) => Err(Failure::found("it is not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::found(error.to_string())),
    }
}

/// Creates an empty file that only its owner can read, and the directories that lead to it.
fn create_file(path: &Path) -> Result<(), Failure> {
    let denied = |error: io::Error| {
        Failure::found(format!(
            "it cannot be created: {error}; choose a directory that is writable"
        ))
    };
    if let Some(directory) = path.parent() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(directory).map_err(denied)?;
    }
    create_private(path).map_err(denied)
}

/// Made under another name and linked, so that the file is private and closed (see
/// [`check_file`]) by the time that another thread can find it.
#[cfg(unix)]
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;

    let temporary = sibling(path, &format!(".{}.new", uuid::Uuid::new_v4()));
    let create = |path: &Path| {
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map(drop)
    };
    create(&temporary)?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    // A file system may have no links.
    match linked.or_else(|_| create(path)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created,
    }
}

/// Elsewhere SQLite creates the file and the directory's access control applies.
#[cfg(not(unix))]
pub(crate) fn create_private(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether no connection in WAL mode has the file open, and its last one left nothing to read.
fn is_idle(path: &Path) -> bool {
    let is_empty =
        |suffix| fs::metadata(sibling(path, suffix)).map_or(true, |file| file.len() == 0);
    is_empty("-wal") && is_empty("-shm") && is_empty("-journal")
}

/// Whether the file is in WAL mode: without locks SQLite reads every file but such.
fn needs_write_ahead_log(path: &Path) -> Result<bool, Failure> {
    let connection = open_uri(path, "nolock=1")?;
    match connection
        .pragma_query_value(None, "schema_version", |_| Ok(()))
        .map_err(Failure::from)
    {
        Ok(()) => Ok(false),
        Err(failure) if failure.is_denied() => Ok(true),
        Err(failure) => Err(failure),
    }
}

fn open_uri(path: &Path, parameters: &str) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    Ok(Connection::open_with_flags(uri(path, parameters), flags)?)
}

/// A `file:` URI (RFC 8089) in which every byte that is not plain is escaped.
fn uri(path: &Path, parameters: &str) -> String {
    let mut uri = "file:".to_owned();
    if cfg!(windows) {
        uri.push_str("///");
    }
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'\\' if cfg!(windows) => uri.push('/'),
            b'/' | b':' | b'-' | b'.' | b'_' => uri.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            byte => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    uri.push('?');
    uri.push_str(parameters);
    uri
}

/// The file of this name and suffix.
pub(crate) fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
