//! The same requests over the same database have the same JSON.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use axum::Router;
use axum::body::Body;
use capsules::Capsules;
use capsules_tests::{postgres, python, temp_dir};
use http::Request;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

const PREFIX: &str = "/api/v1/capsules";

#[capsules::audit(type = "tool", tenant_from = "tenant", arguments)]
fn measure(tenant: &str, what: &str, value: f64) -> Result<Value, String> {
    let _ = tenant;
    match value.is_nan() {
        true => Err(format!("no {what}: <b>\"ä\u{2028}\"</b>")),
        false => Ok(serde_json::json!({"value": value, "count": 3, "list": [null, true, 1e300]})),
    }
}

#[capsules::audit(type = "agent", tenant_from = "tenant")]
fn decide(tenant: &str, session: &str) {
    let capsule = capsules::current();
    capsule
        .session_id(session)
        .model("gpt-4o")
        .confidence(0.5)
        .reasoning("because");
    for value in [0.1, 1e-7, 2.0, -0.0, 1e16, f64::NAN] {
        let _ = measure(tenant, "number", value);
    }
}

/// A store that both implementations have written to.
fn written(location: &str, data_dir: &Path) -> Capsules {
    let builder = Capsules::builder().path(location).data_dir(data_dir);
    let capsules = builder.build().unwrap();
    capsules.scope_sync(|| decide("acme", "1f9ad0a6-4b0e-4c1e-9a25-0f4b2f6f7b1a"));
    capsules.scope_sync(|| decide("globex", "s"));
    capsules.flush().wait().unwrap();
    let script = "
import asyncio, sys
from qp_capsule import Capsules

async def main():
    capsules = Capsules(sys.argv[1])

    @capsules.audit(type='chat', tenant_from='site', domain='support')
    async def answer(question, *, site):
        if question == 'why':
            raise ValueError('no \\'idea\\'\\n<svg onload=x>')
        return {'small': 1e-07, 'whole': 2.0, 'large': 1e16, 'text': 'ä\\u2028'}

    for question in ['what', 'why', 'when']:
        try:
            await answer(question, site='acme')
        except ValueError:
            pass
    await capsules.close()

asyncio.run(main())
";
    let output = python::http_command()
        .args(["-c", script, location])
        .env("QUANTUMPIPES_DATA_DIR", data_dir)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", python::transcript(&output));
    capsules
}

/// What the Python integration answers.
fn theirs(location: &str, data_dir: &Path, targets: &[String]) -> Vec<(u16, Value)> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/http/python/answers.py");
    let mut child = python::http_command()
        .args([script, location])
        .env("QUANTUMPIPES_DATA_DIR", data_dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(&serde_json::to_vec(targets).unwrap())
        .unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", python::transcript(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What the router answers.
async fn ours(app: &Router, target: &str) -> (u16, Value) {
    let request = Request::get(target).body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn assert_same(capsules: &Capsules, location: &str, data_dir: &Path, targets: Vec<String>) {
    let app = Router::new().nest_service(PREFIX, capsules_axum::router::<()>(capsules));
    for (target, (status, answer)) in targets.iter().zip(theirs(location, data_dir, &targets)) {
        let (our_status, our_answer) = ours(&app, target).await;
        assert_eq!(our_status, status, "{target}: {our_answer}");
        match status {
            200 => assert_eq!(our_answer, answer, "{target}"),
            _ => assert_eq!(our_answer["detail"], answer["detail"], "{target}"),
        }
    }
}

/// Requests for the list, and for each capsule.
fn targets(capsules: &Capsules) -> Vec<String> {
    let mut targets: Vec<String> = [
        "/",
        "/?limit=1",
        "/?limit=100",
        "/?limit=3&offset=2",
        "/?offset=1000",
        "/?type=tool",
        "/?type=agent&limit=2",
        "/?type=chat",
        "/?type=",
        "/?type=workflow",
        "/00000000-0000-4000-8000-000000000000",
    ]
    .iter()
    .map(|path| format!("{PREFIX}{path}"))
    .collect();
    let records = capsules.list(capsules::Filter::new()).wait().unwrap();
    assert_eq!(records.len(), 17);
    targets.extend(
        records
            .iter()
            .map(|record| format!("{PREFIX}/{}", record.columns.id)),
    );
    targets
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_file() {
    if python::http_interpreter().is_none() {
        return;
    }
    let dir = temp_dir();
    let path = dir.path().join("capsules.db");
    let location = path.to_str().unwrap();
    let capsules = written(location, dir.path());
    let mut targets = targets(&capsules);
    targets.push(format!("{PREFIX}/verify"));
    assert_same(&capsules, location, dir.path(), targets).await;

    // The package looks at the links only, whatever was changed.
    let damage = rusqlite::Connection::open(&path).unwrap();
    for (sql, level) in [
        (
            "UPDATE capsules SET data = replace(data, 'number', 'figure') WHERE sequence = 3",
            "?level=structural",
        ),
        (
            "UPDATE capsules SET hash = (SELECT hash FROM capsules WHERE sequence = 6) \
             WHERE sequence = 5",
            "",
        ),
        ("DELETE FROM capsules WHERE sequence = 2", ""),
    ] {
        damage.execute_batch(sql).unwrap();
        let app = Router::new().nest_service(PREFIX, capsules_axum::router::<()>(&capsules));
        let verify = format!("{PREFIX}/verify");
        let theirs = theirs(location, dir.path(), std::slice::from_ref(&verify)).remove(0);
        let structural = ours(&app, &format!("{verify}?level=structural")).await;
        assert_eq!(structural, theirs, "{sql}");
        let thorough = ours(&app, &verify).await;
        assert_eq!(thorough.1["valid"], false, "{sql} {level}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_server() {
    // A database of its own: the Python driver takes no search path from a URL. The server is started
    // and asked in a way that no runtime may be around.
    let database = || {
        let server = postgres::server()?;
        server.execute("postgres", "CREATE DATABASE over_http");
        Some(server.url("over_http"))
    };
    let Some(location) = std::thread::spawn(database).join().unwrap() else {
        return;
    };
    if python::http_interpreter().is_none() {
        return;
    }
    let dir = temp_dir();
    let capsules = written(&location, dir.path());
    let mut targets = targets(&capsules);
    // Capsules of several tenants have no common order.
    targets.retain(|target| !target.contains(&format!("{PREFIX}/?")) && !target.ends_with('/'));
    for tenant in ["acme", "globex", "nobody"] {
        for path in ["/?limit=100&", "/?type=tool&offset=2&", "/verify?"] {
            targets.push(format!("{PREFIX}{path}tenant_id={tenant}"));
        }
    }
    assert_same(&capsules, &location, dir.path(), targets).await;
}
