//! `GET /`: pages, filters, totals and searches; and what is found with the index.

use capsules::SealedRecord;
use serde_json::{Value, json};

use crate::support::{Client, Store, act};

fn ids(page: &Value) -> Vec<String> {
    let capsules = page["capsules"].as_array().unwrap();
    capsules
        .iter()
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Follows the links from a page to the last one.
async fn all_pages(client: &Client, first: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut path = first.to_owned();
    loop {
        let reply = client.get(&path).await;
        pages.push(ids(&reply.json()));
        let link = reply.header("link");
        let Some(target) = link.strip_prefix("</?").or(link.strip_prefix("<?")) else {
            assert_eq!(link, "");
            return pages;
        };
        path = format!("/?{}", target.strip_suffix(">; rel=\"next\"").unwrap());
    }
}

#[tokio::test]
async fn a_page_has_the_keys_of_the_protocols_integration() {
    let store = Store::of_two_tenants();
    let page = store.client().json("/?limit=2&offset=1").await;
    let keys: Vec<_> = page.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["capsules", "limit", "offset", "total"]);
    assert_eq!(
        (&page["limit"], &page["offset"], &page["total"]),
        (&json!(2), &json!(1), &json!(13))
    );
    let expected: Vec<_> = store.records()[1..3]
        .iter()
        .map(|record| record.columns.id.clone())
        .collect();
    assert_eq!(ids(&page), expected);
    let whole = store.client().json("").await;
    assert_eq!(whole["limit"], 20);
    assert_eq!(whole["capsules"].as_array().unwrap().len(), 13);
}

#[tokio::test]
async fn links_lead_to_every_capsule_once() {
    let store = Store::of_two_tenants();
    let all: Vec<_> = store
        .records()
        .iter()
        .map(|record| record.columns.id.clone())
        .collect();
    for limit in [1, 4, 13, 20] {
        let pages = all_pages(&store.client(), &format!("/?limit={limit}")).await;
        assert_eq!(pages.len(), 13_usize.div_ceil(limit), "{limit}");
        assert_eq!(pages.concat(), all, "{limit}");
    }
    let failed = all_pages(&store.client(), "/?limit=1&status=failure&q=fail").await;
    assert_eq!(failed.len(), 3);
}

/// However few there are on each.
#[tokio::test]
async fn large_capsules_take_more_pages() {
    let store = Store::of_two_tenants();
    store.tamper(
        "UPDATE capsules SET data = json_object('a', hex(zeroblob(5000000))) WHERE sequence > 9",
    );
    let all: Vec<_> = store
        .records()
        .into_iter()
        .map(|record| record.columns.id)
        .collect();
    let client = store.client();
    let page = client.get("/?limit=100").await;
    assert!(page.text.len() < 17 << 20, "{}", page.text.len());
    assert_eq!(page.json()["total"], 13);
    let mut found = Vec::new();
    let mut path = "/?limit=100".to_owned();
    loop {
        let reply = client.get(&path).await;
        let page = reply.json();
        let hashes = page["capsules"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["hash"].clone());
        found.extend(hashes);
        let Some((_, cursor)) = reply.header("link").split_once("before=") else {
            break;
        };
        path = format!("/?limit=100&before={}", cursor.split('>').next().unwrap());
    }
    assert_eq!(found.len(), all.len());
}

#[tokio::test]
async fn the_total_follows_the_chain() {
    let store = Store::of_two_tenants();
    let client = store.client();
    let total = async |path: &str| client.json(path).await["total"].as_u64().unwrap();
    assert_eq!(total("/").await, 13);
    assert_eq!(total("/?type=tool").await, 6);
    assert_eq!(
        total("/?before=3&after=1&limit=1").await,
        13,
        "a cursor does not change it"
    );
    for number in 1..4 {
        store.capsules.scope_sync(|| act("acme", "more")).unwrap();
        store.flush();
        assert_eq!(total("/").await, 13 + number);
        assert_eq!(total("/?type=tool").await, 6 + number);
        assert_eq!(total("/?tenant_id=globex").await, 5);
    }
    store.tamper("DELETE FROM capsules WHERE sequence > 9");
    assert_eq!(total("/").await, 10, "a chain that was cut is counted anew");
}

#[tokio::test]
async fn filters_choose() {
    let store = Store::of_two_tenants();
    let client = store.client();
    let began = |record: &SealedRecord| record.capsule().unwrap().trigger.timestamp;
    let records = store.records();
    let since = began(&records[5]);
    let earlier = records
        .iter()
        .filter(|record| began(record) < since)
        .count();
    let since = since.to_string();
    for (query, count) in [
        ("type=agent".to_owned(), 7),
        ("type=".to_owned(), 13),
        ("type=workflow".to_owned(), 0),
        ("tenant_id=acme".to_owned(), 8),
        ("tenant_id=nobody".to_owned(), 0),
        ("domain=agents".to_owned(), 13),
        ("session_id=session-b&type=tool".to_owned(), 2),
        ("status=failure".to_owned(), 3),
        ("status=failure&tenant_id=acme".to_owned(), 1),
        (format!("until={since}"), earlier),
        (format!("since={}", since.replace('+', "%2B")), 13 - earlier),
        ("q=".to_owned(), 13),
        ("q=--".to_owned(), 0),
        ("q=book".to_owned(), 2),
        ("q=book+a+ro*".to_owned(), 1),
        ("q=%22to+pay%22&status=failure".to_owned(), 1),
        ("q=fail&tenant_id=globex".to_owned(), 2),
        ("before=4".to_owned(), 4),
        ("after=10&before=12".to_owned(), 1),
    ] {
        let page = client.json(&format!("/?{query}")).await;
        assert_eq!(ids(&page).len(), count, "{query}");
        if !query.contains("before") {
            assert_eq!(page["total"], count, "{query}");
        }
    }
}

#[tokio::test]
async fn sessions_are_listed_with_their_figures() {
    let store = Store::of_two_tenants();
    let client = store.client();
    let found = client.json("/sessions").await;
    let figures: Vec<_> = found["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| {
            (
                session["session_id"].as_str().unwrap().to_owned(),
                session["count"].as_u64().unwrap(),
                session["failures"].as_u64().unwrap(),
            )
        })
        .collect();
    let secret = crate::support::SECRET.to_owned();
    assert_eq!(
        figures,
        [
            ("session-c".to_owned(), 3, 0),
            ("session-b".to_owned(), 4, 1),
            (secret, 3, 1),
            ("session-a".to_owned(), 3, 1)
        ]
    );
    assert_eq!(found["is_cut"], false);
    let first = client.json("/sessions?limit=1").await;
    assert_eq!(
        (
            first["sessions"].as_array().unwrap().len(),
            &first["is_cut"]
        ),
        (1, &json!(true))
    );
}

#[tokio::test]
async fn statistics_grow_with_the_chain() {
    let store = Store::of_two_tenants();
    let client = store.client();
    let stats = client.json("/stats").await;
    assert_eq!(stats["total"], 13);
    assert_eq!(stats["types"][0]["name"], "agent");
    assert_eq!(
        (&stats["types"][0]["count"], &stats["types"][0]["failures"]),
        (&json!(7), &json!(1))
    );
    assert_eq!(
        stats["tenants"],
        json!([{"name": "acme", "count": 8}, {"name": "globex", "count": 5}])
    );
    assert_eq!(client.json("/stats?status=failure").await["total"], 3);
    store.capsules.scope_sync(|| act("acme", "more")).unwrap();
    store.flush();
    let stats = client.json("/stats").await;
    assert_eq!(
        (&stats["total"], &stats["types"][0]["count"]),
        (&json!(14), &json!(7))
    );
}
