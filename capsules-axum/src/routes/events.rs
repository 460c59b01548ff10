//! `GET /events`: capsules as they are stored.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use capsules_core::{Filter, SealedRecord, Storage, StorageError};
use futures_util::stream;
use http::{HeaderMap, HeaderName};
use tokio::sync::OwnedSemaphorePermit;

use crate::answer;
use crate::api::{Caller, Shared};
use crate::params::{EventParams, Params};
use crate::problem::Problem;
use crate::view::View;

/// New capsules as they are stored
///
/// Server-sent events `capsule` with the sealed record as data and its place as id, from the place
/// `after` on, or the one in the header `Last-Event-ID`, or from now on.
#[utoipa::path(
    get,
    path = "/events",
    params(EventParams),
    responses(
        (status = 200, body = String, content_type = "text/event-stream"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn events(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    request: HeaderMap,
    Params(params): Params<EventParams>,
) -> Result<Response, Problem> {
    let view = shared.view(&caller, params.tenant_id.as_deref())?;
    if view.has_chains() {
        return Err(Problem::bad_request(
            "This store keeps a chain for each tenant: `tenant_id` has to name one",
        ));
    }
    let place = shared.stream()?;
    let after = match last_event(&request)? {
        Some(last) => Some(last),
        None => params.after,
    };
    let last = match after {
        Some(after) => Some(after),
        None => {
            let view = view.clone();
            let head = shared.reads.run(move || view.head(view.chain())).await?;
            head.map(|head| head.sequence)
        }
    };
    let follower = Follower {
        shared,
        view,
        last,
        waiting: VecDeque::new(),
        _place: place,
    };
    let events = stream::unfold(follower, |mut follower| async move {
        let record = follower.next().await?;
        Some((event(&record), follower))
    });
    let sse = Sse::new(events).keep_alive(KeepAlive::default());
    Ok(sse.into_response())
}

/// Where a client that was cut off goes on.
fn last_event(request: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(id) = request.get(HeaderName::from_static("last-event-id")) else {
        return Ok(None);
    };
    let id = id.to_str().ok().and_then(|id| id.parse().ok());
    id.map(Some).ok_or_else(|| {
        Problem::bad_request("`Last-Event-ID` is no place in a chain, which is a whole number")
    })
}

fn event(record: &SealedRecord) -> Result<Event, Infallible> {
    let id = record.columns.sequence.to_string();
    // A content may be stored with line breaks, which would end the data.
    let data = answer::record(record);
    let data = if data.contains('\r') {
        data.replace('\r', " ")
    } else {
        data
    };
    Ok(Event::default().event("capsule").id(id).data(data))
}

/// What has not been told yet.
struct Follower {
    shared: Arc<Shared>,
    view: View,
    /// The place up to which everything was read.
    last: Option<u64>,
    waiting: VecDeque<SealedRecord>,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// The next record, which may be long in coming. Nothing when the store does not answer any
    /// more; the client connects again by itself.
    async fn next(&mut self) -> Option<SealedRecord> {
        loop {
            if let Some(record) = self.waiting.pop_front() {
                return Some(record);
            }
            let (view, last) = (self.view.clone(), self.last);
            let read = self.shared.reads.run(move || after(&view, last)).await;
            let (found, last) = read.ok()?;
            self.waiting.extend(found);
            self.last = last;
            if self.waiting.is_empty() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Some of the records after a place, and the place up to which there are no others.
fn after(view: &View, last: Option<u64>) -> Result<(Vec<SealedRecord>, Option<u64>), StorageError> {
    let Some(head) = view.head(view.chain())? else {
        return Ok((Vec::new(), None));
    };
    if last.is_some_and(|last| head.sequence <= last) {
        // A chain that was cut goes on from where it ends now.
        return Ok((Vec::new(), Some(head.sequence)));
    }
    let mut filter = Filter::new().oldest_first().limit(AT_ONCE);
    filter.after = last;
    filter.before = head.sequence.checked_add(1);
    let found = view.list(&filter)?;
    let is_full = found.len() as u64 == AT_ONCE;
    let end = match found.last() {
        Some(record) if is_full => u64::try_from(record.columns.sequence).ok(),
        _ => Some(head.sequence),
    };
    Ok((found, end))
}

/// Between two looks at the store.
const PAUSE: Duration = Duration::from_millis(500);

/// So many records are read at once.
const AT_ONCE: u64 = 50;
