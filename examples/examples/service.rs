//! A service of tower whose requests are audited. An HTTP server takes the same layer.
//!
//! ```sh
//! cargo run --example service
//! ```
#![allow(clippy::print_stdout, reason = "an example's output")]

use std::convert::Infallible;

use capsules::tower::AuditLayer;
use capsules::{Action, CapsuleType, Capsules, Filter, action, audit};
use capsules_examples::Error;
use http::{Request, Response};
use tower::{ServiceBuilder, ServiceExt, service_fn};

/// What the capsule of a request keeps of it. What is not named here is not kept.
fn describe(request: &Request<String>) -> Action {
    let header = |name| request.headers().get(name)?.to_str().ok();
    action(CapsuleType::Agent)
        .source(request.uri().path())
        .request(request.body())
        .tenant_id(header("x-tenant").unwrap_or_default())
        .traceparent(header("traceparent"))
}

#[audit(type = "tool")]
async fn lookup(word: &str) -> Result<usize, String> {
    let letters = word.len();
    (letters > 0)
        .then_some(letters)
        .ok_or_else(|| "nothing to look up".to_owned())
}

async fn answer(request: Request<String>) -> Result<Response<String>, Infallible> {
    let mut response = Response::new(String::new());
    match lookup(request.body()).await {
        Ok(found) => *response.body_mut() = found.to_string(),
        Err(_) => *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR,
    }
    Ok(response)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let directory = tempfile::tempdir()?;
    let capsules = Capsules::builder().data_dir(directory.path()).build()?;
    let _installed = capsules.install();

    let layer = AuditLayer::new(describe).response(|response: &Response<String>, keep| {
        match response.status() {
            status if status.is_server_error() => keep.error(&status),
            status => keep.result(&status.as_u16()),
        }
    });
    let service = ServiceBuilder::new()
        .layer(layer)
        .service(service_fn(answer));

    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = || Request::post("/ask").header("x-tenant", "acme");
    let traced = request().header("traceparent", traceparent);
    for request in [
        traced.body("rust".to_owned())?,
        request().body(String::new())?,
    ] {
        let response = service.clone().oneshot(request).await?;
        println!("{} {}", response.status().as_u16(), response.body());
    }

    for record in capsules.list(Filter::new().oldest_first()).await? {
        let capsule = record.capsule()?;
        println!(
            "{} {} {} {} {}",
            capsule.kind,
            capsule
                .trigger
                .source
                .rsplit("::")
                .next()
                .unwrap_or_default(),
            capsule.tenant_id().unwrap_or("none"),
            capsule.outcome.status,
            capsule.trigger.correlation_id.as_deref().unwrap_or("none"),
        );
    }
    Ok(())
}
