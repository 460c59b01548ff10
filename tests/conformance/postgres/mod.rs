//! The PostgreSQL store, on a throw-away server.

#[path = "../suite/mod.rs"]
mod suite;

use capsules_postgres::PostgresStorage;
use capsules_tests::postgres::server;

use crate::fixture::{Store, assert_torn, fill, tear};

fn open() -> Option<Store> {
    let url = server()?.schema();
    Some(Store::new(PostgresStorage::open(&url).unwrap(), None))
}

#[test]
fn a_place_of_a_torn_chain_has_its_own_record_or_none() {
    let Some(server) = server() else { return };
    let url = server.schema();
    let store = PostgresStorage::open(&url).unwrap();
    fill(&store, 3);
    let sql = tear("quantumpipes_capsules");
    server.client(&url).batch_execute(&sql).unwrap();
    assert_torn(&store);
}
