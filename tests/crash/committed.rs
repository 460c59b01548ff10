//! `Committed`: when the call has returned, anybody finds its capsule in the store.

use capsules::{Capsules, Durability, Storage, Uuid, audit};

use crate::support::Trail;

#[audit(type = "tool", durability = "committed")]
fn by_attribute() -> Uuid {
    capsules::current().id().unwrap()
}

#[audit(type = "tool", durability = "committed")]
async fn async_by_attribute() -> Uuid {
    tokio::task::yield_now().await;
    capsules::current().id().unwrap()
}

#[audit(type = "tool")]
fn by_instance() -> Uuid {
    capsules::current().id().unwrap()
}

/// Through a connection of its own, as another process would.
#[track_caller]
fn assert_stored(trail: &Trail, id: Uuid) {
    assert!(
        trail.store().get(&id).unwrap().is_some(),
        "not in the store"
    );
}

fn open(trail: &Trail, durability: Durability) -> Capsules {
    let builder = Capsules::builder().data_dir(trail.path());
    builder.durability(durability).build().unwrap()
}

#[test]
fn a_function_that_asks_for_it() {
    let trail = Trail::new();
    let capsules = open(&trail, Durability::Journaled);
    for _ in 0..50 {
        assert_stored(&trail, capsules.scope_sync(by_attribute));
    }
}

#[tokio::test]
async fn an_asynchronous_function_that_asks_for_it() {
    let trail = Trail::new();
    let capsules = open(&trail, Durability::Memory);
    for _ in 0..50 {
        assert_stored(&trail, capsules.scope(async_by_attribute()).await);
    }
}

#[test]
fn an_instance_that_asks_for_it() {
    let trail = Trail::new();
    let capsules = open(&trail, Durability::Committed);
    for _ in 0..50 {
        assert_stored(&trail, capsules.scope_sync(by_instance));
    }
}

/// The journal does not say that they have ended.
#[test]
fn nothing_of_it_is_left_to_recover() {
    let trail = Trail::new();
    let mut writer = trail.start(env!("CARGO_BIN_EXE_writer"), &["committed"]);
    while trail.log().returned.len() < 20 {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    writer.kill().unwrap();
    writer.wait().unwrap();
    let (actions, pending) = trail.assert_nothing_lost();
    assert!(actions >= 20 && pending <= 1, "{actions}, {pending}");
}
