//! Appending: one transaction that locks the chains, reads their heads and inserts what follows.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use capsules_core::storage::{SealChains, check_links};
use capsules_core::{Head, SealedRecord, StorageError};
use futures_util::future::{join, join_all, try_join4};
use tokio_postgres::types::{ToSql, Type};

use crate::connection::{Connection, Connections};
use crate::failure::Failure;
use crate::row;

/// How long a chain's lock is waited for, and how long a writer may keep it while it says
/// nothing: one whose machine was cut off must not stop the others for ever. What the writer
/// stored is durable before it is acknowledged, whatever the role's own setting says.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; \
                     SET LOCAL lock_timeout = '10s'; \
                     SET LOCAL idle_in_transaction_session_timeout = '60s'; \
                     SET LOCAL synchronous_commit = on";

/// The rows come in the order of the array, which is the same for all writers.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended(name, 1128353875)) \
                    FROM unnest($1::text[]) AS chain (name)";

const HEADS: &str = "SELECT wanted.tenant, head.place, head.hash \
                     FROM unnest($1::text[]) AS wanted (tenant) CROSS JOIN LATERAL (\
                     SELECT c.sequence::int8 AS place, c.hash FROM quantumpipes_capsules c \
                     WHERE c.tenant_id = wanted.tenant ORDER BY c.sequence DESC LIMIT 1) AS head";

const GLOBAL_HEAD: &str = "SELECT NULL::text AS tenant, c.sequence::int8 AS place, c.hash \
                           FROM quantumpipes_capsules c WHERE c.tenant_id IS NULL \
                           ORDER BY c.sequence DESC LIMIT 1";

/// The arrays, which are of one length, are taken apart side by side. As a source of rows
/// (`FROM unnest(…)`) the server would write each of them to a store of tuples first.
const INSERT: &str = "INSERT INTO quantumpipes_capsules (id, type, sequence, previous_hash, data, \
                      hash, signature, signature_pq, signed_at, signed_by, session_id, domain, \
                      tenant_id) SELECT unnest($1), unnest($2), unnest($3), unnest($4), \
                      unnest($5), unnest($6), unnest($7), unnest($8), unnest($9), unnest($10), \
                      unnest($11), unnest($12), unnest($13)";

/// A statement takes so many rows at most: the server works on one while the next is encoded.
const ROWS: usize = 512;

/// A transaction in which nothing is heard from the server for this time is given up. Longer than
/// a lock is waited for.
const SILENCE: Duration = Duration::from_secs(60);

/// How often places that others took are left to them before the caller hears of it.
const ATTEMPTS: u32 = 20;

/// What a record without a domain gets: the column may not be empty.
const DOMAIN: &str = "agents";

/// Where records are appended.
pub(crate) struct Table<'a> {
    pub(crate) connections: &'a Connections,
    pub(crate) location: &'a str,
}

pub(crate) type Heads = HashMap<Option<String>, Head>;

/// Appends to several chains, all or none.
pub(crate) async fn append(
    table: &Table<'_>,
    chains: &[Option<&str>],
    seal: &mut SealChains<'_>,
) -> Result<(), Failure> {
    let mut attempt = 1;
    loop {
        match append_once(table, chains, seal).await {
            Err(failure) if failure.is_conflict() && attempt < ATTEMPTS => attempt += 1,
            result => return result,
        }
    }
}

async fn append_once(
    table: &Table<'_>,
    chains: &[Option<&str>],
    seal: &mut SealChains<'_>,
) -> Result<(), Failure> {
    refuse_unwritable(table, chains, seal)?;
    let connection = table.connections.get().await?;
    let heads = heard(begin(&connection, chains)).await?;
    let records = match sealed(table, chains, &heads, seal) {
        Ok(records) => records,
        Err(error) => {
            heard(async { Ok(connection.batch_execute("ROLLBACK").await?) }).await?;
            connection.give_back();
            return Err(error.into());
        }
    };
    // After a failed insertion the commit rolls back, so it need not wait for the answer.
    let (inserted, committed) = heard(async {
        Ok(join(
            insert(&connection, &records),
            connection.batch_execute("COMMIT"),
        )
        .await)
    })
    .await?;
    match (inserted, committed) {
        (Ok(()), Ok(())) => connection.give_back(),
        (Err(failure), Ok(())) => {
            let stored = if failure.is_taken() {
                heard(stored(&connection, &records)).await?
            } else {
                None
            };
            connection.give_back();
            return Err(match stored {
                Some(id) => duplicate(id, table.location).into(),
                None => failure,
            });
        }
        (Err(failure), Err(_)) => return Err(failure),
        (Ok(()), Err(error)) => return Err(error.into()),
    }
    Ok(())
}

/// Refuses the records of a chain whose name the server cannot be told.
fn refuse_unwritable(
    table: &Table<'_>,
    chains: &[Option<&str>],
    seal: &mut SealChains<'_>,
) -> Result<(), StorageError> {
    for (number, chain) in chains.iter().enumerate() {
        if chain.is_some_and(|tenant| tenant.contains('\0')) {
            let records = seal(number, None)?;
            refuse(table, *chain, &records)?;
        }
    }
    Ok(())
}

/// Refuses the first of the records that the table can never keep.
fn refuse(
    table: &Table<'_>,
    chain: Option<&str>,
    records: &[SealedRecord],
) -> Result<(), StorageError> {
    let widths = table.connections.widths();
    for record in records {
        if let Some(reason) = widths.refuse(record, chain) {
            return Err(StorageError::Refused {
                id: record.columns.id.clone(),
                location: table.location.to_owned(),
                reason,
            });
        }
    }
    Ok(())
}

/// Gives up on a server that says nothing.
async fn heard<T>(answer: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::time::timeout(SILENCE, answer)
        .await
        .unwrap_or(Err(Failure::Silent(SILENCE)))
}

/// Begins the transaction, locks the chains and reads their heads: one round trip.
async fn begin(connection: &Connection, chains: &[Option<&str>]) -> Result<Heads, Failure> {
    let mut names: Vec<String> = chains
        .iter()
        .map(|chain| chain.map_or(String::new(), |tenant| format!(":{tenant}")))
        .collect();
    names.sort_unstable();
    let tenants: Vec<&str> = chains.iter().flatten().copied().collect();
    let (names, tenants) = (
        [(&names as _, Type::TEXT_ARRAY)],
        [(&tenants as _, Type::TEXT_ARRAY)],
    );
    // Sent in this order, and answered in it.
    let global = async {
        match chains.contains(&None) {
            true => connection.query_typed(GLOBAL_HEAD, &[]).await,
            false => Ok(Vec::new()),
        }
    };
    let ((), _, of_tenants, global) = try_join4(
        connection.batch_execute(BEGIN),
        connection.query_typed(LOCK, &names),
        connection.query_typed(HEADS, &tenants),
        global,
    )
    .await?;
    let mut heads = Heads::new();
    for row in of_tenants.iter().chain(&global) {
        let head = row::head(row.try_get(1)?, row.try_get(2)?)?;
        heads.insert(row.try_get(0)?, head);
    }
    Ok(heads)
}

/// The records of all chains, checked.
fn sealed(
    table: &Table<'_>,
    chains: &[Option<&str>],
    heads: &Heads,
    seal: &mut SealChains<'_>,
) -> Result<Vec<SealedRecord>, StorageError> {
    let location = table.location;
    let mut all = Vec::new();
    for (number, chain) in chains.iter().enumerate() {
        let head = heads.get(&chain.map(str::to_owned));
        let mut records = seal(number, head)?;
        check_links(location, head, &records)?;
        for record in &mut records {
            let columns = &mut record.columns;
            match &columns.tenant_id {
                None => columns.tenant_id = chain.map(str::to_owned),
                Some(tenant) if Some(tenant.as_str()) == *chain => {}
                Some(tenant) => {
                    return Err(StorageError::Unlinked {
                        location: location.to_owned(),
                        reason: format!(
                            "capsule {} names the tenant {tenant}, whose chain is another one",
                            columns.id,
                        ),
                    });
                }
            }
        }
        refuse(table, *chain, &records)?;
        all.append(&mut records);
    }
    let mut ids = HashSet::with_capacity(all.len());
    let repeated = all.iter().find(|record| !ids.insert(&record.columns.id));
    match repeated {
        Some(record) => Err(duplicate(record.columns.id.clone(), location)),
        None => Ok(all),
    }
}

async fn insert(connection: &Connection, records: &[SealedRecord]) -> Result<(), Failure> {
    let rows = records.chunks(ROWS);
    let inserted = join_all(rows.map(|rows| insert_rows(connection, rows))).await;
    // What follows a failure fails as well, and does not know why.
    inserted.into_iter().collect()
}

async fn insert_rows(connection: &Connection, records: &[SealedRecord]) -> Result<(), Failure> {
    let text =
        |read: fn(&SealedRecord) -> &str| -> Vec<&str> { records.iter().map(read).collect() };
    let optional = |read: fn(&SealedRecord) -> Option<&str>| -> Vec<Option<&str>> {
        records.iter().map(read).collect()
    };
    let sequences: Vec<i64> = records
        .iter()
        .map(|record| record.columns.sequence)
        .collect();
    let texts = [
        text(|record| &record.columns.id),
        text(|record| &record.columns.kind),
        text(|record| &record.content),
        text(|record| &record.hash),
        text(|record| &record.signature),
        text(|record| &record.signature_pq),
        text(|record| record.columns.domain.as_deref().unwrap_or(DOMAIN)),
    ];
    let optionals = [
        optional(|record| record.columns.previous_hash.as_deref()),
        optional(|record| record.signed_at.as_deref()),
        optional(|record| record.signed_by.as_deref()),
        optional(|record| record.columns.session_id.as_deref()),
        optional(|record| record.columns.tenant_id.as_deref()),
    ];
    let values: [&(dyn ToSql + Sync); 13] = [
        &texts[0],
        &texts[1],
        &sequences,
        &optionals[0],
        &texts[2],
        &texts[3],
        &texts[4],
        &texts[5],
        &optionals[1],
        &optionals[2],
        &optionals[3],
        &texts[6],
        &optionals[4],
    ];
    let mut parameters = values.map(|value| (value, Type::TEXT_ARRAY));
    parameters[2].1 = Type::INT8_ARRAY;
    connection.query_typed(INSERT, &parameters).await?;
    Ok(())
}

/// The first of these ids that the table has.
async fn stored(
    connection: &Connection,
    records: &[SealedRecord],
) -> Result<Option<String>, Failure> {
    let ids: Vec<&str> = records
        .iter()
        .map(|record| record.columns.id.as_str())
        .collect();
    let rows = connection
        .query_typed(
            "SELECT id FROM quantumpipes_capsules WHERE id = ANY($1) LIMIT 1",
            &[(&ids, Type::TEXT_ARRAY)],
        )
        .await?;
    Ok(match rows.first() {
        Some(row) => Some(row.try_get(0)?),
        None => None,
    })
}

fn duplicate(id: String, location: &str) -> StorageError {
    StorageError::Duplicate {
        id,
        location: location.to_owned(),
    }
}
