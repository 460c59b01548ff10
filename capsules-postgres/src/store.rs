//! The store.

use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::time::Duration;

use capsules_core::storage::{SealChains, SealNext};
use capsules_core::{Filter, Head, RecordRef, SealedRecord, Storage, StorageError, Uuid};
use futures_util::poll;
use tokio_postgres::Row;

use crate::append;
use crate::connection::{Connection, Connections};
use crate::failure::{Attempt, Failure};
use crate::options::PostgresOptions;
use crate::query::{self, Cursor, Query};
use crate::row;

/// A chain is read in portions of this many records.
const PORTION: usize = 1_000;

/// A store in a PostgreSQL database.
///
/// There is one chain per tenant and one for the records without a tenant. Many processes on many
/// machines may append at once: the head of a chain is read under a lock of that chain
/// (`pg_advisory_xact_lock`), so writers to different tenants never wait for each other. A writer
/// of another implementation, which takes no lock, is noticed by the unique index over places, and
/// what was sealed for a taken place is sealed again.
pub struct PostgresStorage {
    pub(crate) connections: Connections,
    pub(crate) location: String,
    pub(crate) read_only: bool,
}

impl PostgresStorage {
    /// Connects, and makes the table where it does not exist.
    ///
    /// `url` is a `postgresql://` URL as other PostgreSQL clients take it; what it leaves open
    /// comes from their environment variables (`PGHOST`, `PGUSER`, `PGPASSWORD` …) and from the
    /// password file.
    ///
    /// # Errors
    ///
    /// [`StorageError::Unreachable`] when there is no server to talk to now, else
    /// [`StorageError::Open`]. Both name user, host and database, and what to do. The password is in
    /// no error.
    pub fn open(url: &str) -> Result<Self, StorageError> {
        PostgresOptions::new().open(url)
    }

    /// Connects for reading. The table is not made, and nothing can be appended.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn open_read_only(url: &str) -> Result<Self, StorageError> {
        PostgresOptions::new().read_only(true).open(url)
    }

    /// Why nothing can be appended, if the server or the rights of the role forbid it. Nothing is
    /// tried.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the server cannot be asked.
    pub fn forbids_appending(&self) -> Result<Option<&'static str>, StorageError> {
        let rows = self.rows(&query::permission())?;
        let read = |column| rows.first().map_or(Ok(false), |row| row.try_get(column));
        let read = |column| read(column).map_err(|error| self.failed(Attempt::Read)(error.into()));
        Ok(match (read(0)?, read(1)?) {
            (true, _) => Some("the server is a read-only replica, or is set to read only"),
            (false, false) => Some("the role may not insert into quantumpipes_capsules"),
            (false, true) => None,
        })
    }

    fn failed(&self, attempt: Attempt) -> impl Fn(Failure) -> StorageError + '_ {
        move |failure| failure.during(attempt, &self.location)
    }

    /// Runs a query that reads, on a connection of its own. A connection that the server had
    /// closed since it was last used is replaced once.
    fn read<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        mut read: impl FnMut(Connection) -> F,
    ) -> Result<T, StorageError> {
        self.connections
            .wait(async {
                let connection = self.connections.get().await?;
                match read(connection).await {
                    Err(failure) if failure.is_cut() => read(self.connections.get().await?).await,
                    result => result,
                }
            })
            .map_err(self.failed(Attempt::Read))
    }

    fn rows(&self, query: &Query) -> Result<Vec<Row>, StorageError> {
        self.read(|connection| async move {
            let rows = connection
                .query_typed(&query.sql, &query.parameters())
                .await?;
            connection.give_back();
            Ok(rows)
        })
    }

    fn one(&self, query: &Query) -> Result<Option<SealedRecord>, StorageError> {
        let rows = self.rows(query)?;
        let record = rows.first().map(|row| Ok(row::read(row)?.to_owned()));
        record.transpose().map_err(self.failed(Attempt::Read))
    }

    fn all(&self, query: &Query) -> Result<Vec<SealedRecord>, StorageError> {
        let rows = self.rows(query)?;
        rows.iter()
            .map(|row| Ok(row::read(row)?.to_owned()))
            .collect::<Result<_, Failure>>()
            .map_err(self.failed(Attempt::Read))
    }

    /// Streams a query's rows through a cursor: the server keeps one point in time, and one
    /// portion is on its way while another is visited.
    fn stream(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let stream = async {
            let connection = self.connections.get().await?;
            let declare = format!("DECLARE capsules NO SCROLL CURSOR FOR {}", query.sql);
            connection.batch_execute("BEGIN READ ONLY").await?;
            connection
                .query_typed(&declare, &query.parameters())
                .await?;
            let fetch = format!("FETCH {PORTION} FROM capsules");
            let mut rows = connection.query_typed(&fetch, &[]).await?;
            let mut done = false;
            while !done && !rows.is_empty() {
                let last = rows.len() < PORTION;
                let mut next = Box::pin(connection.query_typed(&fetch, &[]));
                // Sends the request.
                let arrived = if last { None } else { Some(poll!(&mut next)) };
                for row in &rows {
                    if visit(row::read(row)?).is_break() {
                        done = true;
                        break;
                    }
                }
                rows = match arrived {
                    None => Vec::new(),
                    Some(std::task::Poll::Ready(rows)) => rows?,
                    Some(std::task::Poll::Pending) => next.await?,
                };
            }
            connection.batch_execute("COMMIT").await?;
            connection.give_back();
            Ok(())
        };
        self.connections
            .wait(stream)
            .map_err(self.failed(Attempt::Read))
    }

    /// Where a listing goes on from.
    fn cursor(&self, filter: &Filter) -> Result<Option<Cursor>, StorageError> {
        let Some(id) = &filter.beyond else {
            return Ok(None);
        };
        let rows = self.rows(&query::cursor(id, filter))?;
        let Some(row) = rows.first() else {
            return Err(StorageError::NoCursor {
                id: id.clone(),
                location: self.location.clone(),
            });
        };
        let read = || {
            Ok(Cursor {
                id: id.clone(),
                sequence: row.try_get(0)?,
                sealed: row.try_get(1)?,
            })
        };
        read().map(Some).map_err(self.failed(Attempt::Read))
    }

    /// Visits what a filter selects, of which the content decides.
    fn stream_selected(
        &self,
        query: &Query,
        filter: &Filter,
        visit: &mut dyn FnMut(SealedRecord) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.stream(query, &mut |record| {
            let record = record.to_owned();
            if filter.selects(&record) {
                visit(record)
            } else {
                ControlFlow::Continue(())
            }
        })
    }
}

impl Storage for PostgresStorage {
    fn prepare(&self) -> Result<(), StorageError> {
        self.connections
            .wait(self.connections.prepare(Duration::MAX))
            .map_err(self.failed(Attempt::Open))
    }

    fn append(&self, tenant: Option<&str>, seal: &mut SealNext<'_>) -> Result<(), StorageError> {
        self.append_all(&[tenant], &mut |_, head| seal(head))
    }

    fn append_all(
        &self,
        chains: &[Option<&str>],
        seal: &mut SealChains<'_>,
    ) -> Result<(), StorageError> {
        if self.read_only {
            return Err(
                Failure::found("it was opened read-only").during(Attempt::Write, &self.location)
            );
        }
        let table = append::Table {
            connections: &self.connections,
            location: &self.location,
        };
        self.connections
            .wait(append::append(&table, chains, seal))
            .map_err(self.failed(Attempt::Write))
    }

    fn chain_of<'t>(&self, tenant: Option<&'t str>) -> Option<&'t str> {
        tenant
    }

    fn chains(&self) -> Result<Vec<Option<String>>, StorageError> {
        let rows = self.rows(&query::chains())?;
        let chains = rows.iter().map(|row| Ok(row.try_get(0)?));
        chains
            .collect::<Result<_, Failure>>()
            .map_err(self.failed(Attempt::Read))
    }

    fn heads(&self) -> Result<Vec<(Option<String>, Head)>, StorageError> {
        let rows = self.rows(&query::heads())?;
        let heads = rows.iter().map(|row| {
            Ok((
                row.try_get(0)?,
                row::head(row.try_get(1)?, row.try_get(2)?)?,
            ))
        });
        heads
            .collect::<Result<_, Failure>>()
            .map_err(self.failed(Attempt::Read))
    }

    fn record_at(
        &self,
        chain: Option<&str>,
        sequence: u64,
    ) -> Result<Option<SealedRecord>, StorageError> {
        self.one(&query::by_place(chain, sequence))
    }

    fn get(&self, id: &Uuid) -> Result<Option<SealedRecord>, StorageError> {
        self.one(&query::by_id(id))
    }

    fn get_many(&self, ids: &[Uuid]) -> Result<Vec<SealedRecord>, StorageError> {
        self.all(&query::by_ids(ids))
    }

    fn get_by_hash(&self, hash: &str) -> Result<Option<SealedRecord>, StorageError> {
        self.one(&query::by_hash(hash))
    }

    fn head(&self, tenant: Option<&str>) -> Result<Option<Head>, StorageError> {
        let rows = self.rows(&query::head(tenant))?;
        let head = rows
            .first()
            .map(|row| row::head(row.try_get(0)?, row.try_get(1)?));
        head.transpose().map_err(self.failed(Attempt::Read))
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
        tenant: Option<&str>,
        from: u64,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.stream(&query::scan(tenant, from), visit)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<SealedRecord>, StorageError> {
        let query = query::list(filter, self.cursor(filter)?.as_ref());
        if query::asks_content(filter) {
            let mut records = Vec::new();
            let mut passed = 0;
            let limit = filter.limit.unwrap_or(u64::MAX);
            if limit == 0 {
                return Ok(records);
            }
            self.stream_selected(&query, filter, &mut |record| {
                if passed < filter.offset {
                    passed += 1;
                } else {
                    records.push(record);
                }
                if records.len() as u64 == limit {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
            return Ok(records);
        }
        self.all(&query)
    }

    fn count(&self, filter: &Filter) -> Result<u64, StorageError> {
        if query::asks_content(filter) {
            let mut count = 0;
            self.stream_selected(&query::list(filter, None), filter, &mut |_| {
                count += 1;
                ControlFlow::Continue(())
            })?;
            return Ok(count);
        }
        let rows = self.rows(&query::count(filter))?;
        let count: i64 = rows
            .first()
            .map_or(Ok(0), |row| row.try_get(0))
            .map_err(|error| self.failed(Attempt::Read)(error.into()))?;
        Ok(count.unsigned_abs())
    }

    /// Every append is durable when it returns, so nothing is waited for.
    fn close(&self) -> Result<(), StorageError> {
        self.connections.close();
        Ok(())
    }

    fn location(&self) -> String {
        self.location.clone()
    }
}

impl fmt::Debug for PostgresStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStorage")
            .field("location", &self.location)
            .field("read_only", &self.read_only)
            .finish_non_exhaustive()
    }
}
