//! `GET /{id}`: one capsule.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use capsules_core::{Storage, Uuid};
use http::HeaderMap;

use crate::answer;
use crate::api::{Caller, Shared};
use crate::params::{Params, TenantParam};
use crate::problem::Problem;
use crate::schema::Record;

/// One capsule, with its seal
#[utoipa::path(
    get,
    path = "/{id}",
    params(("id" = Uuid, Path, description = "The capsule's id"), TenantParam),
    responses(
        Problem,
        (status = 200, body = Record, headers(("ETag" = String))),
        (status = 304, description = "As the client has it"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn record(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    request: HeaderMap,
    Params(params): Params<TenantParam>,
) -> Result<Response, Problem> {
    let id = parse_id(id)?;
    let view = shared.view(&caller, params.tenant_id.as_deref())?;
    let found = shared.reads.run(move || view.get(&id)).await?;
    let record = found.ok_or_else(Problem::no_capsule)?;
    Ok(answer::json(&request, answer::record(&record)))
}

/// The id in a path.
pub(super) fn parse_id(id: Result<Path<String>, PathRejection>) -> Result<Uuid, Problem> {
    let Path(id) = id.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    id.parse().map_err(|_| {
        let shown: String = id.chars().take(100).collect();
        Problem::bad_request(format!("`{shown}` is no capsule's id, which is a UUID"))
    })
}
