//! The explorer, as a browser sees it: the modules of the page under Node.js, and walks through it
//! in Chromium, driven by Playwright.
//!
//! What npm has to give lies in `target/explorer-env-*`, made on first use from
//! `package-lock.json`. Where Node.js, npm or Chromium is missing, the tests are skipped with a
//! message; with `CI=true` in the environment they fail instead. Pictures of the walks are left in
//! `target/explorer-pictures`.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

mod browser;
mod host;
mod world;

use std::fs;
use std::path::{Path, PathBuf};

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use capsules::Capsules;
use capsules_tests::{conformance, postgres, target_dir, workspace_root};
use tower::ServiceExt;

/// The most that the page may weigh, all of its files together.
const MOST_BYTES: u64 = 200_000;

#[test]
fn the_page_is_small() {
    let bytes: u64 = assets()
        .iter()
        .map(|path| path.metadata().expect("a file's size").len())
        .sum();
    assert!(bytes < MOST_BYTES, "the explorer has {bytes} bytes");
}

/// Every file of the page is served, with the type that a browser asks for.
#[tokio::test]
async fn every_file_is_served() {
    let data = capsules_tests::temp_dir();
    let application = host::application(data.path());
    for path in assets() {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.expect("a name");
        let media_type = match path.extension().and_then(|ending| ending.to_str()) {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "text/javascript; charset=utf-8",
        };
        let address = format!("{}/explorer/{name}", host::PREFIX);
        let request = Request::get(address).body(Body::empty());
        let answer = application.clone().oneshot(request.expect("a request"));
        let answer = answer.await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{name}");
        assert_eq!(answer.headers()[header::CONTENT_TYPE], media_type, "{name}");
        let body = to_bytes(answer.into_body(), usize::MAX).await;
        assert_eq!(body.expect("a body"), fs::read(&path).expect("a file"));
    }
}

#[test]
fn modules() {
    let Some(node) = browser::node() else { return };
    let vectors = conformance::directory();
    let vectors = vectors.map(|found| ("CAPSULES_CONFORMANCE_DIR", found.into_os_string()));
    browser::run(&node, "modules", vectors);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn walks() {
    let Some(tools) = browser::tools() else {
        return;
    };
    let (good, tampered) = (capsules_tests::temp_dir(), capsules_tests::temp_dir());
    world::write(good.path());
    world::tamper(&world::write(tampered.path()));
    let good = host::Host::start(good.path()).await;
    let tampered = host::Host::start(tampered.path()).await;
    let tenants_data = capsules_tests::temp_dir();
    let chains = chains(tenants_data.path());
    let tenants = match &chains {
        Some(capsules) => Some(host::Host::serve(host::of_chains(capsules)).await),
        None => None,
    };
    let address = |of: fn(&host::Host) -> String| tenants.as_ref().map(of).unwrap_or_default();
    let payloads = serde_json::to_string(&world::PAYLOADS).expect("JSON");
    let settings = [
        ("EXPLORER_GOOD", good.explorer().into()),
        ("EXPLORER_HOST", good.address().into()),
        ("EXPLORER_TAMPERED", tampered.explorer().into()),
        ("EXPLORER_TENANTS", address(host::Host::explorer).into()),
        ("EXPLORER_TENANTS_HOST", address(host::Host::address).into()),
        ("EXPLORER_PAYLOADS", payloads.into()),
        ("EXPLORER_MODULES", tools.modules.clone().into_os_string()),
        ("EXPLORER_CHROMIUM", tools.chromium.clone().into()),
        (
            "EXPLORER_PICTURES",
            target_dir().join("explorer-pictures").into(),
        ),
    ];
    let walked = tokio::task::spawn_blocking(move || browser::run(&tools.node, "walks", settings));
    walked.await.expect("the walks");
}

/// A store in PostgreSQL with a chain for each tenant, of which that of globex was tampered with.
fn chains(data: &Path) -> Option<Capsules> {
    // The server is started and asked in a way that no runtime may be around.
    let fill = || {
        let server = postgres::server()?;
        let url = server.schema();
        let builder = Capsules::builder().path(&url).data_dir(data);
        let capsules = builder.build().expect("an instance");
        world::write_chains(&**capsules.storage(), capsules.seal());
        let tamper = "UPDATE quantumpipes_capsules SET data = replace(data, 'deploybot', 'nobody') \
                      WHERE tenant_id = 'globex' AND sequence = 1";
        let changed = server.client(&url).execute(tamper, &[]);
        assert_eq!(changed.expect("a change"), 1);
        Some(capsules)
    };
    std::thread::scope(|scope| scope.spawn(fill).join()).expect("a filled store")
}

/// The files of the page.
fn assets() -> Vec<PathBuf> {
    let directory = workspace_root().join("capsules-axum/explorer");
    let files = fs::read_dir(&directory).expect("the page's directory");
    files
        .map(|file| file.expect("a file").path())
        // Tells Node.js that the scripts are modules; no part of the page.
        .filter(|path| !path.ends_with("package.json"))
        .collect()
}
