//! `GET /`: a page of capsules.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use capsules_core::{SealedRecord, Storage, StorageError};
use http::{HeaderMap, HeaderValue, Uri, header};

use crate::answer;
use crate::api::{Caller, Shared};
use crate::params::{FilterParams, PageParams, Params};
use crate::problem::Problem;
use crate::schema::Page;

/// A page of capsules, the newest first
///
/// `total` is how many the filters select on all pages; the cursors `before` and `after` do not
/// change it. The next page is in the header `Link`, with a cursor that does not move when capsules
/// are added.
#[utoipa::path(
    get,
    path = "/",
    params(FilterParams, PageParams),
    responses(
        (status = 200, body = Page, headers(
            ("ETag" = String), ("Link" = String, description = "The next page, if there is one"),
        )),
        (status = 304, description = "As the client has it"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    uri: Uri,
    request: HeaderMap,
    Params((filter, page)): Params<(FilterParams, PageParams)>,
) -> Result<Response, Problem> {
    let view = shared.view(&caller, filter.tenant_id.as_deref())?;
    let filter = filter.filter();
    let PageParams {
        limit,
        offset,
        before,
        after,
    } = page;
    let read = Arc::clone(&shared);
    let (records, total) = shared
        .reads
        .run(move || {
            let mut wanted = filter.clone();
            (wanted.before, wanted.after) = (before, after);
            // One more than asked for tells whether there are more.
            let records = view.list(&wanted.limit(limit + 1).offset(offset))?;
            let total = read.totals.get(&view, &filter, |known, _, range| {
                Ok(known + view.count(range)?)
            })?;
            Ok::<_, StorageError>((records, total))
        })
        .await?;
    let limited = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_last = records.len() <= limited;
    let records = &records[..records.len().min(limited)];
    let mut response = answer::json(&request, body(records, total, limit, offset));
    if !is_last && let Some(link) = records.last().and_then(|last| next(&uri, last)) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response.into_response())
}

fn body(records: &[SealedRecord], total: u64, limit: u64, offset: u64) -> String {
    let mut body = r#"{"capsules":["#.to_owned();
    for (place, record) in records.iter().enumerate() {
        if place > 0 {
            body.push(',');
        }
        body.push_str(&answer::record(record));
    }
    body + &format!(r#"],"total":{total},"limit":{limit},"offset":{offset}}}"#)
}

/// Where the next page is, relative to this one (RFC 8288).
fn next(uri: &Uri, last: &SealedRecord) -> Option<HeaderValue> {
    let kept = uri.query().unwrap_or_default().split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !matches!(name, "" | "before" | "offset")
    });
    let cursor = format!("before={}", last.columns.sequence);
    let query: Vec<_> = kept.chain([cursor.as_str()]).collect();
    HeaderValue::from_str(&format!("<?{}>; rel=\"next\"", query.join("&"))).ok()
}
