//! The table `capsules`: made in new files, adopted in files that other tools made.

use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::failure::Failure;
use super::row::{ADDED, REQUIRED};

/// The version that this crate writes to `user_version` of the files that it creates.
pub(super) const SCHEMA_VERSION: i64 = 1;

/// Marks the files that this crate creates: `CAPS` in the header's application id.
const APPLICATION_ID: i64 = 0x4341_5053;

/// Rows of 2 to 3 KB waste two fifths of SQLite's default pages of 4 KiB.
pub(super) const PAGE_SIZE: i64 = 16_384;

/// The sequence is the primary key, which SQLite makes the number of the row: an index of its own
/// would be a further page that each append writes. It stays unique, as `id` does, and that is all
/// that other tools rely on.
///
/// The one index beside that of the ids holds, in order of sequence, what records are
/// looked for by. It grows at its end only and costs an append next to nothing, while a look-up
/// reads through it, which is 1/15 of the table. An index over random values (hashes, sessions,
/// tenants) would answer at once, but writes a page for each record.
const SCHEMA: &str = "
CREATE TABLE capsules (
    id VARCHAR(36) NOT NULL,
    type VARCHAR(20) NOT NULL,
    sequence INTEGER NOT NULL,
    previous_hash VARCHAR(64),
    data TEXT NOT NULL,
    hash VARCHAR(64) NOT NULL,
    signature TEXT NOT NULL,
    signature_pq TEXT NOT NULL,
    signed_at VARCHAR(40),
    signed_by VARCHAR(32),
    session_id VARCHAR(36),
    tenant_id TEXT,
    domain VARCHAR(50),
    PRIMARY KEY (sequence),
    CONSTRAINT uq_capsule_id UNIQUE (id)
);
CREATE INDEX ix_capsules_catalogue
    ON capsules (sequence, hash, type, tenant_id, domain, session_id);
";

/// What a file's table looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// Which of [`ADDED`] the table has.
    added: [bool; ADDED.len()],
    /// Whether there is the index of the files that this crate creates.
    catalogue: bool,
}

impl Layout {
    /// The list of columns that [`row::read`](super::row::read) expects.
    pub(super) fn columns(&self) -> String {
        let added = ADDED.map(|name| format!("{} AS {name}", self.expression(name)));
        format!("{}, {}", REQUIRED.join(", "), added.join(", "))
    }

    /// The column's name, or `NULL` where the table does not have it.
    pub(super) fn expression(&self, name: &'static str) -> &'static str {
        let present = ADDED
            .iter()
            .zip(self.added)
            .any(|(added, present)| *added == name && present);
        if present { name } else { "NULL" }
    }

    /// The table, as a look-up by columns reads it.
    pub(super) fn catalogue(&self) -> &'static str {
        // SQLite would go through the table itself, which is larger by far.
        if self.catalogue {
            "capsules INDEXED BY ix_capsules_catalogue"
        } else {
            "capsules"
        }
    }

    /// Whether the file has the index that this crate's files have.
    pub(super) fn has_catalogue(&self) -> bool {
        self.catalogue
    }

    /// Whether the table keeps tenant and domain beside the content.
    pub(super) fn is_complete(&self) -> bool {
        self.added.iter().all(|present| *present)
    }
}

/// How long the lock is waited for before the table is looked at again.
const TURN: Duration = Duration::from_millis(50);

/// Makes the table where the file is empty, and adds the columns that a table of another tool
/// lacks. Nothing else of such a file is changed.
///
/// Waits for the lock at most until the time is over, and no longer than it is needed: where
/// another process makes the table and goes on writing, its lock may never be seen free.
pub(super) fn prepare(connection: &mut Connection, timeout: Duration) -> Result<Layout, Failure> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(layout) = inspect(&connection.transaction()?)?
            && layout.is_complete()
        {
            return Ok(layout);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        connection.busy_timeout(left.min(TURN))?;
        let completed = complete(connection);
        connection.busy_timeout(timeout)?;
        match completed {
            Err(failure) if failure.is_locked() && !left.is_zero() => {}
            completed => return completed,
        }
    }
}

/// Looks at the table again under the lock, and does what is still to be done.
fn complete(connection: &mut Connection) -> Result<Layout, Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match inspect(&transaction)? {
        None => create(&transaction)?,
        Some(layout) => add_columns(&transaction, &layout)?,
    }
    let layout = inspect(&transaction)?
        .ok_or_else(|| Failure::found("the table `capsules` could not be created"))?;
    transaction.commit()?;
    Ok(layout)
}

/// Reads the layout; `None` when the file is empty. In a transaction, because another process may
/// be making the table meanwhile.
pub(super) fn inspect(connection: &Transaction<'_>) -> Result<Option<Layout>, Failure> {
    let version = header(connection, "user_version")?;
    let application = header(connection, "application_id")?;
    // Other applications number their own files; only what is ours or unclaimed is compared.
    if version > SCHEMA_VERSION && (application == APPLICATION_ID || application == 0) {
        return Err(Failure::found(format!(
            "it was written by a newer version of this software (schema {version}, this version \
             knows {SCHEMA_VERSION}); update the software"
        )));
    }

    let kind: Option<String> = first(
        connection,
        "SELECT type FROM pragma_table_list WHERE schema = 'main' AND lower(name) = 'capsules'",
    )?;
    match kind.as_deref() {
        Some("table") => {}
        Some(other) => {
            return Err(Failure::found(format!(
                "its `capsules` is a {other} instead of a table"
            )));
        }
        None if header(connection, "schema_version")? == 0 => return Ok(None),
        None => {
            let any: Option<String> = first(connection, "SELECT name FROM sqlite_schema LIMIT 1")?;
            return match any {
                None => Ok(None),
                Some(_) => Err(Failure::found(
                    "it has no table `capsules`, but tables of another application; choose \
                     another path",
                )),
            };
        }
    }

    let found = names(
        connection,
        "SELECT lower(name) FROM pragma_table_xinfo('capsules')",
    )?;
    let missing: Vec<_> = REQUIRED
        .into_iter()
        .filter(|name| !found.iter().any(|found| found == name))
        .collect();
    if !missing.is_empty() {
        return Err(Failure::found(format!(
            "its table `capsules` lacks the column{} {}",
            if missing.len() == 1 { "" } else { "s" },
            missing.join(", ")
        )));
    }
    let indexes = names(connection, "SELECT name FROM pragma_index_list('capsules')")?;
    Ok(Some(Layout {
        added: ADDED.map(|name| found.iter().any(|found| found == name)),
        catalogue: indexes.iter().any(|name| name == "ix_capsules_catalogue"),
    }))
}

fn create(transaction: &Transaction<'_>) -> Result<(), Failure> {
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    Ok(())
}

fn add_columns(transaction: &Transaction<'_>, layout: &Layout) -> Result<(), Failure> {
    for (name, present) in ADDED.iter().zip(layout.added) {
        if !present {
            transaction.execute_batch(&format!("ALTER TABLE capsules ADD COLUMN {name} TEXT"))?;
        }
    }
    Ok(())
}

fn header(connection: &Connection, field: &str) -> Result<i64, Failure> {
    Ok(connection.pragma_query_value(None, field, |row| row.get(0))?)
}

fn first(connection: &Connection, sql: &str) -> Result<Option<String>, Failure> {
    Ok(names(connection, sql)?.into_iter().next())
}

fn names(connection: &Connection, sql: &str) -> Result<Vec<String>, Failure> {
    let mut statement = connection.prepare(sql)?;
    let names = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(names)
}
