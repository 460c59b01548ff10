//! Beside other attributes, above and below them.

use std::sync::LazyLock;

use async_trait::async_trait;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use capsules::{Capsules, audit, current};
use serde_json::json;
use tracing::instrument;

use crate::support::{audited, audited_async, instance, only, recorded};

static INSTANCE: LazyLock<Capsules> = LazyLock::new(instance);

#[async_trait]
trait Agent: Send + Sync {
    async fn run(&self, task: &str) -> Result<usize, std::num::ParseIntError>;

    #[audit(type = "agent")]
    async fn twice(&self, task: &str) -> Result<usize, std::num::ParseIntError> {
        current().summary("by default");
        Ok(self.run(task).await? + self.run(task).await?)
    }
}

struct Reader;

#[async_trait]
impl Agent for Reader {
    #[audit(type = "tool", tenant_from = "task")]
    async fn run(&self, task: &str) -> Result<usize, std::num::ParseIntError> {
        current().side_effect("began");
        tokio::task::yield_now().await;
        let number = task.parse::<usize>()?;
        current().side_effect("ended");
        Ok(number)
    }
}

#[tokio::test]
async fn methods_of_async_trait_are_recorded_when_their_futures_end() {
    let agent: &dyn Agent = &Reader;
    let (results, capsules) =
        audited_async(async { (agent.twice("4").await, agent.run("x").await.is_err()) }).await;
    assert_eq!(results, (Ok(8), true));
    let [one, two, both, failed] = <[_; 4]>::try_from(capsules).unwrap();
    for child in [&one, &two] {
        assert_eq!(child.outcome.result, json!(4));
        assert_eq!(child.outcome.side_effects, ["began", "ended"]);
        assert_eq!(child.parent_id, Some(both.id));
        assert_eq!(child.tenant_id(), Some("4"));
    }
    assert_eq!(both.outcome.summary, "by default");
    assert_eq!(both.trigger.request, "4");
    assert!(failed.outcome.error.is_some());
}

#[audit(type = "agent")]
#[instrument(ret, err)]
async fn above_instrument(number: u8) -> Result<u8, String> {
    tokio::task::yield_now().await;
    Ok(number + 1)
}

#[instrument(skip_all, fields(number))]
#[audit(type = "agent")]
async fn below_instrument(mut number: u8) -> Result<u8, String> {
    number += 1;
    tokio::task::yield_now().await;
    Ok(number)
}

#[instrument]
#[audit(type = "agent")]
fn below_instrument_sync(number: u8) -> u8 {
    number + 1
}

#[tokio::test]
async fn instrumented_functions_are_recorded_once_in_both_orders() {
    let ((), capsules) = audited_async(async {
        assert_eq!(above_instrument(1).await, Ok(2));
        assert_eq!(below_instrument(1).await, Ok(2));
        assert_eq!(below_instrument_sync(1), 2);
    })
    .await;
    assert_eq!(capsules.len(), 3);
    for capsule in capsules {
        assert_eq!(capsule.outcome.result, json!(2));
        assert_eq!(capsule.trigger.request, "1");
    }
}

#[tokio::main(flavor = "current_thread")]
#[audit(type = "agent")]
async fn main_above() -> u8 {
    tokio::task::yield_now().await;
    1
}

#[audit(type = "agent")]
#[tokio::main(flavor = "current_thread")]
async fn main_below() -> u8 {
    tokio::task::yield_now().await;
    2
}

#[test]
fn a_main_function_is_recorded_in_both_orders() {
    let (sum, capsules) = audited(|| main_above() + main_below());
    assert_eq!((sum, capsules.len()), (3, 2));
}

#[tokio::test]
#[audit(type = "system", capsules = *INSTANCE)]
async fn an_asynchronous_test_above() {
    assert!(current().is_active());
}

#[audit(type = "system", capsules = *INSTANCE)]
#[tokio::test]
async fn an_asynchronous_test_below() {
    assert!(current().is_active());
}

#[test]
#[audit(type = "system", capsules = *INSTANCE)]
fn a_test_above() {
    assert!(current().is_active());
}

#[audit(type = "system", capsules = *INSTANCE)]
#[test]
fn a_test_below() -> Result<(), std::io::Error> {
    assert!(current().is_active());
    Ok(())
}

#[axum::debug_handler]
#[audit(type = "agent", trigger_from = body, tenant_from = "tenant.0", result = "none")]
async fn handler(
    axum::extract::State(()): axum::extract::State<()>,
    tenant: axum::extract::Path<String>,
    body: String,
) -> impl IntoResponse {
    tokio::task::yield_now().await;
    format!("{}: {body}", tenant.0)
}

#[audit(type = "agent")]
#[axum::debug_handler]
async fn handler_below(body: String) -> Result<String, StatusCode> {
    Ok(body)
}

#[tokio::test]
async fn handlers_of_axum_are_recorded_in_both_orders() {
    use axum::extract::{Path, State};
    let _: axum::Router = axum::Router::new()
        .route("/", axum::routing::post(handler_below))
        .route("/{tenant}", axum::routing::post(handler));
    let (status, capsules) = audited_async(async {
        let response = handler(State(()), Path("acme".to_owned()), "hi".to_owned()).await;
        let echoed = handler_below("hi".to_owned()).await;
        (response.into_response().status(), echoed)
    })
    .await;
    assert!(status.0.is_success());
    assert_eq!(status.1.as_deref(), Ok("hi"));
    assert_eq!(capsules[0].tenant_id(), Some("acme"));
    assert_eq!(capsules[0].trigger.request, "hi");
    assert_eq!(capsules[1].outcome.result, json!("hi"));
}

/// A function that has several attributes.
#[cfg(not(any()))]
#[cfg_attr(not(any()), audit(type = "tool"))]
#[inline]
#[must_use = "it counts"]
#[deprecated(note = "count yourself")]
#[doc(hidden)]
#[allow(clippy::unnecessary_wraps)]
fn many(text: &str) -> Option<usize> {
    Some(text.len())
}

#[cfg(any())]
#[audit(type = "tool", no_such_key)]
fn absent() {}

#[test]
fn attributes_of_the_language_keep_their_meaning() {
    #[expect(deprecated, reason = "kept on the function")]
    let (length, capsules) = audited(|| many("abc"));
    assert_eq!(length, Some(3));
    assert_eq!(only(capsules).outcome.result, json!(3));
}

#[test]
fn a_panic_of_an_audited_test_is_the_tests() {
    #[audit(type = "system", capsules = *INSTANCE)]
    #[tokio::main(flavor = "current_thread")]
    async fn fails(audit_of: &str) {
        assert_eq!(audit_of, "this");
    }
    assert!(std::panic::catch_unwind(|| fails("that")).is_err());
    let failed = recorded(&INSTANCE)
        .into_iter()
        .find(|capsule| capsule.trigger.request == "that");
    let error = failed.unwrap().outcome.error.unwrap();
    assert!(error.starts_with("panicked: assertion"), "{error}");
}
