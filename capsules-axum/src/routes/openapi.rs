//! The description of the routes, generated from their code.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use http::HeaderMap;
use utoipa::OpenApi;

use crate::answer;
use crate::api::Shared;
use crate::problem::Problem;
use crate::schema::{Record, UnreadableContent};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Capsules",
        description = "Sealed audit records of AI agents' actions, read only.",
    ),
    servers((url = ".", description = "Beside this document")),
    components(schemas(Problem, Record, UnreadableContent)),
)]
pub(super) struct Document;

pub(super) fn routes(document: &utoipa::openapi::OpenApi) -> Router<Arc<Shared>> {
    // A document of texts and numbers cannot fail to be written.
    let text: Arc<str> = document.to_json().unwrap_or_default().into();
    let answer = async move |request: HeaderMap| answer::json(&request, text.as_bytes());
    Router::new().route("/openapi.json", get(answer))
}
