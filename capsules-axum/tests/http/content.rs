//! Content that somebody else has chosen.

use serde_json::Value;

use crate::support::{Store, act};

/// What runs where it is taken for markup, script, a template or a line of a stream.
const PAYLOADS: [&str; 8] = [
    "<script>alert(1)</script>",
    "<svg onload=alert(1)>",
    "\"><img src=x onerror=alert(1)>",
    "</title><iframe srcdoc='<script>parent.x=1</script>'>",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)} <%= 7*7 %> javascript:alert(1)",
    "data: x\n\nevent: report\ndata: {}\r\n\r\nid: 9",
    "\u{2028}\u{2029}\u{202e}\u{0} \u{feff}",
];

#[tokio::test]
async fn it_is_sent_as_json_and_nothing_else() {
    let store = Store::empty();
    for payload in PAYLOADS {
        let _ = store
            .capsules
            .scope_sync(|| act(payload, &format!("fail {payload}")));
    }
    store.flush();
    let client = store.client();
    let page = client.json("/").await;
    let newest_first = page["capsules"].as_array().unwrap();
    for (capsule, payload) in newest_first.iter().rev().zip(PAYLOADS) {
        assert_eq!(capsule["outcome"]["error"], format!("fail {payload}"));
    }
    let id = newest_first[0]["id"].as_str().unwrap();
    for path in [
        "/",
        &format!("/{id}"),
        &format!("/{id}/tree"),
        "/stats",
        "/sessions",
        "/verify/report",
    ] {
        let reply = client.get(path).await;
        assert_eq!(reply.header("content-type"), "application/json", "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        let _: Value = reply.json();
    }
}

#[tokio::test]
async fn it_ends_no_event() {
    let store = Store::empty();
    for payload in PAYLOADS {
        let _ = store.capsules.scope_sync(|| act("acme", payload));
    }
    store.flush();
    // Foreign programs may break the lines of what they store.
    store.tamper("UPDATE capsules SET data = replace(data, ',\"trigger\":', char(13) || char(10) || char(10) || ',\"trigger\":')");
    let mut body = store.client().open("/events?after=0").await.into_body();
    let mut text = String::new();
    while text.matches("id: 7\n").count() == 0 {
        text += &crate::support::piece(&mut body, std::time::Duration::from_secs(30))
            .await
            .unwrap();
    }
    let events: Vec<_> = text
        .split("\n\n")
        .filter(|event| !event.trim().is_empty())
        .collect();
    assert_eq!(events.len(), PAYLOADS.len() - 1, "{text}");
    for (event, payload) in events.iter().zip(&PAYLOADS[1..]) {
        assert!(event.contains("event: capsule\n"), "{event}");
        let lines = event.lines().filter_map(|line| line.strip_prefix("data:"));
        let data: Vec<_> = lines
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        let capsule: Value = serde_json::from_str(&data.join("\n")).unwrap();
        assert_eq!(capsule["outcome"]["result"], *payload);
    }
}

/// What cannot be read is evidence as well.
#[tokio::test]
async fn damaged_content_is_shown_as_the_text_that_it_is() {
    let store = Store::of_two_tenants();
    let record = &store.records()[3];
    let id = &record.columns.id;
    store.tamper(&format!(
        "UPDATE capsules SET data = '{{\"id\": <b>' WHERE id = '{id}'"
    ));
    let client = store.client();
    let shown = client.json(&format!("/{id}")).await;
    assert_eq!(shown["id"], id.as_str());
    assert_eq!(shown["hash"], record.hash.as_str());
    assert_eq!(shown["unreadable"]["content"], "{\"id\": <b>");
    let page = client.json("/").await;
    assert_eq!(page["capsules"][3], shown);
    assert_eq!(client.json("/stats").await["unreadable"], 1);
    assert_eq!(client.json("/verify").await["valid"], false);
}
