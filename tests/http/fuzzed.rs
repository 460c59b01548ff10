//! Requests that Schemathesis makes from the OpenAPI document.

use std::process::Command;

use axum::Router;
use capsules::Capsules;
use capsules_axum::Api;
use capsules_tests::{python, temp_dir};
use tokio::net::TcpListener;

const PREFIX: &str = "/api/v1/capsules";

#[capsules::audit(type = "agent", tenant_from = "tenant")]
fn act(tenant: &str, session: &str) -> Result<(), String> {
    let _ = tenant;
    capsules::current().session_id(session);
    Err("nothing came of it".to_owned())
}

/// No answer is a 5xx, and each is as the document says. `/events`, which never ends, is left out.
#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_answered_otherwise_than_described() {
    let Some(interpreter) = python::http_interpreter() else {
        return;
    };
    let dir = temp_dir();
    let capsules = Capsules::builder().data_dir(dir.path()).build().unwrap();
    for tenant in ["acme", "globex", "acme"] {
        let _ = capsules.scope_sync(|| act(tenant, "session"));
    }
    capsules.flush().wait().unwrap();
    let router = Api::new(&capsules).into_router::<()>();
    let app = Router::new().nest_service(PREFIX, router);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}{PREFIX}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    let examples = std::env::var("CAPSULES_HTTP_EXAMPLES").unwrap_or_else(|_| "25".to_owned());
    let run = move || {
        Command::new(interpreter.with_file_name("schemathesis"))
            .args(["run", &format!("{address}/openapi.json"), "--url", &address])
            .args(["--exclude-path", "/events", "--checks", "all"])
            .args([
                "--max-examples",
                &examples,
                "--request-timeout",
                "20",
                "--seed",
                "1",
            ])
            .args(["--suppress-health-check", "all", "--no-color"])
            .args(["--generation-allow-x00", "false"])
            .current_dir(dir.path())
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    server.abort();
    assert!(output.status.success(), "{}", python::transcript(&output));
}
