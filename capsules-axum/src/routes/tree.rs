//! `GET /{id}/tree`: which action caused which.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use capsules_core::index::{Index, Part};
use capsules_core::tree::{Limits, Node, Tree};
use capsules_core::{Storage, Timestamp, Uuid};
use http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use super::record::parse_id;
use crate::answer;
use crate::api::{Caller, Shared};
use crate::params::{Params, TenantParam};
use crate::problem::Problem;

/// The tree of actions that a capsule belongs to
///
/// From the first cause that is on record, each capsule followed by those that it caused. Parents
/// are what the capsules say: one that is missing, or that is its own ancestor, is marked.
#[utoipa::path(
    get,
    path = "/{id}/tree",
    params(("id" = Uuid, Path, description = "The capsule's id"), TenantParam),
    responses(
        Problem,
        (status = 200, body = Workflow, headers(("ETag" = String))),
        (status = 304, description = "As the client has it"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn tree(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    request: HeaderMap,
    Params(params): Params<TenantParam>,
) -> Result<Response, Problem> {
    let id = parse_id(id)?;
    let view = shared.view(&caller, params.tenant_id.as_deref())?;
    let grow = move |index: &Index| {
        let record = view.get(&id)?.ok_or_else(Problem::no_capsule)?;
        Ok(Tree::around(&record, &view, index, Limits::default())?)
    };
    let tree = shared.search(Part::Entries, grow).await?;
    let nodes = tree.nodes.iter().map(Entry::of).collect();
    let is_cut = tree.is_cut;
    answer::value(&request, &Workflow { nodes, is_cut })
}

/// Actions that caused each other.
#[derive(Debug, Serialize, ToSchema)]
struct Workflow<'t> {
    /// The capsules, each followed by those that it caused.
    nodes: Vec<Entry<'t>>,
    /// Whether there are more.
    is_cut: bool,
}

/// A capsule in a tree.
#[derive(Debug, Serialize, ToSchema)]
struct Entry<'t> {
    id: &'t str,
    parent_id: Option<Uuid>,
    /// How many generations are above it.
    depth: usize,
    #[serde(rename = "type")]
    kind: &'t str,
    /// `trigger.source`; of longer texts, here and below, the beginning.
    source: &'t str,
    /// `context.agent_id`
    agent: &'t str,
    /// `outcome.status`
    status: &'t str,
    /// `outcome.error`
    error: Option<&'t str>,
    /// When the action began.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// How long it took.
    duration_ms: Option<u64>,
    /// The place in the chain.
    sequence: i64,
    /// How it is connected with what is above it.
    #[schema(pattern = "^(root|child|missing|not_shown|circle)$")]
    link: &'static str,
    /// Whether it caused more than what is shown.
    is_cut: bool,
}

impl<'t> Entry<'t> {
    fn of(node: &'t Node) -> Self {
        Self {
            id: &node.id,
            parent_id: node.parent_id,
            depth: node.depth,
            kind: &node.kind,
            source: &node.source,
            agent: &node.agent,
            status: &node.status,
            error: node.error.as_deref(),
            started_at: node.began,
            duration_ms: node.duration_ms,
            sequence: node.sequence,
            link: node.link.as_str(),
            is_cut: node.is_cut,
        }
    }
}
