//! Requests of tower services.

use std::convert::Infallible;
use std::future::{Future, Ready, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use capsules::testing::{Recorder, agent, tool};
use capsules::tower::{Audit, AuditLayer};
use capsules::{Action, CapsuleType, Durability, Filter, audit, current};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::support::instance;

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[audit(type = "tool")]
async fn search(query: &str) -> usize {
    tokio::task::yield_now().await;
    query.len()
}

fn described(request: &String) -> Action {
    capsules::action(CapsuleType::Agent)
        .source("ask")
        .request(request)
}

#[tokio::test]
async fn every_request_is_on_record() {
    type Request = http::Request<&'static str>;
    let layer = AuditLayer::new(|request: &Request| {
        let header = |name| request.headers().get(name)?.to_str().ok();
        capsules::action(CapsuleType::Agent)
            .source(request.uri().path())
            .request(request.body())
            .tenant_id(header("x-tenant").unwrap_or_default())
            .traceparent(header("traceparent"))
    })
    .response(|response: &http::Response<usize>, keep| {
        let status = response.status();
        match status.is_success() {
            true => keep.result(&status.as_u16()),
            false => keep.error(&status),
        }
    });
    let service =
        ServiceBuilder::new()
            .layer(layer)
            .service(service_fn(async |request: Request| {
                current().model("m");
                let found = search(request.body()).await;
                let status = if found > 0 { 200 } else { 404 };
                let response = http::Response::builder().status(status);
                Ok::<_, Infallible>(response.body(found).unwrap())
            }));
    let recorder = Recorder::new();
    let request = |body| {
        let request = http::Request::post("/ask?secret").header("x-tenant", "acme");
        request
            .header("traceparent", TRACEPARENT)
            .body(body)
            .unwrap()
    };
    let both = async {
        service.clone().oneshot(request("rust")).await.unwrap();
        service.oneshot(request("")).await.unwrap();
    };
    recorder.scope(both).await;
    recorder.assert_sequence([
        tool("search").within(1),
        agent("/ask"),
        tool("search").within(3),
        agent("/ask").fails_with("404 Not Found"),
    ]);
    let capsules = recorder.capsules();
    assert_eq!(capsules[1].trigger.request, "rust");
    assert_eq!(capsules[1].outcome.result, 200);
    assert_eq!(capsules[1].reasoning.model.as_deref(), Some("m"));
    for capsule in &capsules {
        assert_eq!(capsule.tenant_id(), Some("acme"));
        let id = capsule.trigger.correlation_id.as_deref();
        assert_eq!(id, Some(&TRACEPARENT[3..35]));
    }
}

#[tokio::test]
async fn an_error_is_a_failure_and_stays_what_it_is() {
    let refuse = service_fn(async |request: String| Err::<(), BoxError>(request.into()));
    let recorder = Recorder::new();
    let service = AuditLayer::new(described).layer(refuse);
    let error = recorder.scope(service.oneshot("no".to_owned())).await;
    assert_eq!(error.unwrap_err().to_string(), "no");
    recorder.assert_sequence([agent("ask").fails_with("no")]);
}

#[tokio::test]
async fn nothing_is_kept_of_a_response_unless_it_is_asked_for() {
    struct Opaque(&'static str);
    let opaque = service_fn(async |_: String| Ok::<_, Infallible>(Opaque("MARKER")));
    let recorder = Recorder::new();
    let service = AuditLayer::new(described).layer(opaque);
    let response = recorder.scope(service.oneshot("a".to_owned())).await;
    assert_eq!(response.unwrap().0, "MARKER");
    assert!(!format!("{:?}", recorder.capsules()).contains("MARKER"));
    recorder.assert_sequence([agent("ask")]);
}

#[test]
fn a_response_that_is_dropped_early_is_a_cancellation() {
    let waits = service_fn(|_: String| pending::<Result<(), Infallible>>());
    let mut service = AuditLayer::new(described).layer(waits);
    let recorder = Recorder::new();
    recorder.scope_sync(|| {
        let mut polled = pin!(service.call("polled".to_owned()));
        let mut context = Context::from_waker(Waker::noop());
        assert!(polled.as_mut().poll(&mut context).is_pending());
        drop(service.call("never polled".to_owned()));
    });
    recorder.assert_sequence([agent("ask").is_cancelled()]);
    assert_eq!(recorder.capsules()[0].trigger.request, "polled");
}

#[tokio::test]
async fn panics_are_failures_and_go_on() {
    /// Panics in `call` itself.
    #[derive(Clone)]
    struct Panics;
    impl Service<String> for Panics {
        type Response = ();
        type Error = Infallible;
        type Future = Ready<Result<(), Infallible>>;
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }
        fn call(&mut self, _: String) -> Self::Future {
            panic!("at once")
        }
    }
    async fn later(request: String) -> Result<(), Infallible> {
        tokio::task::yield_now().await;
        panic!("later, {request}")
    }
    let recorder = Recorder::new();
    let mut service = AuditLayer::new(described).layer(Panics);
    let panic = recorder.scope_sync(|| {
        let call = AssertUnwindSafe(|| drop(service.call("a".to_owned())));
        catch_unwind(call).unwrap_err()
    });
    assert_eq!(panic.downcast_ref(), Some(&"at once"));
    let service = AuditLayer::new(described).layer(service_fn(later));
    let task = tokio::spawn(recorder.scope(service.oneshot("b".to_owned())));
    assert!(task.await.unwrap_err().is_panic());
    recorder.assert_sequence([
        agent("ask").fails_with("panicked: at once"),
        agent("ask").fails_with("panicked: later, b"),
    ]);
}

#[tokio::test]
async fn a_closure_that_panics_does_not_reach_the_service() {
    let echo = service_fn(async |request: String| Ok::<_, Infallible>(request));
    let recorder = Recorder::new();
    let describe = |request: &String| -> Action { panic!("as the test wants it: {request}") };
    let service = AuditLayer::new(describe).layer(echo);
    let response = recorder.scope(service.oneshot("a".to_owned())).await;
    assert_eq!(response, Ok("a".to_owned()));
    let service = AuditLayer::new(described)
        .response(|_: &String, _| panic!("as the test wants it"))
        .layer(echo);
    let response = recorder.scope(service.oneshot("b".to_owned())).await;
    assert_eq!(response, Ok("b".to_owned()));
    recorder.assert_sequence([agent("ask")]);
}

/// A service is to be called on the very clone that was ready.
#[tokio::test]
async fn readiness_is_the_services_own() {
    #[derive(Clone, Default)]
    struct OneAtATime {
        ready: bool,
        open: Arc<AtomicBool>,
    }
    impl Service<String> for OneAtATime {
        type Response = ();
        type Error = BoxError;
        type Future = Ready<Result<(), BoxError>>;
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            if !self.open.load(Ordering::SeqCst) {
                return Poll::Pending;
            }
            self.ready = true;
            Poll::Ready(Ok(()))
        }
        fn call(&mut self, _: String) -> Self::Future {
            assert!(
                std::mem::take(&mut self.ready),
                "called before it was ready"
            );
            ready(Ok(()))
        }
    }
    let inner = OneAtATime::default();
    let open = Arc::clone(&inner.open);
    let mut service: Audit<_, _> = AuditLayer::new(described).layer(inner);
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_pending());
    open.store(true, Ordering::SeqCst);
    let recorder = Recorder::new();
    let both = async {
        for _ in 0..2 {
            let ready = service.ready().await.unwrap();
            ready.call("a".to_owned()).await.unwrap();
        }
    };
    recorder.scope(both).await;
    recorder.assert_sequence([agent("ask"), agent("ask")]);
}

#[tokio::test]
async fn an_instance_of_its_own_and_its_durability() {
    let capsules = instance();
    let own = capsules.clone();
    let layer = AuditLayer::new(move |_: &String| {
        let action = own.action(CapsuleType::Auth).source("login");
        action.durability(Durability::Committed)
    });
    let login = service_fn(async |_: String| Ok::<_, Infallible>(()));
    let service = layer.layer(login);
    for stored in 1..=2 {
        service.clone().oneshot("a".to_owned()).await.unwrap();
        let count = capsules.storage().count(&Filter::new()).unwrap();
        assert_eq!(count, stored);
    }
}
