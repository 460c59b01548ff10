//! Transactions whose statements are prepared once.

use rusqlite::Connection;

use super::failure::Failure;

/// A transaction that holds the write lock. Dropped without a commit, by an error or a panic, it
/// rolls back.
///
/// That of `rusqlite` prepares `BEGIN` and `COMMIT` for each transaction anew.
pub(super) struct Transaction<'c> {
    connection: &'c Connection,
}

impl<'c> Transaction<'c> {
    /// Takes the write lock.
    pub(super) fn begin(connection: &'c mut Connection) -> Result<Self, Failure> {
        run(connection, "BEGIN IMMEDIATE")?;
        Ok(Self { connection })
    }

    pub(super) fn connection(&self) -> &Connection {
        self.connection
    }

    pub(super) fn commit(self) -> Result<(), Failure> {
        run(self.connection, "COMMIT")
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // Not after a commit, nor where an error has made SQLite roll back by itself.
        if !self.connection.is_autocommit() {
            // What cannot be rolled back fails when the next one begins.
            let _ = run(self.connection, "ROLLBACK");
        }
    }
}

fn run(connection: &Connection, sql: &str) -> Result<(), Failure> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
