//! The PostgreSQL store of Capsules: one table on a server that many processes and machines share,
//! with one chain per tenant and one for the records without a tenant.
//!
//! ```no_run
//! use capsules_core::Storage;
//! use capsules_postgres::PostgresStorage;
//!
//! let store = PostgresStorage::open("postgresql://recorder@db.example.com/audit?sslmode=verify-full")?;
//! println!("{:?}", store.head(Some("acme"))?);
//! # Ok::<(), capsules_core::StorageError>(())
//! ```
//!
//! The table is `quantumpipes_capsules`. It is made where it does not exist, with wider types than
//! other implementations choose; a table that another implementation made is used as it is.
//!
//! Calls block the calling thread, as those of every [`Storage`](capsules_core::Storage) do. The
//! connections are driven by one thread of the store's own, so no runtime is needed.

mod append;
mod config;
mod connection;
mod failure;
mod options;
mod query;
mod row;
mod schema;
mod store;
mod tls;

pub use config::fingerprint;
pub use options::PostgresOptions;
pub use store::PostgresStorage;
