//! One capsule, its tree, and the keys.

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Client, PREFIX, Reply, Store};

#[tokio::test]
async fn a_record_is_what_is_stored() {
    let store = Store::of_two_tenants();
    let client = store.client();
    for record in store.records() {
        let expected: Value = serde_json::from_str(&record.to_json().unwrap()).unwrap();
        let id = &record.columns.id;
        assert_eq!(client.json(&format!("/{id}")).await, expected);
        assert_eq!(
            client.json(&format!("/{}", id.to_uppercase())).await,
            expected
        );
        assert_eq!(
            client.json(&format!("/by-hash/{}", record.hash)).await,
            expected
        );
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let store = Store::of_two_tenants();
    let client = store.client();
    for path in [
        "/00000000-0000-4000-8000-000000000000",
        "/00000000-0000-4000-8000-000000000000/tree",
        &format!("/by-hash/{}", "ab".repeat(32)),
    ] {
        let reply = client.get(path).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        // A client of the protocol's other integrations reads this.
        assert_eq!(reply.json()["detail"], "Capsule not found");
    }
}

#[tokio::test]
async fn a_tree_is_shown_from_its_root() {
    let store = Store::of_two_tenants();
    let client = store.client();
    let tool = store
        .records()
        .into_iter()
        .find(|record| record.content.contains("book a room"))
        .unwrap();
    let tree = client.json(&format!("/{}/tree", tool.columns.id)).await;
    let nodes = tree["nodes"].as_array().unwrap();
    let shape: Vec<_> = nodes
        .iter()
        .map(|node| {
            (
                node["depth"].as_u64().unwrap(),
                node["type"].as_str().unwrap(),
                node["link"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        shape,
        [
            (0, "agent", "root"),
            (1, "agent", "child"),
            (1, "tool", "child"),
            (1, "tool", "child")
        ]
    );
    assert_eq!(nodes[0]["id"], nodes[1]["parent_id"]);
    assert_eq!(tree["is_cut"], false);
}

#[tokio::test]
async fn the_public_keys_are_those_of_the_keyring() {
    let store = Store::of_two_tenants();
    let keys = store.client().json("/keys").await;
    let seal = store.capsules.seal();
    assert_eq!(
        keys["keys"][0]["public_key_hex"],
        seal.public_key().to_string()
    );
    assert_eq!(keys["keys"][0]["fingerprint"], seal.fingerprint());
    assert_eq!(
        (&keys["keys"][0]["status"], &keys["keys"][0]["algorithm"]),
        (&json!("active"), &json!("ed25519"))
    );
}

/// With the slash of the protocol's other integrations, and without; and in both ways to nest.
#[tokio::test]
async fn the_router_can_be_nested() {
    let store = Store::of_two_tenants();
    for path in ["", "/", "/verify", "/explorer"] {
        assert_eq!(
            store.client().get(path).await.status,
            StatusCode::OK,
            "{path}"
        );
    }
    let nested: axum::Router =
        axum::Router::new().nest(PREFIX, capsules_axum::router(&store.capsules));
    for path in ["", "/verify", "/keys"] {
        let request = http::Request::get(format!("{PREFIX}{path}"))
            .body(axum::body::Body::empty())
            .unwrap();
        let response = tower::ServiceExt::oneshot(nested.clone(), request)
            .await
            .unwrap();
        assert_eq!(Reply::read(response).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_store_in_memory_will_do() {
    let capsules = capsules::Capsules::builder()
        .storage(capsules::storage::MemoryStorage::new())
        .signer(capsules::LocalSigner::generate().unwrap())
        .build()
        .unwrap();
    let client = Client::new(capsules_axum::Api::new(&capsules));
    assert_eq!(client.json("/").await["total"], 0);
    assert_eq!(client.json("/verify").await["valid"], true);
    capsules.scope_sync(|| crate::support::work("acme", "in memory", "s", &[("acme", "look")]));
    capsules.flush().wait().unwrap();
    let page = client.json("/?q=memory").await;
    assert_eq!(page["total"], 1);
    let id = page["capsules"][0]["id"].as_str().unwrap();
    let tree = client.json(&format!("/{id}/tree")).await;
    assert_eq!(tree["nodes"].as_array().unwrap().len(), 2);
    let anew = client.with("cache-control", "no-cache");
    assert_eq!(anew.json("/verify").await["capsules_verified"], 2);
}
