//! `GET /`: a page of capsules.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use capsules_core::index::{Index, Part, Query};
use capsules_core::{Filter, SealedRecord, Storage};
use http::{HeaderMap, HeaderValue, Uri, header};

use crate::answer;
use crate::api::{Caller, Shared};
use crate::params::{FilterParams, PageParams, Params};
use crate::problem::Problem;
use crate::schema::Page;
use crate::view::View;

/// A page of capsules, the newest first
///
/// `total` is how many the filters select on all pages; the cursors `before` and `after` do not
/// change it. The next page is in the header `Link`, with a cursor that does not move when capsules
/// are added. A page of very large capsules has fewer of them than `limit`.
#[utoipa::path(
    get,
    path = "/",
    params(FilterParams, PageParams),
    responses(
        Problem,
        (status = 200, body = Page, headers(
            ("ETag" = String), ("Link" = String, description = "The next page, if there is one"),
        )),
        (status = 304, description = "As the client has it"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no capsule to go on from"),
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
    let (limit, offset) = (page.limit, page.offset);
    let cursor = match view.has_chains() {
        true => Cursor::Capsule,
        false => Cursor::Place,
    };
    let found = match page.q.as_deref().map(Query::words) {
        None => {
            let read = Arc::clone(&shared);
            let list = move || listed(&read, &view, &filter, &page);
            shared.reads.run(list).await?
        }
        // Nothing has no word.
        Some(None) => Found::of(Vec::new(), 0, &page),
        Some(Some(query)) => {
            let search = move |index: &Index| searched(index, &view, filter, &page, &query);
            shared.search(Part::Texts, search).await?
        }
    };
    let body = body(&found.records, found.total, limit, offset);
    let mut response = answer::json(&request, body);
    if found.is_cut
        && let Some(last) = found.records.last()
        && let Some(link) = next(&uri, last, cursor)
    {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// What a page shows.
struct Found {
    records: Vec<SealedRecord>,
    /// Whether there are more.
    is_cut: bool,
    total: u64,
}

impl Found {
    /// The records that a page has room for, of which at least one.
    fn of(mut records: Vec<SealedRecord>, total: u64, page: &PageParams) -> Self {
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let fits = |record: &&SealedRecord| {
            bytes += size(record);
            bytes <= MOST_BYTES
        };
        let fitting = records.iter().take(limit).take_while(fits).count().max(1);
        let is_cut = records.len() > fitting;
        records.truncate(fitting);
        Self {
            records,
            is_cut,
            total,
        }
    }
}

/// A page of large records ends after this many bytes, however few they are.
const MOST_BYTES: usize = 16 << 20;

/// As many records are read at once: a usual page, and one more.
const PORTION: u64 = 21;

fn size(record: &SealedRecord) -> usize {
    record.content.len() + record.signature.len() + record.signature_pq.len()
}

/// The part of a filter that a page has. One more than asked for tells whether there are more.
fn part(mut filter: Filter, page: &PageParams) -> Filter {
    (filter.before, filter.after) = (page.before, page.after);
    filter.beyond = page.beyond.map(|id| id.to_string());
    filter.limit(page.limit + 1).offset(page.offset)
}

/// Refuses to go on after a capsule that the view does not show, whether it is there or not.
fn check_cursor(view: &View, page: &PageParams) -> Result<(), Problem> {
    match page.beyond {
        Some(id) if view.get(&id)?.is_none() => Err(Problem::no_cursor()),
        _ => Ok(()),
    }
}

fn listed(
    shared: &Shared,
    view: &View,
    filter: &Filter,
    page: &PageParams,
) -> Result<Found, Problem> {
    check_cursor(view, page)?;
    let mut wanted = part(filter.clone(), page);
    let (mut records, mut bytes) = (Vec::new(), 0);
    let mut left = page.limit + 1;
    loop {
        let some = left.min(PORTION);
        let portion = view.list(&wanted.clone().limit(some))?;
        let is_last = (portion.len() as u64) < some;
        bytes += portion.iter().map(size).sum::<usize>();
        records.extend(portion);
        left -= some;
        match records.last() {
            Some(last) if left > 0 && !is_last && bytes <= MOST_BYTES => {
                wanted = wanted.offset(0).beyond(last.columns.id.clone());
            }
            _ => break,
        }
    }
    let total = shared.totals.get(view, filter, |known, _, range| {
        Ok(known + view.count(range)?)
    })?;
    Ok(Found::of(records, total, page))
}

fn searched(
    index: &Index,
    view: &View,
    mut filter: Filter,
    page: &PageParams,
    query: &Query,
) -> Result<Found, Problem> {
    check_cursor(view, page)?;
    filter.tenant = view.tenant().map(str::to_owned);
    let total = index.count(query, &filter, view)?;
    let found = index.search(query, &part(filter, page), view)?;
    let records = found.into_iter().map(|found| found.record).collect();
    Ok(Found::of(records, total, page))
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

/// What the next page goes on from.
#[derive(Clone, Copy)]
enum Cursor {
    /// The last capsule's place in the chain.
    Place,
    /// The last capsule: places of several chains have no order.
    Capsule,
}

/// Where the next page is, relative to this one (RFC 8288).
fn next(uri: &Uri, last: &SealedRecord, cursor: Cursor) -> Option<HeaderValue> {
    let (name, value) = match cursor {
        Cursor::Place => ("before", last.columns.sequence.to_string()),
        Cursor::Capsule => ("beyond", last.columns.id.clone()),
    };
    let kept = uri.query().unwrap_or_default().split('&').filter(|pair| {
        let found = pair.split('=').next().unwrap_or_default();
        !(matches!(found, "" | "offset" | "beyond") || found == name)
    });
    let next = format!("{name}={value}");
    let query: Vec<_> = kept.chain([next.as_str()]).collect();
    HeaderValue::from_str(&format!("<?{}>; rel=\"next\"", query.join("&"))).ok()
}
