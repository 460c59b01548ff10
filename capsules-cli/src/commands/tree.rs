//! `capsules tree`: which action caused which.

use capsules_core::index::Part;
use capsules_core::tree::{Limits, Link, Node, Tree};
use capsules_core::{SealedRecord, Timestamp, Uuid};
use clap::builder::RangedU64ValueParser;
use serde::Serialize;

use super::list::NONE;
use crate::args::Global;
use crate::columns::status_style;
use crate::filter::FilterArgs;
use crate::human;
use crate::index::IndexArgs;
use crate::reference::Reference;
use crate::source::Store;
use crate::style::{DIM, TITLE, WARN};
use crate::table::{Cell, Column, Table};
use crate::{CliError, Result, Status, output, pager};

/// Show which action caused which: workflows, their agents and their tools
///
/// Of a capsule, the whole tree that it belongs to, or with --below what it caused. Without one,
/// the trees that the selected capsules form among themselves. AFTER is how long after the first
/// one an action began, TOOK how long it took.
///
/// Children are found with the index that `capsules search` keeps. It is a convenience and no
/// evidence, and so are parents: any record may name one. Parents that are missing, and records
/// that name each other in a circle, are marked.
///
/// JSON: {"capsules": [{"depth", "link", "cut", "id", "sequence", "type", "parent_id", "source",
/// "agent", "status", "error", "began", "duration_ms"}], "cut"}, each capsule followed by what it
/// caused; link is root, child, missing, not_shown or circle.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules tree 0199f3a0
  capsules tree --below capsule://audit/42
  capsules tree --session session-abc
  capsules tree --correlation corr-7 --json")]
pub(crate) struct Args {
    /// A capsule: its id, sha3_ and its hash, the beginning of these, or a capsule:// URI
    #[arg(value_name = "CAPSULE", required_unless_present_any = ["session", "correlation"],
        conflicts_with_all = ["session", "correlation"])]
    capsule: Option<Reference>,

    /// Only the capsule and what it caused
    #[arg(long, requires = "capsule")]
    below: bool,

    /// The capsules of this operation (trigger.correlation_id)
    #[arg(long, value_name = "ID")]
    correlation: Option<String>,

    /// At most this many capsules
    #[arg(long, value_name = "N", default_value_t = 1_000,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    limit: usize,

    /// At most this many generations
    #[arg(long, value_name = "N", default_value_t = 64,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    depth: usize,

    #[command(flatten)]
    index: IndexArgs,

    #[command(flatten)]
    filter: FilterArgs,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<Status> {
    let store = Store::open(global)?;
    let storage = store.storage();
    let limits = Limits::new(args.limit, args.depth);
    let (tree, named) = match &args.capsule {
        Some(capsule) => {
            let record = capsule
                .find(storage, &args.filter.chain)?
                .ok_or_else(|| CliError::no_capsule(capsule, storage.location()))?;
            let index = args.index.open(&store, Part::Entries, global)?;
            let tree = match args.below {
                true => Tree::below(&record, storage, &index, limits),
                false => Tree::around(&record, storage, &index, limits),
            };
            (tree?, Some(record.columns.id))
        }
        None => (Tree::of(args.selected(&store, global)?, limits), None),
    };
    if global.json {
        output::print_json(&Answer::from(&tree))?;
    } else {
        pager::show(&render(&tree, named.as_deref()), global)?;
    }
    store.waiting(global).report();
    Ok(Status::Pass)
}

impl Args {
    /// The capsules of a session or an operation, one more than the limit where there are more.
    fn selected(&self, store: &Store, global: &Global) -> Result<Vec<SealedRecord>> {
        let storage = store.storage();
        let filter = self.filter.filter();
        let most = self.limit.saturating_add(1);
        let Some(correlation) = &self.correlation else {
            let filter = filter.oldest_first().limit(most as u64);
            return Ok(storage.list(&filter)?);
        };
        let index = self.index.open(store, Part::Entries, global)?;
        let mut records = Vec::new();
        for place in index.correlated(correlation, usize::MAX)? {
            let record = storage.record_at(place.chain.as_deref(), place.sequence)?;
            records.extend(record.filter(|record| filter.selects(record)));
            if records.len() == most {
                break;
            }
        }
        Ok(records)
    }
}

/// What is printed for programs.
#[derive(Debug, Serialize)]
struct Answer<'t> {
    capsules: Vec<Entry<'t>>,
    cut: bool,
}

#[derive(Debug, Serialize)]
struct Entry<'t> {
    depth: usize,
    link: &'static str,
    cut: bool,
    id: &'t str,
    sequence: i64,
    #[serde(rename = "type")]
    kind: &'t str,
    parent_id: Option<Uuid>,
    source: &'t str,
    agent: &'t str,
    status: &'t str,
    error: Option<&'t str>,
    began: Option<Timestamp>,
    duration_ms: Option<u64>,
}

impl<'t> From<&'t Tree> for Answer<'t> {
    fn from(tree: &'t Tree) -> Self {
        Self {
            capsules: tree.nodes.iter().map(Entry::from).collect(),
            cut: tree.is_cut,
        }
    }
}

impl<'t> From<&'t Node> for Entry<'t> {
    fn from(node: &'t Node) -> Self {
        Self {
            depth: node.depth,
            link: node.link.as_str(),
            cut: node.is_cut,
            id: &node.id,
            sequence: node.sequence,
            kind: &node.kind,
            parent_id: node.parent_id,
            source: &node.source,
            agent: &node.agent,
            status: &node.status,
            error: node.error.as_deref(),
            began: node.began,
            duration_ms: node.duration_ms,
        }
    }
}

fn render(tree: &Tree, named: Option<&str>) -> String {
    if tree.nodes.is_empty() {
        return NONE.to_owned();
    }
    let mut table = Table::new([
        Column::elastic("CAPSULE"),
        Column::left("TYPE"),
        Column::left("STATUS"),
        Column::right("AFTER"),
        Column::right("TOOK"),
        Column::right("SEQ"),
        Column::elastic("NOTE"),
    ]);
    let mut began = None;
    for (node, branch) in tree.nodes.iter().zip(branches(&tree.nodes)) {
        if node.depth == 0 {
            began = node.began;
        }
        let style = match named {
            Some(id) if id == node.id => TITLE,
            _ => anstyle::Style::new(),
        };
        let status = node.status.parse();
        let status_style = status.map_or(DIM, |status| status_style(&status));
        table.row([
            Cell::styled(&format!("{branch}{}", name(node)), style),
            Cell::new(&node.kind),
            Cell::styled(&node.status, status_style),
            Cell::styled(&after(began, node).unwrap_or_default(), DIM),
            Cell::new(&node.duration_ms.map(human::duration).unwrap_or_default()),
            Cell::styled(&node.sequence.to_string(), DIM),
            Cell::styled(&note(node), WARN),
        ]);
    }
    let text = table.render(output::terminal_width());
    if tree.is_cut {
        format!("{text}\n{DIM}There are more: a larger --limit or --depth shows them.{DIM:#}\n")
    } else {
        text
    }
}

fn name(node: &Node) -> &str {
    [&node.source, &node.agent, &node.id]
        .into_iter()
        .find(|name| !name.is_empty())
        .map_or("", String::as_str)
}

/// How long after the first action this one began.
fn after(first: Option<Timestamp>, node: &Node) -> Option<String> {
    let micros = node.began?.as_micros() - first?.as_micros();
    let sign = if micros < 0 { "-" } else { "" };
    let text = human::duration(micros.unsigned_abs() / 1_000);
    (node.depth > 0).then(|| format!("{sign}{text}"))
}

/// What does not fit, or went wrong.
fn note(node: &Node) -> String {
    let mut notes = Vec::new();
    match (node.link, node.parent_id) {
        (Link::Missing, Some(parent)) => notes.push(format!("its parent {parent} is missing")),
        (Link::NotShown, Some(parent)) => notes.push(format!("its parent is {parent}")),
        (Link::Circle, _) => notes.push("its own ancestor: a circle".to_owned()),
        _ => {}
    }
    if node.is_cut {
        notes.push("caused more".to_owned());
    }
    notes.extend(node.error.clone());
    notes.join("; ")
}

/// The lines that connect each capsule with its parent and its sisters.
fn branches(nodes: &[Node]) -> Vec<String> {
    let mut branches = vec![String::new(); nodes.len()];
    // Whether a sister follows, for each generation of what comes after the capsule.
    let mut follows: Vec<bool> = Vec::new();
    for (node, branch) in nodes.iter().zip(&mut branches).rev() {
        follows.resize(node.depth + 1, false);
        for more in follows.iter().take(node.depth).skip(1) {
            *branch += if *more { "│  " } else { "   " };
        }
        if node.depth > 0 {
            *branch += if follows[node.depth] {
                "├─ "
            } else {
                "└─ "
            };
        }
        follows[node.depth] = true;
    }
    branches
}
