//! `GET /stats`: capsules in numbers.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use capsules_core::stats::{Durations, Figure, Group, Stats, Tally};
use capsules_core::{Filter, Storage, StorageError, Timestamp};
use http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer;
use crate::api::{Caller, Shared};
use crate::cancel::Cancel;
use crate::params::{FilterParams, Params};
use crate::problem::Problem;
use crate::view::View;

/// Capsules in numbers
///
/// What is counted is what the capsules say; /verify tells whether they were changed. Percentiles are
/// within 1.6 %. Of each kind of name the most frequent are listed, of days the latest; the others
/// are added up in `others`.
#[utoipa::path(
    get,
    path = "/stats",
    params(FilterParams),
    responses(
        Problem,
        (status = 200, body = Numbers, headers(("ETag" = String))),
        (status = 304, description = "As the client has it"),
    ),
)]
pub(super) async fn stats(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    request: HeaderMap,
    Params(params): Params<FilterParams>,
) -> Result<Response, Problem> {
    let view = shared.view(&caller, params.tenant_id.as_deref())?;
    let (cancel, _guard) = Cancel::when_dropped();
    let view = view.cancelled_by(cancel);
    let read = Arc::clone(&shared);
    let count = move || {
        let carried = &read.stats;
        carried.get(&view, &params.filter(), |known, chain, range| {
            add(known, &view, chain, range)
        })
    };
    let stats = shared.scans.run(count).await?;
    answer::value(&request, &Numbers::of(&stats))
}

/// Adds what a filter selects of a chain.
fn add(
    mut stats: Arc<Stats>,
    view: &View,
    chain: Option<&str>,
    filter: &Filter,
) -> Result<Arc<Stats>, StorageError> {
    let found = Arc::make_mut(&mut stats);
    let from = filter.after.map_or(0, |after| after.saturating_add(1));
    let end = filter.before.map(i128::from);
    view.scan_ref(chain, from, &mut |record| {
        if end.is_some_and(|end| end <= i128::from(record.columns.sequence)) {
            return ControlFlow::Break(());
        }
        if filter.selects_ref(&record) {
            found.add(&record);
        }
        ControlFlow::Continue(())
    })?;
    Ok(stats)
}

/// Capsules in numbers.
#[derive(Debug, Serialize, ToSchema)]
struct Numbers {
    /// How many there are.
    total: u64,
    /// How many of them cannot be read; they are in no other figure.
    unreadable: u64,
    /// When the earliest action began.
    #[schema(value_type = Option<String>, format = DateTime)]
    first: Option<Timestamp>,
    /// When the latest action began.
    #[schema(value_type = Option<String>, format = DateTime)]
    last: Option<Timestamp>,
    /// By type.
    types: Vec<Kind>,
    /// By `trigger.source`.
    sources: Vec<Kind>,
    /// By outcome.
    statuses: Vec<Count>,
    /// By tenant; capsules without one are left out.
    tenants: Vec<Count>,
    /// By the day (UTC) on which the action began, in their order.
    days: Vec<Count>,
    /// By the first line of `outcome.error`.
    errors: Vec<Count>,
    /// How many have a name that is not listed.
    others: Others,
}

/// Capsules that have a name in common.
#[derive(Debug, Serialize, ToSchema)]
struct Kind {
    name: String,
    count: u64,
    /// How many of them failed.
    failures: u64,
    durations: Percentiles,
}

/// Durations in milliseconds; nothing where none is known.
#[derive(Debug, Serialize, ToSchema)]
struct Percentiles {
    p50: Option<u64>,
    p95: Option<u64>,
    p99: Option<u64>,
    max: Option<u64>,
}

/// How many capsules have a name.
#[derive(Debug, Serialize, ToSchema)]
struct Count {
    name: String,
    count: u64,
}

/// How many capsules have a name that is not listed.
#[derive(Debug, Serialize, ToSchema)]
struct Others {
    sources: u64,
    tenants: u64,
    days: u64,
    errors: u64,
}

/// As many names are listed.
const NAMES: usize = 100;
/// As many days are listed: ten years.
const DAYS: usize = 3_653;

impl Numbers {
    fn of(stats: &Stats) -> Self {
        let counted = |name: &str, count: &u64| Count::of(name, *count);
        let (sources, other_sources) = listed(&stats.sources, Kind::of);
        let (tenants, other_tenants) = listed(&stats.tenants, counted);
        let (errors, other_errors) = listed(&stats.errors, counted);
        let days = stats.days.sorted();
        let earlier = days.len().saturating_sub(DAYS);
        let all: u64 = stats.days.sorted().map(|(_, count)| *count).sum();
        let days: Vec<Count> = days
            .skip(earlier)
            .map(|(name, count)| Count::of(name, *count))
            .collect();
        let shown: u64 = days.iter().map(|day| day.count).sum();
        Self {
            total: stats.total,
            unreadable: stats.unreadable,
            first: stats.first,
            last: stats.last,
            types: listed(&stats.types, Kind::of).0,
            statuses: listed(&stats.statuses, counted).0,
            sources,
            tenants,
            others: Others {
                sources: other_sources,
                tenants: other_tenants,
                days: all - shown + stats.days.others().copied().unwrap_or_default(),
                errors: other_errors,
            },
            days,
            errors,
        }
    }
}

/// The most frequent names, and how many capsules have another one.
fn listed<T: Figure + Default, A>(tally: &Tally<T>, show: impl Fn(&str, &T) -> A) -> (Vec<A>, u64) {
    let mut rest = tally.others().map_or(0, Figure::count);
    let mut shown = Vec::new();
    for (name, figure) in tally.top() {
        if shown.len() < NAMES {
            shown.push(show(name, figure));
        } else {
            rest += figure.count();
        }
    }
    (shown, rest)
}

impl Kind {
    fn of(name: &str, group: &Group) -> Self {
        Self {
            name: name.to_owned(),
            count: group.count,
            failures: group.failures,
            durations: Percentiles::of(&group.durations),
        }
    }
}

impl Percentiles {
    fn of(durations: &Durations) -> Self {
        Self {
            p50: durations.percentile(50),
            p95: durations.percentile(95),
            p99: durations.percentile(99),
            max: durations.max(),
        }
    }
}

impl Count {
    fn of(name: &str, count: u64) -> Self {
        Self {
            name: name.to_owned(),
            count,
        }
    }
}
