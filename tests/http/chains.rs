//! A store that keeps a chain for each tenant.

use axum::Router;
use axum::body::Body;
use capsules::Capsules;
use capsules_axum::Api;
use capsules_tests::{postgres, temp_dir};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

#[capsules::audit(type = "agent", tenant_from = "tenant", trigger_from = "what")]
fn plan(tenant: &str, what: &str) {
    capsules::current().session_id(format!("session-of-{tenant}"));
    for number in 0..3 {
        act(tenant, &format!("{what} {number}"));
    }
}

#[capsules::audit(type = "tool", tenant_from = "tenant", trigger_from = "what")]
fn act(tenant: &str, what: &str) -> usize {
    tenant.len() + what.len()
}

async fn get(app: &Router, path: &str) -> (StatusCode, HeaderMap, Value) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (
        parts.status,
        parts.headers,
        serde_json::from_slice(&body).unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_covers_all_chains_or_one() {
    // The server is started and asked in a way that no runtime may be around.
    let url = || Some(postgres::server()?.schema());
    let Some(url) = std::thread::spawn(url).join().unwrap() else {
        return;
    };
    let dir = temp_dir();
    let builder = Capsules::builder().path(url);
    let capsules = builder.data_dir(dir.path()).build().unwrap();
    capsules.scope_sync(|| ["acme", "globex", "acme"].map(|tenant| plan(tenant, "book a room")));
    capsules.flush().wait().unwrap();
    let app = Api::new(&capsules).into_router::<()>();

    let mut ids = Vec::new();
    let mut path = "/?limit=5".to_owned();
    loop {
        let (_, headers, page) = get(&app, &path).await;
        assert_eq!(page["total"], 12);
        for capsule in page["capsules"].as_array().unwrap() {
            ids.push(capsule["id"].as_str().unwrap().to_owned());
        }
        let Some(link) = headers.get("link") else {
            break;
        };
        let link = link.to_str().unwrap();
        path = format!(
            "/{}",
            link.trim_start_matches('<').split('>').next().unwrap()
        );
    }
    assert_eq!(ids.len(), 12);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 12, "each is on one page");

    for (path, name, count) in [
        ("/?q=room", "total", 12),
        ("/?q=room+1&tenant_id=acme", "total", 2),
        ("/?tenant_id=globex", "total", 4),
        ("/stats", "total", 12),
        ("/stats?tenant_id=acme&type=tool", "total", 6),
        ("/verify", "capsules_verified", 12),
        ("/verify?tenant_id=acme", "capsules_verified", 8),
    ] {
        let (status, _, answer) = get(&app, path).await;
        assert_eq!(
            (status, &answer[name]),
            (StatusCode::OK, &Value::from(count)),
            "{path}"
        );
    }
    let (_, _, sessions) = get(&app, "/sessions").await;
    assert_eq!(sessions["sessions"][0]["session_id"], "session-of-acme");
    assert_eq!(sessions["sessions"][0]["count"], 8);
    let (_, _, tree) = get(&app, &format!("/{}/tree", ids[0])).await;
    assert_eq!(tree["nodes"].as_array().unwrap().len(), 4);

    // A tenant sees its own chain, and cannot go on from another's capsule.
    let own = Api::new(&capsules)
        .tenant(|_| Some("globex".to_owned()))
        .into_router::<()>();
    let (_, _, report) = get(&own, "/verify/report").await;
    assert_eq!(
        (&report["capsules_verified"], &report["head"]["sequence"]),
        (&Value::from(4), &Value::from(3))
    );
    let (_, _, page) = get(&own, "/").await;
    assert_eq!(page["total"], 4);
    for id in &ids {
        let is_own = page["capsules"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["id"] == id.as_str());
        let (status, _, _) = get(&own, &format!("/?beyond={id}")).await;
        let (one, _, _) = get(&own, &format!("/{id}")).await;
        let expected = match is_own {
            true => (StatusCode::OK, StatusCode::OK),
            false => (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND),
        };
        assert_eq!((status, one), expected, "{id}");
    }
}

/// Who listens hears of every capsule, in whatever chain, and is not cut off.
#[tokio::test(flavor = "multi_thread")]
async fn events_go_on_when_the_server_is_restarted() {
    let start = || Some(postgres::server()?.schema()).and(postgres::Server::start().ok());
    let Some(server) = std::thread::spawn(start).join().unwrap() else {
        return;
    };
    let server = std::sync::Arc::new(server);
    let control = |run: fn(&postgres::Server)| {
        let server = std::sync::Arc::clone(&server);
        tokio::task::spawn_blocking(move || run(&server))
    };
    let dir = temp_dir();
    let url = server.url("postgres");
    let builder = Capsules::builder().path(url).data_dir(dir.path());
    let capsules = builder.build().unwrap();
    capsules.scope_sync(|| act("acme", "before"));
    capsules.flush().await.unwrap();
    let app = Api::new(&capsules).into_router::<()>();
    let request = Request::get("/events").body(Body::empty()).unwrap();
    let mut body = app.clone().oneshot(request).await.unwrap().into_body();

    let listens = tokio::spawn(async move {
        let mut heard = String::new();
        while heard.matches("meanwhile").count() < 2 {
            let frame = body.frame().await.expect("the stream goes on").unwrap();
            heard += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
        }
        heard
    });
    control(postgres::Server::stop).await.unwrap();
    capsules.scope_sync(|| ["acme", "globex"].map(|tenant| act(tenant, "meanwhile")));
    let (status, headers, _) = get(&app, "/").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(headers["retry-after"], "1");
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    control(postgres::Server::restart).await.unwrap();
    let heard = listens.await.unwrap();
    assert!(!heard.contains("before"), "{heard}");
}
