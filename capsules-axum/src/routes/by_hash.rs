//! `GET /by-hash/{hash}`: the capsule with a hash.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use capsules_core::{ContentHash, Storage};
use http::HeaderMap;

use crate::answer;
use crate::api::{Caller, Shared};
use crate::params::{Params, TenantParam};
use crate::problem::Problem;
use crate::schema::Record;

/// The capsule with this hash
#[utoipa::path(
    get,
    path = "/by-hash/{hash}",
    params(
        ("hash" = String, Path, description = "SHA3-256 of the canonical content", pattern = "^[0-9a-f]{64}$"),
        TenantParam,
    ),
    responses(
        Problem,
        (status = 200, body = Record, headers(("ETag" = String))),
        (status = 304, description = "As the client has it"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn by_hash(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    hash: Result<Path<String>, PathRejection>,
    request: HeaderMap,
    Params(params): Params<TenantParam>,
) -> Result<Response, Problem> {
    let Path(hash) = hash.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let hash: ContentHash = hash.parse().map_err(|error| {
        let shown: String = hash.chars().take(100).collect();
        Problem::bad_request(format!("`{shown}` is no hash: {error}"))
    })?;
    let view = shared.view(&caller, params.tenant_id.as_deref())?;
    let find = move || view.get_by_hash(&hash.to_string());
    let found = shared.reads.run(find).await?;
    let record = found.ok_or_else(Problem::no_capsule)?;
    Ok(answer::json(&request, answer::record(&record)))
}
