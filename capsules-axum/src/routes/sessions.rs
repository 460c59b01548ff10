//! `GET /sessions`: the sessions that capsules name.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use capsules_core::index::{self, Index, Part};
use capsules_core::{Filter, Timestamp};
use http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer;
use crate::api::{Caller, Shared};
use crate::params::{Params, SessionParams};
use crate::problem::Problem;

/// The sessions that capsules name, the one with the latest action first
#[utoipa::path(
    get,
    path = "/sessions",
    params(SessionParams),
    responses(
        Problem,
        (status = 200, body = Sessions, headers(("ETag" = String))),
        (status = 304, description = "As the client has it"),
    ),
)]
pub(super) async fn sessions(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    request: HeaderMap,
    Params(params): Params<SessionParams>,
) -> Result<Response, Problem> {
    let view = shared.view(&caller, params.tenant_id.as_deref())?;
    // One more than asked for tells whether there are more.
    let mut filter = Filter::new().limit(params.limit + 1);
    filter.tenant = view.tenant().map(str::to_owned);
    let list = move |index: &Index| Ok(index.sessions(&filter)?);
    let found = shared.search(Part::Entries, list).await?;
    let limit = usize::try_from(params.limit).unwrap_or(usize::MAX);
    let is_cut = found.len() > limit;
    let sessions = found.into_iter().take(limit).map(Session::from).collect();
    answer::value(&request, &Sessions { sessions, is_cut })
}

/// Sessions.
#[derive(Debug, Serialize, ToSchema)]
struct Sessions {
    /// The sessions, the one with the latest action first.
    sessions: Vec<Session>,
    /// Whether there are more.
    is_cut: bool,
}

/// Capsules that belong together.
#[derive(Debug, Serialize, ToSchema)]
struct Session {
    /// The session's id.
    #[serde(rename = "session_id")]
    id: String,
    /// How many capsules name it.
    count: u64,
    /// When its earliest action began.
    #[schema(value_type = Option<String>, format = DateTime)]
    first: Option<Timestamp>,
    /// When its latest action began.
    #[schema(value_type = Option<String>, format = DateTime)]
    last: Option<Timestamp>,
    /// How many of the actions failed.
    failures: u64,
}

impl From<index::Session> for Session {
    fn from(session: index::Session) -> Self {
        Self {
            id: session.id,
            count: session.count,
            first: session.first,
            last: session.last,
            failures: session.failures,
        }
    }
}
