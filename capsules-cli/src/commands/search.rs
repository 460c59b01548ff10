//! `capsules search`: capsules by their words.

use std::fmt::Write;
use std::ops::Range;

use capsules_core::SealedRecord;
use capsules_core::index::{Field, Match, Part, Query, Snippet};
use serde::Serialize;
use serde_json::value::RawValue;

use super::list::{NONE, cursor};
use crate::args::Global;
use crate::columns::status_style;
use crate::filter::FilterArgs;
use crate::human;
use crate::index::IndexArgs;
use crate::output::{self, Safe};
use crate::source::Store;
use crate::style::{BAD, DIM, FOUND, TITLE};
use crate::table::cut;
use crate::{Result, Status, pager};

/// Find capsules by the words of their request, summary and error, the newest first
///
/// A capsule is found when it has all of the words, whatever their order, case and accents. Words
/// in double quotes have to follow each other, and a word with * at its end is the beginning of
/// one. Nothing else has a meaning, unless --raw is given.
///
/// Words are found with an index, which is kept in a file beside the store, or for a PostgreSQL store
/// in the data directory, and brought up to date first. The first time takes about as long as reading all of the store ten times. The index is a
/// convenience and no evidence: what is shown is read from the store, but something may be missing
/// when index or store were tampered with. --rebuild makes the index anew.
///
/// JSON: {"matches": [{"capsule": sealed record, "snippets": [{"field", "text", "highlights":
/// [[from, to]]}]}], "more", "limit"}; highlights count characters.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules search connection reset
  capsules search '\"connection reset\" proxy*' --in error --since 7d
  capsules search --raw 'refund NOT (test OR demo)' --tenant acme --json")]
pub(crate) struct Args {
    /// What to search for
    #[arg(required = true, value_name = "WORD")]
    words: Vec<String>,

    /// Only in these fields, separated by commas: request, summary, error
    #[arg(long = "in", value_name = "FIELDS", value_delimiter = ',')]
    fields: Vec<Field>,

    /// The words are a query in the syntax of SQLite's FTS5 (https://sqlite.org/fts5.html)
    #[arg(long)]
    raw: bool,

    /// The oldest first
    #[arg(long)]
    oldest_first: bool,

    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u64,

    /// Only places in the chain before this one
    #[arg(long, value_name = "SEQ")]
    before: Option<u64>,

    /// Only places in the chain after this one
    #[arg(long, value_name = "SEQ")]
    after: Option<u64>,

    /// Only what comes after the capsule with this id, in the order of the answer
    #[arg(long, value_name = "ID")]
    beyond: Option<String>,

    #[command(flatten)]
    index: IndexArgs,

    #[command(flatten)]
    filter: FilterArgs,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<Status> {
    let store = Store::open(global)?;
    let storage = store.storage();
    let mut matches = Vec::new();
    if let Some(query) = args.query() {
        let index = args.index.open(&store, Part::Texts, global)?;
        let mut filter = args.filter.filter().limit(args.limit.saturating_add(1));
        filter.oldest_first = args.oldest_first;
        filter.before = args.before;
        filter.after = args.after;
        filter.beyond.clone_from(&args.beyond);
        matches = index.search(&query, &filter, storage)?;
    }
    // One more than asked for tells whether there are more.
    let more = matches.len() as u64 > args.limit;
    if more {
        matches.pop();
    }
    if global.json {
        output::print_json(&Answer::of(&matches, more, args.limit)?)?;
    } else {
        let of_chains = more && args.filter.filter().chains(storage)?.len() > 1;
        pager::show(&render(&matches, more, of_chains, args), global)?;
    }
    store.waiting(global).report();
    Ok(Status::Pass)
}

impl Args {
    /// Nothing when there is no word in it.
    fn query(&self) -> Option<Query> {
        let text = self.words.join(" ");
        let query = if self.raw {
            Query::raw(text)
        } else {
            Query::words(&text)?
        };
        Some(query.within(&self.fields))
    }
}

/// What is printed for programs.
#[derive(Debug, Serialize)]
struct Answer<'m> {
    matches: Vec<MatchAnswer<'m>>,
    more: bool,
    limit: u64,
}

#[derive(Debug, Serialize)]
struct MatchAnswer<'m> {
    capsule: Box<RawValue>,
    snippets: Vec<SnippetAnswer<'m>>,
}

#[derive(Debug, Serialize)]
struct SnippetAnswer<'m> {
    field: &'static str,
    text: &'m str,
    /// In characters, since languages count bytes differently.
    highlights: Vec<[usize; 2]>,
}

impl<'m> Answer<'m> {
    fn of(matches: &'m [Match], more: bool, limit: u64) -> Result<Self> {
        let matches = matches.iter().map(|found| {
            Ok(MatchAnswer {
                capsule: capsule_json(&found.record)?,
                snippets: found.snippets.iter().map(SnippetAnswer::from).collect(),
            })
        });
        Ok(Self {
            matches: matches.collect::<Result<_>>()?,
            more,
            limit,
        })
    }
}

/// Letter for letter.
fn capsule_json(record: &SealedRecord) -> Result<Box<RawValue>> {
    RawValue::from_string(record.to_json()?).map_err(|error| crate::CliError::Write(error.into()))
}

impl<'m> From<&'m Snippet> for SnippetAnswer<'m> {
    fn from(snippet: &'m Snippet) -> Self {
        let characters = |end: usize| snippet.text[..end].chars().count();
        let highlights = snippet.highlights.iter();
        Self {
            field: snippet.field.as_str(),
            text: &snippet.text,
            highlights: highlights
                .map(|range| [characters(range.start), characters(range.end)])
                .collect(),
        }
    }
}

fn render(matches: &[Match], more: bool, of_chains: bool, args: &Args) -> String {
    if matches.is_empty() {
        return NONE.to_owned();
    }
    let mut text = String::new();
    for (place, found) in matches.iter().enumerate() {
        if place > 0 {
            text.push('\n');
        }
        title(&mut text, &found.record);
        for snippet in &found.snippets {
            line(&mut text, snippet);
        }
    }
    if let Some(last) = matches.last().filter(|_| more) {
        let cursor = cursor(&last.record, of_chains, args.oldest_first);
        let _ = writeln!(
            text,
            "\n{DIM}There are more: {cursor}, or a larger --limit.{DIM:#}"
        );
    }
    text
}

/// `1  2026-01-15 12:00:02  tool  failure  http_probe  0199f3a0-2222-4a22-8a22-000000000002`
fn title(text: &mut String, record: &SealedRecord) {
    let columns = &record.columns;
    let _ = write!(text, "{TITLE}{}{TITLE:#}  ", columns.sequence);
    match record.capsule() {
        Ok(capsule) => {
            let status = &capsule.outcome.status;
            let style = status_style(status);
            let _ = write!(
                text,
                "{}  {}  {style}{}{style:#}  {}  ",
                human::time(capsule.trigger.timestamp),
                capsule.kind,
                Safe(status.as_str()),
                Safe(&capsule.trigger.source),
            );
        }
        Err(_) => {
            let _ = write!(text, "{BAD}unreadable{BAD:#}  ");
        }
    }
    let _ = writeln!(text, "{DIM}{}{DIM:#}", Safe(&columns.id));
}

/// A field's name and its snippet, as far as the terminal is wide.
fn line(text: &mut String, snippet: &Snippet) {
    let width = output::terminal_width().map(|width| width.saturating_sub(INDENT));
    let shown = match width {
        Some(width) => cut(&snippet.text, width.max(20)),
        None => snippet.text.clone(),
    };
    let _ = write!(text, "  {DIM}{:<8}{DIM:#} ", snippet.field);
    let mut end = 0;
    let kept = shown
        .strip_suffix('…')
        .filter(|_| shown.len() != snippet.text.len());
    let kept = kept.unwrap_or(&shown);
    for Range { start, end: to } in &snippet.highlights {
        let (Some(before), Some(word)) = (kept.get(end..*start), kept.get(*start..*to)) else {
            break;
        };
        let _ = write!(text, "{}{FOUND}{}{FOUND:#}", Safe(before), Safe(word));
        end = *to;
    }
    let _ = writeln!(text, "{}", Safe(shown.get(end..).unwrap_or_default()));
}

/// Of the snippets.
const INDENT: usize = 11;
