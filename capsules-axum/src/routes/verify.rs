//! `GET /verify` and what belongs to it: is the chain what was sealed?

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use capsules_core::verify::Level;
use futures_core::Stream;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::answer;
use crate::api::{Caller, Shared};
use crate::params::{Params, VerifyParams};
use crate::problem::Problem;
use crate::verdict::{Report, Verdict};
use crate::verdicts::{Outcome, Wait};
use crate::view::View;

/// Whether a chain is what was sealed, in the form of the protocol's other implementations
///
/// Everything that can be verified is, unless a lower level is asked for. A verdict of the last
/// minute is given again, with its age, unless the request says `Cache-Control: no-cache`. A
/// verification that nobody waits for any more ends.
#[utoipa::path(
    get,
    path = "/verify",
    params(VerifyParams),
    responses(
        Problem,
        (status = 200, body = Verdict, headers(
            ("Age" = u64, description = "The seconds since it was verified"),
            ("Capsules-Head" = String, description = "The last capsule that was verified, as SEQUENCE:HASH"),
        )),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "There is no key to verify signatures with"),
    ),
)]
pub(super) async fn verify(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    request: HeaderMap,
    Params(params): Params<VerifyParams>,
) -> Result<Response, Problem> {
    let (report, headers) = answered(&shared, &caller, &request, params).await?;
    json(headers, &Verdict::from(report))
}

/// The verdict on each question, with what was found
#[utoipa::path(
    get,
    path = "/verify/report",
    params(VerifyParams),
    responses(
        Problem,
        (status = 200, body = Report, headers(
            ("Age" = u64, description = "The seconds since it was verified"),
            ("Capsules-Head" = String, description = "The last capsule that was verified, as SEQUENCE:HASH"),
        )),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "There is no key to verify signatures with"),
    ),
)]
pub(super) async fn report(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    request: HeaderMap,
    Params(params): Params<VerifyParams>,
) -> Result<Response, Problem> {
    let (report, headers) = answered(&shared, &caller, &request, params).await?;
    json(headers, &report)
}

/// The progress of a verification, and its report
///
/// Server-sent events: `progress` with `verified` and `total`, and at last `report`, which is as
/// /verify/report gives it, or `problem`. Closing the connection gives the verification up, unless
/// somebody else waits for it.
#[utoipa::path(
    get,
    path = "/verify/stream",
    params(VerifyParams),
    responses(
        Problem,
        (status = 200, description = "Server-sent events (`text/event-stream`)"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "There is no key to verify signatures with"),
    ),
)]
pub(super) async fn stream(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    request: HeaderMap,
    Params(params): Params<VerifyParams>,
) -> Result<Response, Problem> {
    let place = shared.stream()?;
    let (wait, view) = begun(&shared, &caller, &request, params).await?;
    let events = told(Arc::clone(&shared), wait, view, place);
    let sse = Sse::new(events).keep_alive(KeepAlive::default());
    Ok(sse.into_response())
}

/// Begins a verification, or joins one.
async fn begun(
    shared: &Arc<Shared>,
    caller: &Caller,
    request: &HeaderMap,
    params: VerifyParams,
) -> Result<(Wait, View), Problem> {
    let view = shared.view(caller, params.tenant_id.as_deref())?;
    let read = Arc::clone(shared);
    let keys = shared.reads.run(move || read.keys()).await?;
    let level = match (params.level, keys.is_empty()) {
        (Some(Level::Signatures), true) => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "There is no public key here to verify signatures with; ask for the level full",
            ));
        }
        (Some(level), _) => level,
        (None, true) => Level::Full,
        (None, false) => Level::Signatures,
    };
    let wait = shared.verdicts.of(&view, &keys, level, wants_new(request));
    Ok((wait, view))
}

/// Whether the client wants an answer that was not kept (RFC 9111, section 5.2.1.4).
fn wants_new(request: &HeaderMap) -> bool {
    let values = request.get_all(header::CACHE_CONTROL).iter();
    let directives = values.filter_map(|value| value.to_str().ok());
    directives
        .flat_map(|text| text.split(','))
        .any(|directive| directive.trim().eq_ignore_ascii_case("no-cache"))
}

async fn answered(
    shared: &Arc<Shared>,
    caller: &Caller,
    request: &HeaderMap,
    params: VerifyParams,
) -> Result<(Report, HeaderMap), Problem> {
    let (wait, view) = begun(shared, caller, request, params).await?;
    let outcome = wait.end().await?;
    let report = reported(shared, view, outcome).await?;
    let mut headers = HeaderMap::new();
    headers.insert(header::AGE, HeaderValue::from(report.age_seconds));
    if let Some(head) = &report.head
        && let Ok(head) = HeaderValue::from_str(&format!("{}:{}", head.sequence, head.hash))
    {
        headers.insert("capsules-head", head);
    }
    Ok((report, headers))
}

fn json(mut headers: HeaderMap, value: &impl Serialize) -> Result<Response, Problem> {
    headers.insert(header::CONTENT_TYPE, answer::JSON);
    let body = serde_json::to_vec(value).map_err(|error| Problem::internal(&error))?;
    Ok((headers, body).into_response())
}

/// What a view's owner may know of it.
async fn reported(shared: &Shared, view: View, outcome: Arc<Outcome>) -> Result<Report, Problem> {
    let read = shared.reads.run(move || Report::of(&outcome, &view));
    read.await
}

/// The events of a verification. Ends after the last one.
fn told(
    shared: Arc<Shared>,
    wait: Wait,
    view: View,
    place: impl Send + 'static,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let begun = Some((wait, view, place));
    stream::unfold(begun, move |state| {
        let shared = Arc::clone(&shared);
        async move {
            let (mut wait, view, place) = state?;
            let progress = wait.next().await;
            let Some(done) = progress.done else {
                let told = Told {
                    verified: progress.verified,
                    total: progress.total,
                };
                let told = match view.is_shared() {
                    true => told.in_percent(),
                    false => told,
                };
                let event = event("progress", &told);
                return Some((Ok(event), Some((wait, view, place))));
            };
            let report = match done {
                Ok(outcome) => reported(&shared, view, outcome).await,
                Err(problem) => Err(problem),
            };
            let last = match &report {
                Ok(report) => event("report", report),
                Err(problem) => event("problem", problem),
            };
            Some((Ok(last), None))
        }
    })
}

/// How far a verification is.
#[derive(Debug, Serialize)]
struct Told {
    verified: u64,
    total: u64,
}

impl Told {
    /// For a tenant, who is not to know how many capsules the others have.
    fn in_percent(self) -> Self {
        let verified = self.verified.saturating_mul(100) / self.total.max(1);
        Self {
            verified: verified.min(100),
            total: 100,
        }
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    // Texts and numbers cannot fail to be written.
    let data = serde_json::to_string(data).unwrap_or_default();
    Event::default().event(name).data(data)
}
