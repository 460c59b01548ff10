//! A verification's report, for people.

use capsules_core::SealedRecord;
use capsules_core::verify::{
    Check, Checkpoint, Finding, Level, Neighbours, NoCheckpoint, Problem, Report, Verdict,
};

use crate::human::{counted, number, short_hash};
use crate::output::{self, Safe};
use crate::page::Page;
use crate::style::{BAD, DIM, GOOD, TITLE, WARN};
use crate::table::{Cell, Column, Table};

/// What the verification of a chain found.
pub(crate) struct Verified {
    pub(crate) tenant: Option<String>,
    pub(crate) report: Report,
    /// What stands around the capsule that failed.
    pub(crate) neighbours: Option<Neighbours>,
    /// Where it ended, if that is asked for.
    pub(crate) checkpoint: Result<Checkpoint, NoCheckpoint>,
}

/// The verdict, each question's answer, and where chains break. `report` is the one on all chains,
/// which are shown each by itself where the store keeps several.
pub(crate) fn render(
    report: &Report,
    chains: &[Verified],
    of_chains: bool,
    location: &str,
) -> String {
    let mut page = Page::new();
    page.line(format_args!(
        "{TITLE}Verification of {}{TITLE:#}",
        Safe(location)
    ));
    page.indented(|page| {
        let level = report.level;
        page.field(
            "level",
            format_args!("{level} {DIM}({}){DIM:#}", covers(level)),
        );
        if of_chains {
            page.field("chains", number(chains.len() as u64));
        }
        page.field("capsules", number(report.total_capsules));
        page.gap();
        for (check, verdict) in report.checks.iter() {
            answer(page, check, verdict);
        }
    });
    let mut text = page.finish();
    let width = output::terminal_width();
    if of_chains {
        text.push('\n');
        text += &each(chains).render(width);
    }
    for neighbours in chains.iter().filter_map(|chain| chain.neighbours.as_ref()) {
        if let Some(failed) = &neighbours.failed {
            text.push('\n');
            text += &surroundings(neighbours, failed).render(width);
        }
    }
    text.push('\n');
    text + &conclusion(report)
}

/// Each chain with its verdict.
fn each(chains: &[Verified]) -> Table {
    let mut table = Table::new([
        Column::left(""),
        Column::elastic("CHAIN"),
        Column::right("CAPSULES"),
        Column::elastic("VERDICT"),
    ]);
    for chain in chains {
        let report = &chain.report;
        let (mark, style, verdict) = match &report.error {
            None => ("✓", GOOD, "passed".to_owned()),
            Some(finding) => (
                "✗",
                BAD,
                format!("failed at {}: {}", finding.sequence, reason(finding)),
            ),
        };
        let name = match &chain.tenant {
            Some(tenant) => Cell::new(tenant),
            None => Cell::styled("(no tenant)", DIM),
        };
        table.row([
            Cell::styled(mark, style),
            name,
            Cell::new(&number(report.total_capsules)),
            Cell::styled(&verdict, style),
        ]);
    }
    table
}

fn covers(level: Level) -> &'static str {
    match level {
        Level::Structural => "sequences and links",
        Level::Full => "sequences, links and contents",
        Level::Signatures => "sequences, links, contents and signatures",
    }
}

fn answer(page: &mut Page, check: Check, verdict: &Verdict) {
    let name = question(check);
    match verdict {
        Verdict::Passed { checked } => page.line(format_args!(
            "{GOOD}✓ {name:<14}{GOOD:#}{GOOD}passed{GOOD:#}       {DIM}{}{DIM:#}",
            counted(*checked, "capsule"),
        )),
        Verdict::Failed(finding) => failed(page, name, finding),
        Verdict::NotChecked { why } => page.line(format_args!(
            "{DIM}· {name:<14}not checked  {}{DIM:#}",
            Safe(why),
        )),
    }
}

fn failed(page: &mut Page, name: &str, finding: &Finding) {
    // Clocks are set back honestly, so that times alone do not condemn a chain.
    let style = match finding.check() {
        Check::TimeOrder | Check::Epochs => WARN,
        _ => BAD,
    };
    page.line(format_args!(
        "{style}✗ {name:<14}failed{style:#}       capsule {} {}, field {}",
        finding.sequence,
        Safe(&finding.capsule_id),
        finding.field(),
    ));
    page.line(format_args!("{:29}{}", "", Safe(&reason(finding))));
}

fn reason(finding: &Finding) -> String {
    match &finding.problem {
        Problem::Signature(failure) => format!("{finding}: {failure}"),
        _ => finding.to_string(),
    }
}

fn question(check: Check) -> &'static str {
    match check {
        Check::PostQuantum => "post-quantum",
        Check::TimeOrder => "time order",
        _ => check.as_str(),
    }
}

fn conclusion(report: &Report) -> String {
    if !report.valid() {
        let verified = number(report.capsules_verified);
        let total = number(report.total_capsules);
        return format!("{BAD}FAIL{BAD:#}  {verified} of {total} capsules verified\n");
    }
    let verified = counted(report.capsules_verified, "capsule");
    let left_open = match report.level {
        Level::Structural => "; contents and signatures were not checked (--full, --signatures)",
        Level::Full => "; signatures were not checked (--signatures)",
        Level::Signatures => "",
    };
    format!("{GOOD}PASS{GOOD:#}  {verified} verified{DIM}{left_open}{DIM:#}\n")
}

fn surroundings(neighbours: &Neighbours, failed: &SealedRecord) -> Table {
    let mut table = Table::new([
        Column::left(""),
        Column::right("SEQ"),
        Column::left("ID"),
        Column::left("PREVIOUS HASH"),
        Column::left("HASH"),
    ]);
    let before = neighbours.before.as_ref().map(|record| (" ", record));
    let after = neighbours.after.as_ref().map(|record| (" ", record));
    for (mark, record) in before.into_iter().chain([(">", failed)]).chain(after) {
        let columns = &record.columns;
        table.row([
            Cell::styled(mark, BAD),
            Cell::new(&columns.sequence.to_string()),
            Cell::new(&columns.id),
            Cell::new(columns.previous_hash.as_deref().map_or("none", short_hash)),
            Cell::new(short_hash(&record.hash)),
        ]);
    }
    table
}
