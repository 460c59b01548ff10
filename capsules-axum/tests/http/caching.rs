//! What need not be sent again, or not in full.

use capsules::SealedRecord;
use http::StatusCode;

use crate::support::{Store, act};

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let store = Store::of_two_tenants();
    let client = store.client();
    let id = store.records()[0].columns.id.clone();
    for path in [
        "/",
        "/?limit=3&type=tool",
        &format!("/{id}"),
        "/keys",
        "/stats",
        "/openapi.json",
        "/explorer",
    ] {
        let etag = client.get(path).await.header("etag").to_owned();
        assert!(etag.starts_with("W/\""), "{path}: {etag}");
        for known in [
            etag.clone(),
            etag[2..].to_owned(),
            format!("\"other\", {etag}"),
            "*".to_owned(),
        ] {
            let reply = client.with("if-none-match", &known).get(path).await;
            assert_eq!(reply.status, StatusCode::NOT_MODIFIED, "{path} {known}");
            assert_eq!(
                (reply.text.as_str(), reply.header("etag")),
                ("", etag.as_str())
            );
        }
        let reply = client.with("if-none-match", "W/\"other\"").get(path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_change_is_sent() {
    let store = Store::of_two_tenants();
    let client = store.client();
    let is_help = |record: &SealedRecord| record.content.contains("help again");
    let id = store
        .records()
        .into_iter()
        .find(is_help)
        .unwrap()
        .columns
        .id;
    let path = format!("/{id}");
    let [list, one] = [client.get("/").await, client.get(&path).await];
    let [list, one] = [list, one].map(|reply| reply.header("etag").to_owned());

    store.capsules.scope_sync(|| act("acme", "more")).unwrap();
    store.flush();
    assert_eq!(
        client.with("if-none-match", &list).get("/").await.status,
        StatusCode::OK
    );
    assert_eq!(
        client.with("if-none-match", &one).get(&path).await.status,
        StatusCode::NOT_MODIFIED
    );

    // The hash that the record states says nothing about what was put in its place.
    store.tamper(&format!(
        "UPDATE capsules SET data = replace(data, 'help', 'harm') WHERE id = '{id}'"
    ));
    let reply = client.with("if-none-match", &one).get(&path).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert!(reply.text.contains("harm again"), "{}", reply.text);
}

#[tokio::test]
async fn answers_are_compressed_and_streams_are_not() {
    let store = Store::of_two_tenants();
    let client = store.client().with("accept-encoding", "gzip");
    for path in ["/", "/verify/report", "/openapi.json"] {
        let response = client.open(path).await;
        assert_eq!(response.headers()["content-encoding"], "gzip", "{path}");
        assert_eq!(response.headers()["vary"], "accept-encoding", "{path}");
    }
    for path in ["/verify/stream", "/events"] {
        let response = client.open(path).await;
        assert!(
            !response.headers().contains_key("content-encoding"),
            "{path}"
        );
        assert_eq!(
            response.headers()["content-type"],
            "text/event-stream",
            "{path}"
        );
    }
}
