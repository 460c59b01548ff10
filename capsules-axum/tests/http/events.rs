//! `GET /events`.

use std::time::Duration;

use axum::body::Body;
use http::StatusCode;

use crate::support::{Store, act, piece};

const PATIENCE: Duration = Duration::from_secs(30);

/// The ids of the next events.
async fn ids(body: &mut Body, count: usize) -> Vec<String> {
    let mut text = String::new();
    let ids = |text: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("id: "));
        lines.map(str::to_owned).collect()
    };
    while ids(&text).len() < count {
        text += &piece(body, PATIENCE).await.expect("an event in time");
    }
    ids(&text)
}

#[tokio::test(flavor = "multi_thread")]
async fn new_capsules_are_told() {
    let store = Store::of_two_tenants();
    let mut body = store.client().open("/events").await.into_body();
    store.capsules.scope_sync(|| act("acme", "first")).unwrap();
    assert_eq!(ids(&mut body, 1).await, ["13"]);
    store.capsules.scope_sync(|| act("acme", "second")).unwrap();
    assert_eq!(ids(&mut body, 1).await, ["14"]);
}

#[tokio::test]
async fn a_client_goes_on_where_it_was_cut_off() {
    let store = Store::of_two_tenants();
    let client = store.client();
    let mut body = client.open("/events?after=9").await.into_body();
    assert_eq!(ids(&mut body, 3).await, ["10", "11", "12"]);
    // What the browser says when it connects again counts more than the address that it has.
    let again = client.with("last-event-id", "11");
    let mut body = again.open("/events?after=9").await.into_body();
    assert_eq!(ids(&mut body, 1).await, ["12"]);
    let reply = client.with("last-event-id", "x").get("/events").await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn more_streams_than_agreed_are_refused() {
    let store = Store::of_two_tenants();
    let client =
        crate::support::Client::new(capsules_axum::Api::new(&store.capsules).concurrent_streams(1));
    let first = client.open("/events").await;
    assert_eq!(first.status(), StatusCode::OK);
    let second = client.get("/events").await;
    assert_eq!(
        second.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        second.text
    );
    drop(first);
    assert_eq!(client.open("/events").await.status(), StatusCode::OK);
}
