//! Read-only HTTP endpoints for capsules, to nest into any [axum](axum) application.

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
pub fn router<S: Clone + Send + Sync + 'static>(capsules: &Capsules) -> Router<S> {
    Api::new(capsules).into_router()
}
