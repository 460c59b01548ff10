//! Services of [tower](https://docs.rs/tower): one capsule for each request.

use std::fmt::{self, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use crate::action::{Acting, Action, Ended, Keep, Read};

/// Audits every request of a service; made into an [`Audit`] service by `ServiceBuilder::layer`.
///
/// A closure says of each request what its capsule is to keep, as an [`Action`]. It is given the
/// request before the service is, and what it does not read is not kept. The capsule is the current
/// one while the service works, so that audited functions become its children. A response is a
/// success and an error a failure; [`response`](Self::response) looks at responses as well. The
/// action ends with the response, and not with a body that is streamed after it. A response future
/// that is dropped early leaves a capsule with the status `partial`, a panic one with `failure`.
///
/// ```
/// # use std::convert::Infallible;
/// # use capsules::storage::MemoryStorage;
/// use capsules::tower::AuditLayer;
/// use capsules::{Capsules, CapsuleType, Filter};
/// use http::{Request, Response};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # let directory = tempfile::tempdir()?;
/// # let capsules = Capsules::builder().storage(MemoryStorage::new()).data_dir(directory.path()).build()?;
/// let header = |request: &Request<String>, name| -> Option<String> {
///     Some(request.headers().get(name)?.to_str().ok()?.to_owned())
/// };
/// let audit = AuditLayer::new(move |request: &Request<String>| {
///     capsules::action(CapsuleType::Agent)
///         .source(request.uri().path())
///         .request(request.body())
///         .tenant_id(header(request, "x-tenant").unwrap_or_default())
///         .traceparent(header(request, "traceparent").as_deref())
/// })
/// .response(|response: &Response<String>, keep| match response.status() {
///     status if status.is_server_error() => keep.error(&status),
///     status => keep.result(&status.as_u16()),
/// });
/// let service = ServiceBuilder::new().layer(audit).service(service_fn(async |request: Request<String>| {
///     capsules::current().model("gpt-4o");
///     Ok::<_, Infallible>(Response::new(request.into_body()))
/// }));
///
/// let request = Request::post("/ask").header("x-tenant", "acme").body("why?".to_owned())?;
/// # let runtime = tokio::runtime::Runtime::new()?;
/// # runtime.block_on(capsules.scope(async {
/// let response = service.oneshot(request).await?;
/// # Ok::<(), Infallible>(())
/// # }))?;
/// # let capsule = capsules.list(Filter::new()).wait()?[0].capsule()?;
/// # assert_eq!((&*capsule.trigger.source, &*capsule.trigger.request), ("/ask", "why?"));
/// # assert_eq!((capsule.tenant_id(), capsule.outcome.result.as_u64()), (Some("acme"), Some(200)));
/// # assert_eq!(capsule.reasoning.model.as_deref(), Some("gpt-4o"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct AuditLayer<D, R = NoResult> {
    describe: D,
    read: R,
}

/// A service whose requests are audited; made by [`AuditLayer`].
#[derive(Clone)]
pub struct Audit<S, D, R = NoResult> {
    inner: S,
    describe: D,
    read: R,
}

/// The response of an [`Audit`] service.
pub type ResponseFuture<F, R = NoResult> = Acting<F, OfResponse<R>>;

/// Keeps nothing of a response.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoResult;

/// Reads what a service gives: of an error its message, of a response what `R` reads.
#[derive(Clone)]
pub struct OfResponse<R>(R);

/// What reads a response: a closure, or [`NoResult`].
pub trait ReadResponse<Response> {
    /// How the request went, and what is kept of its response.
    fn ended(&self, response: &Response, keep: Keep) -> Ended;
}

impl<Response> ReadResponse<Response> for NoResult {
    fn ended(&self, _: &Response, keep: Keep) -> Ended {
        keep.nothing()
    }
}

impl<Response, F: Fn(&Response, Keep) -> Ended> ReadResponse<Response> for F {
    fn ended(&self, response: &Response, keep: Keep) -> Ended {
        self(response, keep)
    }
}

impl<R: ReadResponse<T>, T, E: Display> Read<Result<T, E>> for OfResponse<R> {
    fn read(self, value: &Result<T, E>, keep: Keep) -> Ended {
        match value {
            Ok(response) => self.0.ended(response, keep),
            Err(error) => keep.error(error),
        }
    }
}

impl<D> AuditLayer<D> {
    /// A layer whose capsules say of each request what the closure does.
    pub fn new<Request>(describe: D) -> Self
    where
        D: Fn(&Request) -> Action,
    {
        Self {
            describe,
            read: NoResult,
        }
    }

    /// Looks at responses with this closure, which says whether each is a success, and what is
    /// kept of it.
    pub fn response<Response, R>(self, read: R) -> AuditLayer<D, R>
    where
        R: Fn(&Response, Keep) -> Ended,
    {
        AuditLayer {
            describe: self.describe,
            read,
        }
    }
}

impl<S, D: Clone, R: Clone> Layer<S> for AuditLayer<D, R> {
    type Service = Audit<S, D, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Audit {
            inner,
            describe: self.describe.clone(),
            read: self.read.clone(),
        }
    }
}

impl<S, D, R, Request> Service<Request> for Audit<S, D, R>
where
    S: Service<Request>,
    S::Error: Display,
    D: Fn(&Request) -> Action,
    R: ReadResponse<S::Response> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Self {
            inner,
            describe,
            read,
        } = self;
        // The closure is there for the record; a panic in it must not become the service's.
        let action = catch_unwind(AssertUnwindSafe(|| describe(&request)));
        let action = action.unwrap_or_else(|_| {
            tracing::error!(
                target: "capsules",
                "the closure that describes a request has panicked; the request is not recorded"
            );
            Action::unrecorded()
        });
        action.prepare(|| inner.call(request), OfResponse(read.clone()))
    }
}

impl<D, R> fmt::Debug for AuditLayer<D, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLayer").finish_non_exhaustive()
    }
}

impl<S: fmt::Debug, D, R> fmt::Debug for Audit<S, D, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for OfResponse<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfResponse").finish_non_exhaustive()
    }
}
