//! The connection that writes.

use std::mem;
use std::path::Path;
use std::sync::PoisonError;
use std::time::Duration;

use rusqlite::Connection;

use super::failure::{Attempt, Failure};
use super::identity::FileId;
use super::schema::Layout;
use super::transaction::Transaction;
use super::{SqliteStorage, open, row};
use crate::storage::{SealNext, Storage, StorageError, check_links};

/// The connection that writes.
#[derive(Debug)]
pub(super) enum Writer {
    Open(Connection, FileId),
    /// The file was deleted or replaced. The next append opens what is at the path then.
    Lost,
    Closed,
}

impl Writer {
    pub(super) fn open(path: &Path, timeout: Duration) -> Result<(Self, Layout), Failure> {
        let (connection, layout) = open::writer(path, timeout)?;
        Ok((Self::Open(connection, FileId::of(path)), layout))
    }
}

impl SqliteStorage {
    /// Appends with the connection, unless the file at the path is no longer the one that it has
    /// open: SQLite would go on writing into a file that nobody finds.
    pub(super) fn append_to(
        &self,
        writer: &mut Writer,
        tenant: Option<&str>,
        seal: &mut SealNext<'_>,
    ) -> Result<(), StorageError> {
        if let Writer::Lost = writer {
            *writer = self.reopen()?;
        }
        let Writer::Open(connection, file) = writer else {
            return Err(StorageError::Closed {
                location: self.location(),
            });
        };
        let appended = self.append_locked(connection, *file, tenant, seal);
        match appended {
            Ok(true) => return Ok(()),
            Err(error) if file.is_at(&self.path) => return Err(error),
            Ok(false) | Err(_) => {}
        }
        if let Writer::Open(connection, _) = mem::replace(writer, Writer::Lost) {
            self.checkpoints.release();
            // What is in the log alone belongs to the file, which may have been moved.
            let _ = checkpoint_and_close(connection);
        }
        Err(StorageError::Write {
            location: self.location(),
            reason: "the file was deleted or replaced since it was opened; the chain goes on in \
                     the file that is there now, or in a new one"
                .to_owned(),
        })
    }

    fn reopen(&self) -> Result<Writer, StorageError> {
        let failed = |failure: Failure| failure.during(Attempt::Open, &self.path);
        let (writer, layout) = Writer::open(&self.path, self.busy_timeout).map_err(failed)?;
        *self.layout.write().unwrap_or_else(PoisonError::into_inner) = layout;
        Ok(writer)
    }

    /// `false`, and nothing is appended, when the file is no longer at the path.
    fn append_locked(
        &self,
        connection: &mut Connection,
        file: FileId,
        tenant: Option<&str>,
        seal: &mut SealNext<'_>,
    ) -> Result<bool, StorageError> {
        let failed = |failure: Failure| failure.during(Attempt::Write, &self.path);
        let transaction = Transaction::begin(connection).map_err(failed)?;
        // Only now, as the lock may have been waited for. A file that goes later takes this along with
        // all that it holds.
        if !file.is_at(&self.path) {
            return Ok(false);
        }
        let head = row::read_head(transaction.connection()).map_err(failed)?;
        let records = seal(head.as_ref())?;
        check_links(&self.location(), head.as_ref(), &records)?;
        for record in &records {
            row::insert(transaction.connection(), record, tenant).map_err(|failure| {
                if failure.is_duplicate_id() {
                    let id = record.columns.id.clone();
                    return StorageError::Duplicate {
                        id,
                        location: self.location(),
                    };
                }
                failed(failure)
            })?;
        }
        transaction.commit().map_err(failed)?;
        self.checkpoints.note(&records);
        Ok(true)
    }
}

/// Moves the write-ahead log into the file and removes it. Every append is durable already, so
/// a reader that is still busy, which keeps the log in place, is no failure.
pub(super) fn checkpoint_and_close(connection: Connection) -> Result<(), Failure> {
    connection.busy_timeout(Duration::ZERO)?;
    let checkpoint = connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .map_err(Failure::from);
    connection.close().map_err(|(_, error)| error)?;
    match checkpoint {
        Err(failure) if !failure.is_locked() => Err(failure),
        _ => Ok(()),
    }
}
