//! Read-only HTTP endpoints for capsules, to nest into any [axum] application, with a page
//! that shows them.
//!
//! ```
//! use axum::Router;
//! use capsules::Capsules;
//!
//! # let directory = tempfile::tempdir()?;
//! # let capsules = Capsules::builder().data_dir(directory.path()).build()?;
//! let app: Router =
//!     Router::new().nest_service("/api/v1/capsules", capsules_axum::router::<()>(&capsules));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `GET /`, `GET /{id}` and `GET /verify` answer as the integration of the published Python package
//! does, and there is more beside them: `docs/HTTP.md` lists the routes, and `GET /openapi.json`
//! describes them to programs. No route writes. With `nest_service` the list is found with and
//! without the slash at its end, with `nest` only without.
//!
//! # Who may ask
//!
//! Whoever reaches the routes can read everything, unless the application says otherwise.
//! Authentication is its own, as a layer around the router. Where callers belong to tenants, a hook
//! limits every route to the records of the caller's tenant:
//!
//! ```
//! use axum::extract::Request;
//! use axum::middleware::{self, Next};
//! use axum::response::{IntoResponse, Response};
//! use axum::Router;
//! use capsules_axum::Api;
//! use http::{StatusCode, header::AUTHORIZATION, request::Parts};
//!
//! #[derive(Clone)]
//! struct TenantId(String);
//!
//! /// The application's own: who has sent this token?
//! async fn authenticate(mut request: Request, next: Next) -> Response {
//!     let token = request.headers().get(AUTHORIZATION).map(|token| token.as_bytes());
//!     let tenant = match token {
//!         Some(b"Bearer of-acme") => TenantId("acme".to_owned()),
//!         _ => return StatusCode::UNAUTHORIZED.into_response(),
//!     };
//!     request.extensions_mut().insert(tenant);
//!     next.run(request).await
//! }
//!
//! # let directory = tempfile::tempdir()?;
//! # let capsules = capsules::Capsules::builder().data_dir(directory.path()).build()?;
//! let api = Api::new(&capsules)
//!     .tenant(|parts: &Parts| parts.extensions.get::<TenantId>().map(|tenant| tenant.0.clone()));
//! let app: Router = Router::new()
//!     .nest_service("/api/v1/capsules", api.into_router::<()>())
//!     .layer(middleware::from_fn(authenticate));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The browser's page asks for what it shows without headers of its own, so that for it the
//! authentication has to be a cookie.
//!
//! # Load
//!
//! Stores block, so that every look into one happens on the runtime's threads for blocking work, and
//! no more of them at once than [`Api::concurrent_reads`] says. What reads whole chains has places of
//! its own, and [`Api::timeout`] ends what takes too long. A verification is made once for all who
//! wait for it, and ends when none of them does any more. A stream of events ends with its client: a
//! server that shuts down gracefully has to limit how long it waits for open ones.

mod answer;
mod api;
mod blocking;
mod cancel;
mod carried;
#[cfg(feature = "explorer")]
mod explorer;
mod indexes;
mod params;
mod problem;
mod recent;
mod routes;
mod schema;
mod verdict;
mod verdicts;
mod view;

use axum::Router;
use capsules::Capsules;

pub use crate::api::Api;

/// The endpoints for an instance, with the defaults of [`Api`].
///
/// It shows what is committed: what a call has recorded a moment ago may still be on its way to the
/// store.
pub fn router<S: Clone + Send + Sync + 'static>(capsules: &Capsules) -> Router<S> {
    Api::new(capsules).into_router()
}
