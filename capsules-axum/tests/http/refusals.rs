//! Requests that are refused, each with the reason.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use capsules::verify::TrustedKeys;
use capsules_axum::Api;
use http::{Request, StatusCode};

use crate::endless::Endless;
use crate::support::{Client, PREFIX, Reply, Store};

#[tokio::test]
async fn bad_parameters_are_named() {
    let store = Store::of_two_tenants();
    let client = store.client();
    for (path, reason) in [
        ("/?limit=0", "`limit` is `0`: a whole number from 1 to 100"),
        ("/?limit=101", "from 1 to 100"),
        ("/?limit=ten", "`limit` is `ten`"),
        ("/?offset=-1", "from 0"),
        ("/?offset=99999999999999999999", "from 0"),
        ("/?type=spell", "agent"),
        ("/?since=yesterday", "2026-01-15T12:00:00Z"),
        ("/?until=2026-01-15T12:00:00", "offset"),
        ("/?before=x", "whole number"),
        ("/?limit=", "`limit` is ``"),
        ("/verify?level=", "`level` is ``"),
        ("/?limt=3", "`limt` is no parameter"),
        ("/?limit=3&limit=4", "twice"),
        ("/?session_id=%00", "U+0000"),
        ("/?limit=%ff", "`limit`"),
        ("/stats?q=x", "`q` is no parameter"),
        ("/keys?x=1", "no parameter"),
        ("/sessions?limit=1001", "1000"),
        ("/verify?level=deep", "structural, full and signatures"),
        ("/verify?tenant_id=a&tenant_id=b", "twice"),
        ("/events?after=-1", "whole number"),
        ("/not-an-id", "UUID"),
        ("/not-an-id/tree", "UUID"),
        ("/%ff", "UTF-8"),
        ("/by-hash/ABC", "hash"),
    ] {
        let reply = client.get(path).await;
        assert_eq!(
            reply.status,
            StatusCode::BAD_REQUEST,
            "{path}: {}",
            reply.text
        );
        assert_problem(&reply, path);
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(reason), "{path}: {detail}");
    }
}

#[tokio::test]
async fn other_requests_are_refused_as_problems() {
    let store = Store::of_two_tenants();
    let client = store.client();
    let request = |method: &str, path: &str| {
        Request::builder()
            .method(method)
            .uri(format!("{PREFIX}{path}"))
    };
    let long = format!("/?session_id={}", "x".repeat(5_000));
    for (request, status) in [
        (
            request("GET", "/a/b/c").body(Body::empty()),
            StatusCode::NOT_FOUND,
        ),
        (
            request("GET", "/explorer/none.js").body(Body::empty()),
            StatusCode::NOT_FOUND,
        ),
        (
            request("POST", "/").body(Body::empty()),
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        (
            request("DELETE", "/verify").body(Body::empty()),
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        (
            request("PUT", "/openapi.json").body(Body::empty()),
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        (
            request("GET", "/")
                .header("content-length", "2")
                .body(Body::from("{}")),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (
            request("GET", "/").body(Body::from("{}")),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (
            request("GET", &long).body(Body::empty()),
            StatusCode::URI_TOO_LONG,
        ),
    ] {
        let request = request.unwrap();
        let shown = format!("{} {}", request.method(), request.uri().path());
        let reply = Reply::read(client.send(request).await).await;
        assert_eq!(reply.status, status, "{shown}");
        assert_problem(&reply, &shown);
        if status == StatusCode::METHOD_NOT_ALLOWED {
            assert_eq!(reply.header("allow"), "GET, HEAD", "{shown}");
        }
    }
}

#[tokio::test]
async fn every_answer_is_kept_from_being_taken_for_something_else() {
    let store = Store::of_two_tenants();
    let client = store.client();
    for path in [
        "/",
        "/verify",
        "/none/at/all",
        "/?limit=0",
        "/openapi.json",
        "/explorer",
        "/stats",
    ] {
        let reply = client.get(path).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(
            reply.header("cross-origin-resource-policy"),
            "same-origin",
            "{path}"
        );
        let policy = reply.header("content-security-policy");
        for directive in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(directive), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn what_takes_too_long_is_given_up() {
    let storage = Arc::new(Endless::default());
    let api = Api::of_store(Arc::clone(&storage) as _, TrustedKeys::none());
    let reply = Client::new(api.timeout(Duration::from_millis(20)))
        .get("/")
        .await;
    storage.released.store(true, Ordering::SeqCst);
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_problem(&reply, "/");
    assert_ne!(reply.header("retry-after"), "");
}

fn assert_problem(reply: &Reply, path: &str) {
    assert_eq!(
        reply.header("content-type"),
        "application/problem+json",
        "{path}"
    );
    let problem = reply.json();
    assert_eq!(problem["type"], "about:blank", "{path}");
    assert_eq!(problem["status"], reply.status.as_u16(), "{path}");
    assert_eq!(
        problem["title"],
        reply.status.canonical_reason().unwrap(),
        "{path}"
    );
    assert!(!problem["detail"].as_str().unwrap().is_empty(), "{path}");
}
