//! The routes, and what holds for all of them.

mod by_hash;
mod events;
mod keys;
mod list;
mod openapi;
mod record;
mod sessions;
mod stats;
mod tree;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::HttpBody;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use tower_http::compression::{CompressionLayer, CompressionLevel};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Shared;
use crate::explorer;
use crate::problem::Problem;

pub(crate) fn router<S>(shared: Arc<Shared>, timeout: Duration) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let limited = middleware::from_fn(move |request, next| within(timeout, request, next));
    let (routes, document) = OpenApiRouter::with_openapi(openapi::Document::openapi())
        .routes(routes!(list::list))
        .routes(routes!(by_hash::by_hash))
        .routes(routes!(keys::keys))
        .routes(routes!(stats::stats))
        .routes(routes!(sessions::sessions))
        .routes(routes!(record::record))
        .routes(routes!(tree::tree))
        .layer(limited)
        // These take as long as they are waited for.
        .routes(routes!(verify::verify))
        .routes(routes!(verify::report))
        .routes(routes!(verify::stream))
        .routes(routes!(events::events))
        .split_for_parts();
    let routes = routes.merge(openapi::routes(&document));
    #[cfg(feature = "explorer")]
    let routes = routes.merge(explorer::routes());
    routes
        .fallback(async || Problem::no_page())
        .method_not_allowed_fallback(async || {
            let problem = Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "Capsules are only read here",
            );
            ([(header::ALLOW, "GET, HEAD")], problem)
        })
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(middleware::from_fn(guard))
        .with_state(shared)
}

/// Answers with 503 when it takes longer than this. What waits then is given up.
async fn within(timeout: Duration, request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(timeout, next.run(request)).await;
    answer.unwrap_or_else(|_| {
        Problem::busy("The answer takes too long; ask for less, or later", 5).into_response()
    })
}

/// As long as a query may be, in bytes.
const LONGEST_QUERY: usize = 4_096;

/// Refuses requests that are too large, and gives every response the headers that keep a browser
/// from taking it for anything but what it is.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = match refused(&request) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(value);
    }
    response
}

fn refused(request: &Request) -> Option<Problem> {
    if !request.body().is_end_stream() {
        let detail = "No route takes a body";
        return Some(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    let query = request.uri().query().unwrap_or_default();
    (query.len() > LONGEST_QUERY).then(|| {
        let detail = format!("The query is longer than {LONGEST_QUERY} bytes");
        Problem::new(StatusCode::URI_TOO_LONG, detail)
    })
}

/// Unless a route has said otherwise: nothing of an answer runs, loads or is framed, nobody but the
/// client keeps it, and the client asks each time whether it is still so.
const SECURITY: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    ),
];
