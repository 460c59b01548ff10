//! The page that shows the capsules: files that are part of the program.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, header};

use crate::answer::with_etag;
use crate::problem::Problem;

/// The files of the page by their names.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../explorer/", $name)) as &[u8])),*]
    };
}

/// The page itself.
const INDEX: &str = "index.html";

static FILES: &[(&str, &[u8])] = files![
    "api.js",
    "canonical.js",
    "charts.js",
    "detail.js",
    "dom.js",
    "event-stream.js",
    "explorer.css",
    "filters.js",
    "format.js",
    "icon.svg",
    "index.html",
    "json.js",
    "keyboard.js",
    "keys.js",
    "links.js",
    "live.js",
    "main.js",
    "neighbours.js",
    "parts.js",
    "record.js",
    "router.js",
    "seal.js",
    "search.js",
    "sections.js",
    "server-keys.js",
    "sessions.js",
    "settings.js",
    "sha3.js",
    "stats.js",
    "theme-button.js",
    "theme.js",
    "timeline.js",
    "trust.js",
    "uri.js",
    "verification.js",
    "verify.js",
    "workflow.js",
];

/// What the page may do: run its own scripts and styles, show its own pictures, and talk to the
/// server that it came from. Texts are never parsed as markup.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'",
);

/// The page at `/explorer`, its other files below it.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/explorer", get(page))
        .route(
            "/explorer/",
            get(async || Redirect::permanent("../explorer")),
        )
        .route("/explorer/{file}", get(file))
}

async fn page(request: HeaderMap) -> Response {
    asset(&request, INDEX)
}

async fn file(Path(name): Path<String>, request: HeaderMap) -> Response {
    asset(&request, &name)
}

fn asset(request: &HeaderMap, name: &str) -> Response {
    let Some((_, content)) = FILES.iter().find(|(known, _)| *known == name) else {
        return Problem::no_page().into_response();
    };
    let media_type = HeaderValue::from_static(media_type(name));
    let mut response = with_etag(request, media_type, Bytes::from_static(content));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
