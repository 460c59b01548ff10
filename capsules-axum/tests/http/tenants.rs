//! No route shows one tenant what belongs to another.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Client, Reply, SECRET, Store, piece};

/// What `acme` must not learn: what `globex` has recorded, and under which names.
fn secrets(store: &Store) -> Vec<String> {
    let records = store.of_tenant("globex");
    assert_eq!(records.len(), 5);
    let names = records.iter().flat_map(|record| {
        [
            record.columns.id.clone(),
            record.hash.clone(),
            record.signature.clone(),
        ]
    });
    names
        .chain([SECRET.to_owned(), "globex".to_owned()])
        .collect()
}

/// Every path of the description, with an id or a hash of each tenant where it takes one.
async fn paths(client: &Client, store: &Store) -> Vec<String> {
    let document = client.json("/openapi.json").await;
    let templates = document["paths"].as_object().unwrap();
    assert_eq!(templates.len(), 11, "a new route is walked here as well");
    let records = [&store.of_tenant("globex")[..], &store.of_tenant("acme")].concat();
    let mut paths = Vec::new();
    for (template, item) in templates {
        let has = |name: &str| {
            let parameters = item["get"]["parameters"].as_array();
            parameters.is_some_and(|all| all.iter().any(|one| one["name"] == name))
        };
        let plain: Vec<String> = match template.contains('{') {
            false => vec![template.clone()],
            true => records
                .iter()
                .map(|record| {
                    template
                        .replace("{id}", &record.columns.id)
                        .replace("{hash}", &record.hash)
                })
                .collect(),
        };
        for path in plain {
            if has("after") {
                paths.push(format!("{path}?after=0"));
            }
            if has("q") {
                paths.push(format!("{path}?q={SECRET}"));
                paths.push(format!("{path}?q=fail"));
            }
            if has("session_id") {
                paths.push(format!("{path}?session_id={SECRET}"));
            }
            if has("level") {
                paths.push(format!("{path}?level=structural"));
                paths.push(format!("{path}?level=full"));
            }
            if has("tenant_id") {
                paths.push(format!("{path}?tenant_id=acme"));
                paths.push(format!("{path}?tenant_id=globex"));
            }
            paths.push(path);
        }
    }
    paths
}

/// All that an answer says, as far as it comes soon.
async fn answer(client: &Client, path: &str) -> Reply {
    let (parts, mut body) = client.open(path).await.into_parts();
    let mut text = String::new();
    while let Some(more) = piece(&mut body, Duration::from_millis(1_500)).await {
        text += &more;
    }
    Reply {
        status: parts.status,
        headers: parts.headers,
        text,
    }
}

async fn assert_nothing_leaks(client: &Client, path: &str, secrets: &[String]) -> Reply {
    let reply = answer(client, path).await;
    assert_ne!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
    let said = format!("{:?}\n{}", reply.headers, reply.text);
    for secret in secrets {
        // The request names it, or the tenant's own records do, which have it under their hash.
        let named = path.contains(secret.as_str())
            || secret == "globex" && reply.text.contains("another tenant");
        let own = ["parent_id", "previous_hash"].map(|key| format!("\"{key}\":\"{secret}\""));
        let said = own
            .iter()
            .fold(said.clone(), |said, own| said.replace(own, ""));
        assert!(
            named || !said.contains(secret.as_str()),
            "{path} tells {secret}: {said}"
        );
    }
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_shows_what_belongs_to_another() {
    let store = Store::of_two_tenants();
    let (client, secrets) = (store.client_of("acme"), secrets(&store));
    for path in paths(&client, &store).await {
        let reply = assert_nothing_leaks(&client, &path, &secrets).await;
        if path.contains("tenant_id=globex") {
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path}");
        } else if secrets.iter().any(|secret| {
            path.starts_with(&format!("/{secret}")) || path.contains(&format!("/{secret}"))
        }) {
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        } else {
            assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text);
        }
    }
}

#[tokio::test]
async fn nothing_is_counted_that_belongs_to_another() {
    let store = Store::of_two_tenants();
    let client = store.client_of("acme");
    assert_eq!(client.json("/").await["total"], 8);
    assert_eq!(client.json("/?status=failure").await["total"], 1);
    assert_eq!(client.json("/?q=fail").await["total"], 1);
    assert_eq!(client.json(&format!("/?q={SECRET}")).await["total"], 0);
    let stats = client.json("/stats").await;
    assert_eq!(
        (&stats["total"], &stats["tenants"]),
        (&json!(8), &json!([{"name": "acme", "count": 8}]))
    );
    let sessions = client.json("/sessions").await;
    let counts: Vec<_> = sessions["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| session["count"].clone())
        .collect();
    // The session that `globex` began is what two capsules of `acme` say of themselves.
    assert_eq!(
        counts
            .iter()
            .map(|count| count.as_u64().unwrap())
            .sum::<u64>(),
        8,
        "{sessions}"
    );
    assert_eq!(client.json("/verify").await["capsules_verified"], 8);
    let report = client.json("/verify/report").await;
    let own = &store.of_tenant("acme")[0];
    assert_eq!(report["head"]["hash"], own.hash.as_str());
}

/// A tree ends where another tenant's begins.
#[tokio::test]
async fn a_tree_has_no_parents_and_children_of_another() {
    let store = Store::of_two_tenants();
    let of = |tenant: &str, text: &str| {
        let records = store.of_tenant(tenant);
        records
            .into_iter()
            .find(|record| record.content.contains(text))
            .unwrap()
            .columns
            .id
    };
    let client = store.client_of("acme");
    let tree = client
        .json(&format!("/{}/tree", of("acme", "help out")))
        .await;
    assert_eq!(tree["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(tree["nodes"][0]["link"], "missing");
    let tree = client
        .json(&format!("/{}/tree", of("acme", "book a room")))
        .await;
    assert_eq!(tree["nodes"].as_array().unwrap().len(), 3);
    let everyone = store
        .client()
        .json(&format!("/{}/tree", of("acme", "book a room")))
        .await;
    assert_eq!(everyone["nodes"].as_array().unwrap().len(), 4);
}

/// Nobody learns from a tag whether another's capsule is there, or has changed.
#[tokio::test]
async fn a_tag_of_another_is_worth_nothing() {
    let store = Store::of_two_tenants();
    let id = &store.of_tenant("globex")[0].columns.id;
    let path = format!("/{id}");
    let etag = store.client().get(&path).await.header("etag").to_owned();
    for known in [etag.as_str(), "*"] {
        let reply = store
            .client_of("acme")
            .with("if-none-match", known)
            .get(&path)
            .await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
    }
}

/// Each learns that the chain is broken, and only its owner where.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_anothers_capsule_is_not_told() {
    let store = Store::of_two_tenants();
    let secrets = secrets(&store);
    let id = store.of_tenant("globex")[2].columns.id.clone();
    store.tamper(&format!(
        "UPDATE capsules SET data = replace(data, 'success', 'blocked') WHERE id = '{id}'"
    ));
    let client = store.client_of("acme");
    for path in [
        "/verify",
        "/verify/report",
        "/verify/stream",
        "/verify?level=full",
    ] {
        assert_nothing_leaks(&client, path, &secrets).await;
    }
    let verdict = client.json("/verify").await;
    assert_eq!(
        (&verdict["valid"], &verdict["broken_at"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(
        client.json("/verify/report").await["errors"][0]["sequence"],
        Value::Null
    );
    let owner = store.client_of("globex").json("/verify").await;
    assert_eq!(owner["broken_at"], id.as_str());
}

#[tokio::test]
async fn who_has_no_tenant_is_refused_everywhere() {
    let store = Store::of_two_tenants();
    let nobody = store.client_of("acme").without_headers();
    for path in paths(&store.client(), &store).await {
        let reply = nobody.get(&path).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path}");
    }
}
