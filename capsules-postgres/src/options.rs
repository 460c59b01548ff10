//! How a store is opened.

use std::time::Duration;

use capsules_core::StorageError;

use crate::config::{Config, environment, unreadable};
use crate::connection::Connections;
use crate::failure::{Attempt, Failure};
use crate::store::PostgresStorage;

/// How long whoever can do without a server is kept waiting for one.
const AWAY: Duration = Duration::from_secs(5);

/// How a PostgreSQL database is opened.
///
/// ```no_run
/// use capsules_postgres::PostgresOptions;
///
/// let store = PostgresOptions::new()
///     .max_connections(4)
///     .open("postgresql://recorder@localhost/audit")?;
/// # Ok::<(), capsules_core::StorageError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    max_connections: usize,
    patience: Duration,
    read_only: bool,
    may_be_away: bool,
}

impl PostgresOptions {
    /// For reading and writing, over at most eight connections.
    pub fn new() -> Self {
        Self {
            max_connections: 8,
            patience: Duration::from_secs(30),
            read_only: false,
            may_be_away: false,
        }
    }

    /// How many connections are open at most. One writes, and each read that runs takes another.
    pub fn max_connections(mut self, most: usize) -> Self {
        self.max_connections = most.max(1);
        self
    }

    /// How long a call waits for a free connection, and for the server to accept a new one, before
    /// it fails.
    pub fn connection_timeout(mut self, timeout: Duration) -> Self {
        self.patience = timeout;
        self
    }

    /// Reads only, as [`PostgresStorage::open_read_only`] does.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Whether the store is opened although there is no server to talk to: nobody answers within
    /// five seconds, a name is not known, the server is starting, or none of several takes writes.
    /// Each call fails then until there is one; [`prepare`](capsules_core::Storage::prepare) tells. What waiting
    /// cannot cure, such as a wrong password, is an error all the same where a server says so.
    pub fn may_be_away(mut self, may_be_away: bool) -> Self {
        self.may_be_away = may_be_away;
        self
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// Those of [`PostgresStorage::open`].
    pub fn open(&self, url: &str) -> Result<PostgresStorage, StorageError> {
        let config = Config::read(url, &environment).map_err(unreadable)?;
        let failed = |failure: Failure| failure.during(Attempt::Open, &config.location);
        let creates = !self.read_only;
        let connections = Connections::new(&config, self.max_connections, self.patience, creates)
            .map_err(failed)?;
        let at_most = if self.may_be_away {
            AWAY
        } else {
            Duration::MAX
        };
        match connections.wait(connections.prepare(at_most)) {
            Err(failure) if self.may_be_away && failure.is_absence() => {}
            prepared => prepared.map_err(failed)?,
        }
        Ok(PostgresStorage {
            connections,
            location: config.location,
            read_only: self.read_only,
        })
    }
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self::new()
    }
}
