//! `capsules doctor`: is everything in order?

use crate::args::Global;
use crate::checkup::{self, Checkup, Finding, Verdict};
use crate::human::{counted, number};
use crate::output::{self, Safe};
use crate::page::Page;
use crate::style::{BAD, DIM, GOOD, TITLE, WARN};
use crate::{Result, Status};

/// Examine the program, the keys, the store, the journals, the clock and the disk
///
/// Capsules are recorded, stored, read and verified on trial, in a temporary directory, and a copy
/// of them is tampered with, which has to be told. Of the store the whole chain is checked by its
/// links and the newest 1,000 capsules with everything; `capsules verify --signatures` checks all
/// of them. Neither the store nor the keys nor the journals are changed.
///
/// Each check says ok, warning, failed or not checked, and what to do. Exit status 1: a check has
/// failed; warnings do not count.
///
/// JSON: {"healthy", "version", "features", "platform", "data_dir", "store", "checks": [{"check",
/// "verdict", "message", "remedy"}]}, with the verdicts ok, warning, failed and not_checked
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules doctor
  capsules doctor --db audit.db --data-dir /var/lib/agent
  capsules doctor --json | jq '.checks[] | select(.verdict != \"ok\")'")]
pub(crate) struct Args {}

pub(crate) fn run(global: &Global) -> Result<Status> {
    let checkup = checkup::examine(global)?;
    if global.json {
        output::print_json(&checkup)?;
    } else {
        output::print(&render(&checkup))?;
    }
    Ok(Status::from(checkup.healthy))
}

fn render(checkup: &Checkup) -> String {
    let mut page = Page::new();
    let version = checkup.version;
    page.line(format_args!("{TITLE}capsules {version}{TITLE:#}"));
    page.indented(|page| {
        let features = match checkup.features.join(", ") {
            none if none.is_empty() => "none of aws-lc, pq".to_owned(),
            some => some,
        };
        page.field("features", features);
        page.field("platform", &checkup.platform);
        page.stored("data directory", &checkup.data_dir.to_string_lossy());
        page.stored("store", &checkup.store);
        page.gap();
        for finding in &checkup.checks {
            line(page, finding);
        }
    });
    page.gap();
    page.line(conclusion(checkup));
    page.finish()
}

fn line(page: &mut Page, finding: &Finding) {
    let (mark, style) = match finding.verdict {
        Verdict::Ok => ("✓", GOOD),
        Verdict::Warning => ("!", WARN),
        Verdict::Failed => ("✗", BAD),
        Verdict::NotChecked => ("·", DIM),
    };
    let message = Safe(&finding.message);
    let check = finding.check;
    let not_checked = match finding.verdict {
        Verdict::NotChecked => "not checked: ",
        _ => "",
    };
    page.line(format_args!(
        "{style}{mark} {check:<17}{style:#} {not_checked}{message}"
    ));
    if let Some(remedy) = &finding.remedy {
        page.line(format_args!("{:20}{DIM}→{DIM:#} {}", "", Safe(remedy)));
    }
}

fn conclusion(checkup: &Checkup) -> String {
    let (failed, warnings) = (
        checkup.count(Verdict::Failed),
        checkup.count(Verdict::Warning),
    );
    let warnings = match warnings {
        0 => String::new(),
        count => format!("{WARN}{}{WARN:#}", counted(count, "warning")),
    };
    match (failed, warnings.is_empty()) {
        (0, true) => format!("{GOOD}HEALTHY{GOOD:#}"),
        (0, false) => format!("{GOOD}HEALTHY{GOOD:#}, with {warnings}"),
        (failed, true) => format!("{BAD}{} failed{BAD:#}", number(failed)),
        (failed, false) => format!("{BAD}{} failed{BAD:#}, {warnings}", number(failed)),
    }
}
