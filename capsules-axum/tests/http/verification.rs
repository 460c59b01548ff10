//! `GET /verify` and what belongs to it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use capsules::verify::TrustedKeys;
use capsules_axum::Api;
use http::StatusCode;
use serde_json::{Value, json};

use crate::endless::Endless;
use crate::support::{Client, Store, piece};

const VALID: [(&str, Value); 3] = [
    ("valid", Value::Bool(true)),
    ("error", Value::Null),
    ("broken_at", Value::Null),
];

#[tokio::test]
async fn a_sound_chain_passes_every_question() {
    let store = Store::of_two_tenants();
    let client = store.client();
    let reply = client.get("/verify").await;
    let verdict = reply.json();
    for (name, value) in VALID {
        assert_eq!(verdict[name], value, "{name}");
    }
    assert_eq!(verdict["capsules_verified"], 13);
    assert_eq!(verdict.as_object().unwrap().len(), 4);
    let head = &store.records()[0];
    assert_eq!(reply.header("capsules-head"), format!("12:{}", head.hash));

    let report = client.json("/verify/report").await;
    assert_eq!(
        (&report["level"], &report["head"]["hash"]),
        (&json!("signatures"), &json!(head.hash))
    );
    for question in report["questions"].as_array().unwrap() {
        let expected = match question["question"].as_str() {
            Some("post_quantum") => "not_checked",
            _ => "passed",
        };
        assert_eq!(question["verdict"], expected, "{question}");
    }
    assert_eq!(report["errors"], json!([]));
}

/// The verdict is that of the cryptography unless somebody asks for less.
#[tokio::test]
async fn a_change_is_found_and_named() {
    let store = Store::of_two_tenants();
    let broken = store.records()[12 - 4].clone();
    let id = broken.columns.id.as_str();
    store.tamper(&format!(
        "UPDATE capsules SET data = replace(data, 'PRIVATE', 'PUBLIC') WHERE id = '{id}'"
    ));
    let client = store.client();
    let expected = json!({
        "valid": false, "capsules_verified": 4,
        "error": "Content hash mismatch at sequence 4", "broken_at": id,
    });
    for level in ["", "?level=full", "?level=signatures"] {
        assert_eq!(
            client.json(&format!("/verify{level}")).await,
            expected,
            "{level}"
        );
    }
    assert_eq!(client.json("/verify?level=structural").await["valid"], true);
    let report = client.json("/verify/report").await;
    assert_eq!(report["errors"][0]["question"], "content");
    assert_eq!(report["errors"][0]["sequence"], 4);
    let mut body = client.open("/verify/stream").await.into_body();
    let mut text = String::new();
    while let Some(more) = piece(&mut body, Duration::from_secs(30)).await {
        text += &more;
    }
    let last = text.trim().rsplit("\n\n").next().unwrap();
    let data = last.strip_prefix("event: report\ndata: ").unwrap();
    let told: Value = serde_json::from_str(data).unwrap();
    assert_eq!(told["errors"], report["errors"]);
}

#[tokio::test]
async fn a_verdict_is_kept_with_its_age_until_somebody_wants_another() {
    let store = Store::of_two_tenants();
    let client = store.client();
    let checked_at =
        async |client: &Client| client.json("/verify/report").await["checked_at"].clone();
    let first = checked_at(&client).await;
    store.tamper("DELETE FROM capsules WHERE sequence = 12");
    let reply = client.get("/verify").await;
    assert!(
        reply.header("capsules-head").starts_with("12:"),
        "the head that was verified"
    );
    assert!(reply.header("age").parse::<u64>().is_ok());
    assert_eq!(checked_at(&client).await, first);
    let anew = client.with("cache-control", "max-age=0, No-Cache");
    assert_ne!(checked_at(&anew).await, first);
    assert!(
        client
            .get("/verify")
            .await
            .header("capsules-head")
            .starts_with("11:")
    );
    let never = Client::new(Api::new(&store.capsules).verdict_age(Duration::ZERO));
    assert_ne!(checked_at(&never).await, checked_at(&never).await);
}

#[tokio::test]
async fn without_a_key_nobody_is_told_that_signatures_are_wrong() {
    let store = Store::of_two_tenants();
    let storage = Arc::clone(store.capsules.storage());
    let client = Client::new(Api::of_store(storage, TrustedKeys::none()));
    let report = client.json("/verify/report").await;
    assert_eq!(
        (&report["valid"], &report["level"]),
        (&json!(true), &json!("full"))
    );
    let reply = client.get("/verify?level=signatures").await;
    assert_eq!(reply.status, StatusCode::CONFLICT);
    assert_eq!(client.json("/keys").await, json!({"keys": []}));
}

/// Somebody who has gone costs nothing more.
#[tokio::test(flavor = "multi_thread")]
async fn a_verification_ends_with_the_last_who_waits_for_it() {
    let endless = Arc::new(Endless::default());
    let client = Client::new(Api::of_store(
        Arc::clone(&endless) as _,
        TrustedKeys::none(),
    ));
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut body = client.open("/verify/stream").await.into_body();
        let progress = piece(&mut body, Duration::from_secs(30)).await.unwrap();
        assert!(
            progress.starts_with("event: progress\ndata: {\"verified\":"),
            "{progress}"
        );
        streams.push(body);
    }
    assert_eq!(
        endless.scans.load(Ordering::SeqCst),
        1,
        "one verification for both"
    );
    streams.pop();
    thread::sleep(Duration::from_millis(300));
    assert!(
        !endless.ended.load(Ordering::SeqCst),
        "somebody still waits"
    );
    streams.pop();
    for _ in 0..300 {
        if endless.ended.load(Ordering::SeqCst) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the scan goes on");
}
