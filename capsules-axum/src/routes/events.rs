//! `GET /events`: capsules as they are stored.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::mem;
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
/// `after` on, or the one in the header `Last-Event-ID`, or from now on. Of several chains the events
/// have no id.
#[utoipa::path(
    get,
    path = "/events",
    params(EventParams),
    responses(
        Problem,
        (status = 200, description = "Server-sent events (`text/event-stream`)"),
    ),
)]
pub(super) async fn events(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    request: HeaderMap,
    Params(params): Params<EventParams>,
) -> Result<Response, Problem> {
    let view = shared.view(&caller, params.tenant_id.as_deref())?;
    let place = shared.stream()?;
    let after = match last_event(&request)? {
        Some(last) => Some(last),
        None => params.after,
    };
    let last = match after {
        Some(after) if !view.has_chains() => {
            HashMap::from([(view.chain().map(str::to_owned), after)])
        }
        _ => {
            let view = view.clone();
            let heads = shared.reads.run(move || view.heads()).await?;
            let places = heads
                .into_iter()
                .map(|(chain, head)| (chain, head.sequence));
            places.collect()
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
        let event = event(&record, follower.view.has_chains());
        Some((Ok::<_, Infallible>(event), follower))
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

fn event(record: &SealedRecord, has_chains: bool) -> Event {
    // A content may be stored with line breaks, which would end the data.
    let data = answer::record(record).replace('\r', " ");
    let event = Event::default().event("capsule").data(data);
    match has_chains {
        // Places of several chains are nothing to go on from.
        true => event,
        false => event.id(record.columns.sequence.to_string()),
    }
}

/// What has not been told yet.
struct Follower {
    shared: Arc<Shared>,
    view: View,
    /// The place of each chain up to which everything was read.
    last: HashMap<Option<String>, u64>,
    waiting: VecDeque<SealedRecord>,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// The next record, which may be long in coming, as may be a server that is away. Nothing when
    /// the store does not answer any more; the client connects again by itself.
    async fn next(&mut self) -> Option<SealedRecord> {
        loop {
            if let Some(record) = self.waiting.pop_front() {
                return Some(record);
            }
            let (view, last) = (self.view.clone(), mem::take(&mut self.last));
            let read = move || {
                let found = match after(&view, &last) {
                    Err(StorageError::Unreachable { .. }) => Ok(Vec::new()),
                    found => found,
                };
                found.map(|found| (found, last))
            };
            let (found, last) = self.shared.reads.run(read).await.ok()?;
            self.last = last;
            for (chain, records, end) in found {
                self.waiting.extend(records);
                self.last.extend(end.map(|end| (chain, end)));
            }
            if self.waiting.is_empty() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Places of chains.
type Places = HashMap<Option<String>, u64>;

/// What of a chain comes after a place: some of the records, and the place up to which there are no
/// others.
type Found = (Option<String>, Vec<SealedRecord>, Option<u64>);

/// What comes after these places.
fn after(view: &View, last: &Places) -> Result<Vec<Found>, StorageError> {
    let mut found = Vec::new();
    for (chain, head) in view.heads()? {
        let seen = last.get(&chain).copied();
        // A chain that was cut goes on from where it ends now.
        let mut end = Some(head.sequence);
        let mut records = Vec::new();
        if seen.is_none_or(|seen| seen < head.sequence) {
            let mut filter = Filter::new().oldest_first().limit(AT_ONCE);
            filter.after = seen;
            filter.before = head.sequence.checked_add(1);
            if view.has_chains() {
                filter.tenant.clone_from(&chain);
                filter.without_tenant = chain.is_none();
            }
            records = view.list(&filter)?;
            if records.len() as u64 == AT_ONCE {
                let read = records.last().map(|record| record.columns.sequence);
                end = read.and_then(|read| u64::try_from(read).ok());
            }
        }
        found.push((chain, records, end));
    }
    Ok(found)
}

/// Between two looks at the store.
const PAUSE: Duration = Duration::from_millis(500);

/// So many records are read at once.
const AT_ONCE: u64 = 50;
