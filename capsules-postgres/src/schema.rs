//! The table `quantumpipes_capsules`: made where it does not exist, and used as it is where
//! another implementation has made it.

use std::collections::HashMap;

use capsules_core::SealedRecord;
use tokio_postgres::Client;

use crate::failure::Failure;

/// The oldest server that is supported.
const OLDEST: i32 = 120_000;

/// What every table must have.
const COLUMNS: [&str; 13] = [
    "id",
    "type",
    "sequence",
    "previous_hash",
    "data",
    "hash",
    "signature",
    "signature_pq",
    "signed_at",
    "signed_by",
    "session_id",
    "domain",
    "tenant_id",
];

/// Identifiers are compared byte by byte (`COLLATE "C"`), so that an index also answers what
/// begins with a text. The index of times of sealing has the order in which records of several
/// chains are listed. The index of hashes holds a quarter of each: that is selective enough, and
/// small.
const TABLE: &str = r#"
CREATE TABLE quantumpipes_capsules (
    id TEXT COLLATE "C" PRIMARY KEY,
    type TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    previous_hash TEXT,
    data TEXT NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    signature TEXT NOT NULL,
    signature_pq TEXT NOT NULL,
    signed_at TEXT,
    signed_by TEXT,
    session_id TEXT,
    domain TEXT NOT NULL,
    tenant_id TEXT,
    CONSTRAINT uq_capsule_tenant_sequence UNIQUE (tenant_id, sequence)
);
CREATE UNIQUE INDEX uq_capsule_global_sequence
    ON quantumpipes_capsules (sequence) WHERE tenant_id IS NULL;
CREATE INDEX ix_quantumpipes_capsules_sealed
    ON quantumpipes_capsules ((coalesce(signed_at, '')) COLLATE "C", sequence, id);
CREATE INDEX ix_quantumpipes_capsules_hash
    ON quantumpipes_capsules (left(hash, 16) COLLATE "C");
CREATE INDEX ix_quantumpipes_capsules_session_id
    ON quantumpipes_capsules (session_id) WHERE session_id IS NOT NULL;
"#;

/// How many characters a table's columns hold; `None` where there is no limit. Of the others every
/// value has the length that the protocol gives it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Widths {
    kind: Option<usize>,
    session_id: Option<usize>,
    domain: Option<usize>,
    tenant_id: Option<usize>,
    signed_by: Option<usize>,
}

impl Widths {
    /// Why a record can never be kept in this tenant's chain, if it cannot.
    pub(crate) fn refuse(&self, record: &SealedRecord, tenant: Option<&str>) -> Option<String> {
        let columns = &record.columns;
        let values = [
            ("type", Some(columns.kind.as_str()), self.kind),
            ("session_id", columns.session_id.as_deref(), self.session_id),
            ("domain", columns.domain.as_deref(), self.domain),
            ("tenant_id", tenant, self.tenant_id),
            ("signed_by", record.signed_by.as_deref(), self.signed_by),
        ];
        values.into_iter().find_map(|(column, value, width)| {
            let value = value?;
            if value.contains('\0') {
                return Some(format!(
                    "its {column} has a NUL character, which PostgreSQL does not store"
                ));
            }
            let width = width?;
            let length = value.chars().count();
            (length > width).then(|| {
                format!(
                    "its {column} has {length} characters, and the column holds {width}; widen it: \
                 ALTER TABLE quantumpipes_capsules ALTER COLUMN {column} TYPE TEXT"
                )
            })
        })
    }
}

/// Two processes that make the table at once wait for each other here.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('quantumpipes_capsules', 0))";

/// Checks the server and the table, and makes the table where it does not exist.
pub(crate) async fn prepare(client: &Client, create: bool) -> Result<Widths, Failure> {
    let version: i32 = value(client, "SELECT current_setting('server_version_num')::int4").await?;
    if version < OLDEST {
        return Err(Failure::found(format!(
            "the server is PostgreSQL {}; version {} or later is needed",
            version / 10_000,
            OLDEST / 10_000
        )));
    }
    if exists(client).await? {
        return check(client).await;
    }
    if !create {
        return Err(Failure::Absent);
    }
    client.batch_execute("BEGIN").await?;
    let made = make(client).await;
    client
        .batch_execute(if made.is_ok() { "COMMIT" } else { "ROLLBACK" })
        .await?;
    made?;
    check(client).await
}

async fn make(client: &Client) -> Result<(), Failure> {
    client.batch_execute(LOCK).await?;
    // Another process may have made it while this one waited.
    if !exists(client).await? {
        client.batch_execute(TABLE).await?;
    }
    Ok(())
}

async fn exists(client: &Client) -> Result<bool, Failure> {
    value(
        client,
        "SELECT to_regclass('quantumpipes_capsules') IS NOT NULL",
    )
    .await
}

/// Whether the table has what is read and written, and how much its columns hold.
async fn check(client: &Client) -> Result<Widths, Failure> {
    // The modifier of a VARCHAR is its width and four; that of a TEXT is -1.
    let rows = client
        .query_typed(
            "SELECT attname::text, atttypmod FROM pg_attribute \
             WHERE attrelid = to_regclass('quantumpipes_capsules') AND attnum > 0 \
             AND NOT attisdropped",
            &[],
        )
        .await?;
    let mut found = HashMap::new();
    for row in rows {
        let (name, modifier): (String, i32) = (row.try_get(0)?, row.try_get(1)?);
        found.insert(name, usize::try_from(modifier - 4).ok());
    }
    let missing: Vec<_> = COLUMNS
        .into_iter()
        .filter(|column| !found.contains_key(*column))
        .collect();
    if missing.is_empty() {
        let width = |column| found.get(column).copied().flatten();
        return Ok(Widths {
            kind: width("type"),
            session_id: width("session_id"),
            domain: width("domain"),
            tenant_id: width("tenant_id"),
            signed_by: width("signed_by"),
        });
    }
    Err(Failure::found(format!(
        "its table quantumpipes_capsules lacks the column{} {}; it belongs to another application, \
         choose another database or schema",
        if missing.len() == 1 { "" } else { "s" },
        missing.join(", ")
    )))
}

async fn value<T>(client: &Client, sql: &str) -> Result<T, Failure>
where
    T: for<'r> tokio_postgres::types::FromSql<'r>,
{
    let rows = client.query_typed(sql, &[]).await?;
    let row = rows
        .first()
        .ok_or_else(|| Failure::found("the server gave no row where one was expected"))?;
    Ok(row.try_get(0)?)
}
