//! The SQLite store.

mod checkpoints;
mod failure;
mod identity;
mod lookup;
pub(crate) mod open;
mod options;
mod query;
mod readers;
mod row;
mod schema;
mod transaction;
mod writer;

use std::fmt;
use std::mem;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use rusqlite::{OptionalExtension, Row, params_from_iter};
use uuid::Uuid;

use self::checkpoints::Checkpoints;
use self::failure::{Attempt, Failure};
use self::lookup::Lookup;
pub use self::options::SqliteOptions;
use self::readers::Readers;
use self::schema::Layout;
use self::writer::{Writer, checkpoint_and_close};
use super::{Filter, SealNext, Storage, StorageError};
use crate::chain::Head;
use crate::record::{RecordRef, SealedRecord};

/// Keeps records in the table `capsules` of a SQLite file, as one chain that every tenant shares
/// (CPS section 6).
///
/// Several processes, in whatever language, may write to one file: an append takes SQLite's write
/// lock before it reads the head. It is on stable storage when it returns (write-ahead log,
/// `synchronous=FULL`), and a long scan does not hold it up.
///
/// A file that does not exist is created, readable by its owner only, with pages and indexes that
/// keep millions of records fast. A file that another tool created is used as it is, except that
/// it is switched to a write-ahead log and gets the columns `tenant_id` and `domain`, which other
/// tools may leave empty.
///
/// When the file is deleted, moved or replaced while the store is open (found on Unix, by its
/// device and inode), the next append fails and says so. The ones after it go to the file that is
/// at the path then, or start a chain in a new one.
///
/// ```
/// use capsules_core::storage::{Filter, SqliteStorage, Storage};
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("capsules.db");
/// let store = SqliteStorage::open(&path)?;
/// assert_eq!(store.count(&Filter::new())?, 0);
/// store.close()?;
///
/// let store = SqliteStorage::open_read_only(&path)?;
/// assert_eq!(store.head(None)?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SqliteStorage {
    path: PathBuf,
    busy_timeout: Duration,
    layout: RwLock<Layout>,
    /// `None` when the store is read-only.
    writer: Option<Mutex<Writer>>,
    checkpoints: Checkpoints,
    readers: Readers,
}

impl SqliteStorage {
    /// Opens a file, and creates it and the directories that lead to it where they do not exist.
    ///
    /// # Errors
    ///
    /// [`StorageError::Open`] when the path is not a capsule store or cannot be written,
    /// [`StorageError::Locked`] when another program holds it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StorageError> {
        SqliteOptions::new().open(path)
    }

    /// Opens a file for reading, for instance to verify it. Neither the file nor its directory is
    /// written, and both may be read-only. Others may write to the file meanwhile.
    ///
    /// # Errors
    ///
    /// [`StorageError::Open`] when the path is not a capsule store or cannot be read.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, StorageError> {
        SqliteOptions::new().read_only(true).open(path)
    }

    /// The file, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The place of the record to go on from.
    fn place_of(&self, id: &str) -> Result<i64, StorageError> {
        let place = self.readers.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT sequence FROM capsules WHERE id = ?")?;
            Ok(statement.query_row([id], |row| row.get(0)).optional()?)
        })?;
        place.ok_or_else(|| StorageError::NoCursor {
            id: id.to_owned(),
            location: self.location(),
        })
    }

    /// What the file's table looks like. It may be another one after the file was replaced.
    fn layout(&self) -> Layout {
        self.layout
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Shows what `read` makes of these columns of each row.
    fn scan_columns(
        &self,
        columns: &str,
        from: u64,
        read: for<'r> fn(&'r Row<'_>) -> Result<RecordRef<'r>, Failure>,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        // Without a bound a scan also finds what is no place in a chain.
        let bound = if from == 0 { "" } else { "WHERE sequence >= ?" };
        let sql = format!("SELECT {columns} FROM capsules {bound} ORDER BY sequence");
        let from = (from > 0).then(|| i64::try_from(from).unwrap_or(i64::MAX));
        self.readers.read(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params_from_iter(from))?;
            while let Some(row) = rows.next()? {
                if visit(read(row)?).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }
}

impl Storage for SqliteStorage {
    fn append(&self, tenant: Option<&str>, seal: &mut SealNext<'_>) -> Result<(), StorageError> {
        let Some(writer) = &self.writer else {
            return Err(StorageError::Write {
                location: self.location(),
                reason: "it was opened read-only".to_owned(),
            });
        };
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.append_to(&mut writer, tenant, seal)
    }

    fn appends_on_any_thread(&self) -> bool {
        true
    }

    fn is_untidy(&self) -> bool {
        self.checkpoints.are_due()
    }

    fn tidy(&self) -> Result<(), StorageError> {
        self.checkpoints.step()
    }

    fn get(&self, id: &Uuid) -> Result<Option<SealedRecord>, StorageError> {
        let sql = format!(
            "SELECT {} FROM capsules WHERE id = ?",
            self.layout().columns()
        );
        self.readers
            .read(|connection| row::read_one(connection, &sql, &id.to_string()))
    }

    fn get_by_hash(&self, hash: &str) -> Result<Option<SealedRecord>, StorageError> {
        let begins = Filter::new().hash_prefix(hash).oldest_first();
        let found = match self.list(&begins.clone().limit(1))?.pop() {
            // A foreign file may have longer texts that begin with the hash.
            Some(record) if record.hash != hash => self.list(&begins)?,
            found => found.into_iter().collect(),
        };
        Ok(found.into_iter().find(|record| record.hash == hash))
    }

    fn head(&self, _tenant: Option<&str>) -> Result<Option<Head>, StorageError> {
        self.readers.read(row::read_head)
    }

    fn scan(
        &self,
        tenant: Option<&str>,
        from: u64,
        visit: &mut dyn FnMut(SealedRecord) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.scan_ref(tenant, from, &mut |record| visit(record.to_owned()))
    }

    fn scan_ref(
        &self,
        _tenant: Option<&str>,
        from: u64,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.scan_columns(&self.layout().columns(), from, row::read_ref, visit)
    }

    fn scan_links(
        &self,
        _tenant: Option<&str>,
        from: u64,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.scan_columns(row::LINKED, from, row::read_linked, visit)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<SealedRecord>, StorageError> {
        let cursor = match &filter.beyond {
            None => None,
            Some(id) => Some(self.place_of(id)?),
        };
        Lookup::new(&self.readers, &self.layout(), filter, cursor).list()
    }

    fn count(&self, filter: &Filter) -> Result<u64, StorageError> {
        Lookup::new(&self.readers, &self.layout(), filter, None).count()
    }

    fn close(&self) -> Result<(), StorageError> {
        self.readers.close();
        let Some(writer) = &self.writer else {
            return Ok(());
        };
        self.checkpoints.close();
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        match mem::replace(&mut *writer, Writer::Closed) {
            Writer::Open(connection, _) => checkpoint_and_close(connection)
                .map_err(|failure| failure.during(Attempt::Write, &self.path)),
            Writer::Lost | Writer::Closed => Ok(()),
        }
    }

    fn location(&self) -> String {
        self.path.display().to_string()
    }
}

impl fmt::Debug for SqliteStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStorage")
            .field("path", &self.path)
            .field("read_only", &self.writer.is_none())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Position;
    use crate::{Capsule, CapsuleType, Draft};

    fn append(store: &SqliteStorage) -> Result<(), StorageError> {
        let draft = Draft::new(&Capsule::new(CapsuleType::Tool)).unwrap();
        store.append(None, &mut |head| {
            let position = Position::after(head);
            Ok(vec![SealedRecord {
                hash: format!("{:064x}", position.sequence),
                content: draft.link(&position),
                signature: String::new(),
                signature_pq: "5e".repeat(3_309),
                signed_at: None,
                signed_by: None,
                columns: draft.columns(&position),
            }])
        })
    }

    #[test]
    fn a_scan_of_links_has_what_places_records_in_the_chain() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStorage::open(directory.path().join("capsules.db")).unwrap();
        for _ in 0..3 {
            append(&store).unwrap();
        }
        let mut whole = Vec::new();
        let mut linked = Vec::new();
        let note = |records: &mut Vec<_>, record: RecordRef<'_>| {
            let sequence = record.columns.sequence;
            records.push((sequence, record.content.to_owned(), record.hash.to_owned()));
            ControlFlow::Continue(())
        };
        for from in [0, 1] {
            store
                .scan_ref(None, from, &mut |r| note(&mut whole, r))
                .unwrap();
            store
                .scan_links(None, from, &mut |r| note(&mut linked, r))
                .unwrap();
        }
        assert_eq!(whole.len(), 5);
        assert_eq!(linked, whole);
    }

    fn limit_pages(store: &SqliteStorage, pages: i64) {
        let writer = store.writer.as_ref().unwrap().lock().unwrap();
        let Writer::Open(connection, _) = &*writer else {
            panic!("{writer:?}");
        };
        connection
            .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
            .unwrap();
    }

    #[test]
    fn a_full_disk_refuses_an_append_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStorage::open(directory.path().join("capsules.db")).unwrap();
        limit_pages(&store, 12);
        let mut appended = 0;
        let error = loop {
            match append(&store) {
                Ok(()) => appended += 1,
                Err(error) => break error.to_string(),
            }
        };
        assert!(
            error.contains("the disk is full; nothing was appended"),
            "{error}"
        );
        assert_eq!(store.count(&Filter::new()).unwrap(), appended);

        limit_pages(&store, 1_000);
        append(&store).unwrap();
        let head = store.head(None).unwrap().unwrap();
        assert_eq!(head.sequence, appended);
    }

    #[test]
    fn reads_keep_a_few_connections_however_many_run_at_once() {
        fn nested(store: &SqliteStorage, depth: usize) {
            store
                .scan(None, 0, &mut |_| {
                    if depth > 0 {
                        nested(store, depth - 1);
                    }
                    ControlFlow::Break(())
                })
                .unwrap();
        }

        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStorage::open(directory.path().join("capsules.db")).unwrap();
        append(&store).unwrap();
        nested(&store, 0);
        assert_eq!(store.readers.kept(), 1);
        nested(&store, 20);
        assert_eq!(store.readers.kept(), readers::KEPT);
    }
}
