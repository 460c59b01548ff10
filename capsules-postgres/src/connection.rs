//! Connections: a pool of them, driven by a thread of the store's own, to a database whose table is
//! ready.

use std::future::Future;
use std::ops::Deref;
use std::sync::OnceLock;
use std::time::Duration;

use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime as PoolRuntime,
    TimeoutType, Timeouts,
};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::coop::unconstrained;
use tokio_postgres::NoTls;

use crate::config::{Config, SslMode};
use crate::failure::Failure;
use crate::schema::{self, Widths};
use crate::tls;

pub(crate) struct Connections {
    pool: Pool,
    handle: Handle,
    /// Until the store is dropped.
    runtime: Option<Runtime>,
    /// How long a caller waits for a free connection, and for the server to accept a new one.
    patience: Duration,
    /// Whether the table is made where it does not exist.
    creates: bool,
    /// Since the first connection has looked at the table.
    widths: OnceLock<Widths>,
}

impl Connections {
    /// Nothing is connected yet.
    pub(crate) fn new(
        config: &Config,
        most: usize,
        patience: Duration,
        creates: bool,
    ) -> Result<Self, Failure> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("capsules-postgres")
            .enable_all()
            .build()
            .map_err(|error| Failure::found(format!("cannot start a thread: {error}")))?;
        // A connection that was left in the middle of something is never given back.
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = match config.ssl.mode {
            SslMode::Disable => Manager::from_config(config.driver.clone(), NoTls, recycling),
            _ => {
                let connector = tls::connector(&config.ssl).map_err(Failure::Found)?;
                Manager::from_config(config.driver.clone(), connector, recycling)
            }
        };
        let pool = Pool::builder(manager)
            .max_size(most)
            .runtime(PoolRuntime::Tokio1)
            .build()
            .map_err(|error| Failure::found(error.to_string()))?;
        Ok(Self {
            pool,
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
            patience,
            creates,
            widths: OnceLock::new(),
        })
    }

    /// Waits for a future on the calling thread, which may be one of a host's runtime; what the
    /// future needs of a runtime is this store's.
    pub(crate) fn wait<F: Future>(&self, future: F) -> F::Output {
        let _context = self.handle.enter();
        // The host's budget for cooperative tasks would never be filled up here.
        pollster::block_on(unconstrained(future))
    }

    /// A connection of the pool, or a new one. The first looks at the server and the table, and
    /// makes that where it may: not every server can be reached when a store is opened.
    pub(crate) async fn get(&self) -> Result<Connection, Failure> {
        let connection = self.connect().await?;
        if self.widths.get().is_none() {
            let widths = schema::prepare(&connection, self.creates).await?;
            // Another thread may have been first.
            let _ = self.widths.set(widths);
        }
        Ok(connection)
    }

    /// How much the table's columns hold, as far as it is known.
    pub(crate) fn widths(&self) -> Widths {
        self.widths.get().cloned().unwrap_or_default()
    }

    /// Looks at the server and the table, waiting no longer than this.
    pub(crate) async fn prepare(&self, at_most: Duration) -> Result<(), Failure> {
        let limit = self.patience.min(at_most);
        let connection = tokio::time::timeout(limit, self.get())
            .await
            .unwrap_or(Err(Failure::Silent(limit)))?;
        connection.give_back();
        Ok(())
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        let limits = Timeouts {
            wait: Some(self.patience),
            create: Some(self.patience),
            recycle: None,
        };
        match self.pool.timeout_get(&limits).await {
            Ok(client) => Ok(Connection {
                client: Some(client),
                reusable: false,
            }),
            Err(PoolError::Backend(error)) => Err(error.into()),
            Err(PoolError::Closed) => Err(Failure::Closed),
            Err(PoolError::Timeout(TimeoutType::Create)) => Err(Failure::Silent(self.patience)),
            Err(PoolError::Timeout(_)) => Err(Failure::Busy(self.patience)),
            Err(other) => Err(Failure::found(other.to_string())),
        }
    }

    pub(crate) fn close(&self) {
        self.pool.close();
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.pool.close();
        // Waiting for its thread is not allowed where the host's runtime drops the store.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A connection. It goes back to the pool only when it was said to be reusable; whatever ends
/// early, by an error or a panic, takes its open transaction with it.
pub(crate) struct Connection {
    client: Option<Object>,
    reusable: bool,
}

impl Connection {
    /// Nothing is open on the connection.
    pub(crate) fn give_back(mut self) {
        self.reusable = true;
    }
}

impl Deref for Connection {
    type Target = tokio_postgres::Client;

    #[allow(clippy::expect_used, reason = "taken only when dropped")]
    fn deref(&self) -> &Self::Target {
        self.client.as_ref().expect("a connection has a client")
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !self.reusable
            && let Some(client) = self.client.take()
        {
            drop(Object::take(client));
        }
    }
}
