//! `capsules stats`: a chain in numbers.

use std::collections::BTreeMap;
use std::fmt::Write;

use anstyle::Style;
use capsules_core::Timestamp;
use capsules_core::stats::{Durations, Figure, Group, Stats, Tally};
use serde::Serialize;

use crate::args::Global;
use crate::columns::status_style;
use crate::filter::FilterArgs;
use crate::human::{self, counted, number};
use crate::progress::{Progress, Unit};
use crate::source::{self, Store};
use crate::style::{BAD, DIM, TITLE};
use crate::table::{Cell, Column, Table};
use crate::{Result, Status, output, pager};

/// Count capsules by type, status, tenant and day, with durations and failures
///
/// Reads the chains once, in little memory. Percentiles are within 1.6 %. What is counted is what
/// the capsules say; `verify` tells whether it was changed.
///
/// JSON: {"total", "unreadable", "first", "last", "types", "sources", "statuses", "tenants", "days",
/// "errors", "others"}; from "types" on objects from names to numbers, or for types and sources to
/// {"count", "failures", "duration_ms": {"p50", "p95", "p99", "max"}}. What has none of the first
/// 10,000 names, or 1,000 for types and sources, is counted under "others".
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules stats
  capsules stats --since 24h --top 20
  capsules stats --tenant acme --type tool --json | jq .sources")]
pub(crate) struct Args {
    /// Show this many sources, tenants, days and errors
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,

    #[command(flatten)]
    filter: FilterArgs,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<Status> {
    let store = Store::open(global)?;
    let (storage, filter) = (store.storage(), args.filter.filter());
    let length = source::length(storage, &filter.chains(storage)?);
    let progress = Progress::new(global, "Counting", Unit::Capsules, length);
    let stats = Stats::of(storage, &filter, &mut |read| progress.reached(read))?;
    drop(progress);
    if global.json {
        output::print_json(&Answer::from(&stats))?;
    } else {
        pager::show(&render(&stats, args.top), global)?;
    }
    store.waiting(global).report();
    Ok(Status::Pass)
}

/// What is printed for programs.
#[derive(Debug, Serialize)]
struct Answer<'s> {
    total: u64,
    unreadable: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    types: BTreeMap<&'s str, GroupAnswer>,
    sources: BTreeMap<&'s str, GroupAnswer>,
    statuses: BTreeMap<&'s str, u64>,
    tenants: BTreeMap<&'s str, u64>,
    days: BTreeMap<&'s str, u64>,
    errors: BTreeMap<&'s str, u64>,
    others: Others,
}

/// What has one of too many names.
#[derive(Debug, Serialize)]
struct Others {
    types: Option<GroupAnswer>,
    sources: Option<GroupAnswer>,
    statuses: Option<u64>,
    tenants: Option<u64>,
    days: Option<u64>,
    errors: Option<u64>,
}

#[derive(Debug, Serialize)]
struct GroupAnswer {
    count: u64,
    failures: u64,
    duration_ms: Percentiles,
}

#[derive(Debug, Serialize)]
struct Percentiles {
    p50: Option<u64>,
    p95: Option<u64>,
    p99: Option<u64>,
    max: Option<u64>,
}

impl<'s> From<&'s Stats> for Answer<'s> {
    fn from(stats: &'s Stats) -> Self {
        Self {
            total: stats.total,
            unreadable: stats.unreadable,
            first: stats.first,
            last: stats.last,
            types: named(&stats.types, |group| group.into()),
            sources: named(&stats.sources, |group| group.into()),
            statuses: named(&stats.statuses, u64::clone),
            tenants: named(&stats.tenants, u64::clone),
            days: named(&stats.days, u64::clone),
            errors: named(&stats.errors, u64::clone),
            others: Others {
                types: stats.types.others().map(Into::into),
                sources: stats.sources.others().map(Into::into),
                statuses: stats.statuses.others().copied(),
                tenants: stats.tenants.others().copied(),
                days: stats.days.others().copied(),
                errors: stats.errors.others().copied(),
            },
        }
    }
}

fn named<T, A>(tally: &Tally<T>, answer: impl Fn(&T) -> A) -> BTreeMap<&str, A>
where
    T: Figure + Default,
{
    let figures = tally.sorted();
    figures
        .map(|(name, figure)| (name, answer(figure)))
        .collect()
}

impl From<&Group> for GroupAnswer {
    fn from(group: &Group) -> Self {
        Self {
            count: group.count,
            failures: group.failures,
            duration_ms: (&group.durations).into(),
        }
    }
}

impl From<&Durations> for Percentiles {
    fn from(durations: &Durations) -> Self {
        Self {
            p50: durations.percentile(50),
            p95: durations.percentile(95),
            p99: durations.percentile(99),
            max: durations.max(),
        }
    }
}

fn render(stats: &Stats, top: usize) -> String {
    let width = output::terminal_width();
    let mut text = String::new();
    let counted = counted(stats.total, "capsule");
    let _ = write!(text, "{TITLE}{counted}{TITLE:#}");
    if let (Some(first), Some(last)) = (stats.first, stats.last) {
        let (first, last) = (human::time(first), human::time(last));
        let _ = write!(text, "{DIM}, begun from {first} to {last} UTC{DIM:#}");
    }
    text.push('\n');
    if stats.unreadable > 0 {
        let unreadable = number(stats.unreadable);
        let _ = writeln!(
            text,
            "{BAD}{unreadable} unreadable{BAD:#}, in no other figure"
        );
    }
    for table in [
        groups("TYPE", &stats.types, usize::MAX),
        groups("SOURCE", &stats.sources, top),
        counts("STATUS", &stats.statuses, stats.total, usize::MAX, |name| {
            name.parse()
                .map_or(Style::new(), |status| status_style(&status))
        }),
        counts("TENANT", &stats.tenants, stats.total, top, |_| Style::new()),
        days(&stats.days, stats.total, top),
        counts("ERROR", &stats.errors, stats.total, top, |_| Style::new()),
    ]
    .into_iter()
    .flatten()
    {
        text.push('\n');
        text += &table.render(width);
    }
    text
}

/// Durations and failures of the most frequent names.
fn groups(title: &'static str, groups: &Tally<Group>, top: usize) -> Option<Table> {
    let mut table = Table::new([
        Column::elastic(title),
        Column::right("COUNT"),
        Column::right("FAILED"),
        Column::right("P50"),
        Column::right("P95"),
        Column::right("P99"),
        Column::right("MAX"),
    ]);
    let cells = |name: Cell, group: &Group| {
        let took =
            |millis: Option<u64>| Cell::new(&millis.map(human::duration).unwrap_or_default());
        let Percentiles { p50, p95, p99, max } = (&group.durations).into();
        let failed = if group.failures > 0 {
            BAD
        } else {
            Style::new()
        };
        [
            name,
            Cell::new(&number(group.count)),
            Cell::styled(&number(group.failures), failed),
            took(p50),
            took(p95),
            took(p99),
            took(max),
        ]
    };
    let mut rest = groups.others().cloned();
    let named = groups.top();
    let left = named.len().saturating_sub(top);
    for (place, (name, group)) in named.enumerate() {
        if place < top {
            table.row(cells(name_cell(name, Style::new()), group));
        } else {
            rest.get_or_insert_default().merge(group);
        }
    }
    if let Some(rest) = rest {
        table.row(cells(rest_cell(left, groups.others().is_some()), &rest));
    }
    (groups.top().len() > 0).then_some(table)
}

/// The most frequent names, with their shares.
fn counts(
    title: &'static str,
    counts: &Tally<u64>,
    total: u64,
    top: usize,
    style: impl Fn(&str) -> Style,
) -> Option<Table> {
    let mut table = count_table(title);
    let mut rest = counts.others().copied().unwrap_or_default();
    let named = counts.top();
    let left = named.len().saturating_sub(top);
    for (place, (name, count)) in named.enumerate() {
        if place < top {
            table.row(count_row(name_cell(name, style(name)), *count, total));
        } else {
            rest += count;
        }
    }
    if rest > 0 {
        let others = rest_cell(left, counts.others().is_some());
        table.row(count_row(others, rest, total));
    }
    (counts.top().len() > 0).then_some(table)
}

/// The last days, in their order.
fn days(days: &Tally<u64>, total: u64, top: usize) -> Option<Table> {
    let mut table = count_table("DAY (UTC)");
    let named = days.sorted();
    let earlier = named.len().saturating_sub(top);
    let mut rest = days.others().copied().unwrap_or_default();
    let mut shown = Vec::new();
    for (place, (name, count)) in named.enumerate() {
        if place < earlier {
            rest += count;
        } else {
            shown.push((name, *count));
        }
    }
    if rest > 0 {
        let others = rest_cell(earlier, days.others().is_some());
        table.row(count_row(others, rest, total));
    }
    for (name, count) in shown {
        table.row(count_row(Cell::new(name), count, total));
    }
    (days.sorted().len() > 0).then_some(table)
}

fn count_table(title: &'static str) -> Table {
    Table::new([
        Column::elastic(title),
        Column::right("COUNT"),
        Column::right("SHARE"),
    ])
}

fn count_row(name: Cell, count: u64, total: u64) -> [Cell; 3] {
    let share = share(count, total);
    [name, Cell::new(&number(count)), Cell::styled(&share, DIM)]
}

/// A share in per cent, rounded half up.
fn share(count: u64, total: u64) -> String {
    let total = u128::from(total.max(1));
    let permille = (u128::from(count) * 1_000 + total / 2) / total;
    format!("{}.{} %", permille / 10, permille % 10)
}

fn name_cell(name: &str, style: Style) -> Cell {
    match name {
        "" => Cell::styled("(none)", DIM),
        name => Cell::styled(name, style),
    }
}

/// For what is not shown by name: so many names, or more than are known.
fn rest_cell(names: usize, more: bool) -> Cell {
    let names = number(names as u64);
    let more = if more { "+" } else { "" };
    Cell::styled(&format!("({names}{more} others)"), DIM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded() {
        for (count, total, expected) in [
            (0, 0, "0.0 %"),
            (2, 3, "66.7 %"),
            (1, 3, "33.3 %"),
            (1, 2_000, "0.1 %"),
            (1, 2_001, "0.0 %"),
            (u64::MAX, u64::MAX, "100.0 %"),
        ] {
            assert_eq!(share(count, total), expected, "{count} of {total}");
        }
    }
}
