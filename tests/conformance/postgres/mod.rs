//! The PostgreSQL store, on a throw-away server.

#[path = "../suite/mod.rs"]
mod suite;

use capsules_postgres::PostgresStorage;
use capsules_tests::postgres::server;

use crate::fixture::Store;

fn open() -> Option<Store> {
    let url = server()?.schema();
    Some(Store::new(PostgresStorage::open(&url).unwrap(), None))
}
