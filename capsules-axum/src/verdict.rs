//! What is said of a verification, to whom.

use capsules_core::storage::StorageError;
use capsules_core::verify::{self, Check, Earlier, Finding, Level};
use capsules_core::{Filter, Storage, Timestamp, Uuid};
use serde::Serialize;
use utoipa::ToSchema;

use crate::verdicts::Outcome;
use crate::view::View;

/// What a verification found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Verdict {
    /// Whether nothing was found that makes the chain invalid.
    valid: bool,
    /// How many capsules were verified, from the first on.
    capsules_verified: u64,
    /// What was found.
    error: Option<String>,
    /// The id of the capsule that it was found at.
    broken_at: Option<String>,
}

impl From<Report> for Verdict {
    fn from(report: Report) -> Self {
        let error = report.errors.into_iter().next();
        let (error, broken_at) = match error {
            Some(found) => (Some(found.error), found.capsule_id),
            None => (None, None),
        };
        Self {
            valid: report.valid,
            capsules_verified: report.capsules_verified,
            error,
            broken_at,
        }
    }
}

/// What a verification found, question by question.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Report")]
pub(crate) struct Report {
    /// Whether nothing was found that makes the chain invalid.
    valid: bool,
    /// How much was verified.
    #[schema(value_type = String, pattern = "^(structural|full|signatures)$")]
    level: Level,
    /// How many capsules were verified, from the first on.
    capsules_verified: u64,
    /// The last capsule that was verified.
    pub(crate) head: Option<Place>,
    /// When it was verified.
    #[schema(value_type = String, format = DateTime)]
    checked_at: Timestamp,
    /// How long ago that is.
    pub(crate) age_seconds: u64,
    /// The answer to each question.
    questions: Vec<Question>,
    /// What makes the chain invalid: nothing, or the first that was found.
    errors: Vec<Found>,
}

/// A place in a chain.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Place {
    /// The place, from 0.
    pub(crate) sequence: u64,
    /// The hash of the capsule there.
    pub(crate) hash: String,
}

/// The answer to a question about a chain.
#[derive(Debug, Serialize, ToSchema)]
struct Question {
    /// Its name.
    #[schema(
        pattern = "^(links|content|signatures|post_quantum|columns|tenant|time_order|epochs)$"
    )]
    #[serde(rename = "question")]
    name: &'static str,
    /// The answer.
    #[schema(pattern = "^(passed|failed|not_checked)$")]
    verdict: &'static str,
    /// What was found, or why it was not checked.
    reason: Option<String>,
}

/// Something that was found.
#[derive(Debug, Serialize, ToSchema)]
struct Found {
    /// The place where it was found; nothing where that is another tenant's.
    sequence: Option<u64>,
    /// The capsule there.
    capsule_id: Option<String>,
    /// The question that it answers.
    question: &'static str,
    /// What it is.
    error: String,
}

impl Report {
    /// What the owner of a view may know. Of a chain that tenants share, each learns whether it is
    /// sound, since that is what his own records rest on, and nothing about the records of others.
    pub(crate) fn of(outcome: &Outcome, view: &View) -> Result<Self, StorageError> {
        let report = &outcome.report;
        let (capsules_verified, head) = match view.is_shared() {
            true => own(report, view)?,
            false => (report.capsules_verified, report.head.clone()),
        };
        let mut questions = Vec::new();
        for (check, verdict) in report.checks.iter() {
            questions.push(Question::of(check, verdict, view)?);
        }
        let error = report.error.as_ref();
        let errors = error.map(|finding| Found::of(finding, view));
        Ok(Self {
            valid: report.valid(),
            level: report.level,
            capsules_verified,
            head: head.map(|head| Place {
                sequence: head.sequence,
                hash: head.hash,
            }),
            checked_at: outcome.checked_at,
            age_seconds: outcome.age().as_secs(),
            questions,
            errors: errors.into_iter().collect::<Result<_, _>>()?,
        })
    }
}

/// How many of a tenant's records were verified, and the last of them.
fn own(
    report: &verify::Report,
    view: &View,
) -> Result<(u64, Option<capsules_core::Head>), StorageError> {
    let end = match (&report.error, &report.head) {
        (Some(error), _) => error.sequence,
        (None, Some(head)) => head.sequence.saturating_add(1),
        (None, None) => 0,
    };
    let verified = Filter::new().before(end);
    let count = view.count(&verified)?;
    let last = view.list(&verified.limit(1))?.pop();
    let head = last.and_then(|record| {
        Some(capsules_core::Head {
            sequence: u64::try_from(record.columns.sequence).ok()?,
            hash: record.hash,
        })
    });
    Ok((count, head))
}

impl Question {
    fn of(check: Check, verdict: &verify::Verdict, view: &View) -> Result<Self, StorageError> {
        let (verdict, reason) = match verdict {
            verify::Verdict::Passed { .. } => ("passed", None),
            verify::Verdict::Failed(finding) => ("failed", Some(Found::of(finding, view)?.error)),
            verify::Verdict::NotChecked { why } => ("not_checked", Some(why.clone())),
        };
        Ok(Self {
            name: check.as_str(),
            verdict,
            reason,
        })
    }
}

impl Found {
    fn of(finding: &Finding, view: &View) -> Result<Self, StorageError> {
        let question = finding.check().as_str();
        if !is_shown(finding, view)? {
            return Ok(Self {
                sequence: None,
                capsule_id: None,
                question,
                error: "Found at a capsule of another tenant, whose chain this is as well"
                    .to_owned(),
            });
        }
        let names_another = matches!(
            &finding.problem,
            verify::Problem::TimeOrder {
                earlier: Earlier::Record(_),
                ..
            }
        );
        let error = match view.is_shared() && names_another {
            true => format!("Time order violated at sequence {}", finding.sequence),
            false => finding.to_string(),
        };
        Ok(Self {
            sequence: Some(finding.sequence),
            capsule_id: Some(finding.capsule_id.clone()),
            question,
            error,
        })
    }
}

/// Whether the capsule that something was found at is the view's owner's.
fn is_shown(finding: &Finding, view: &View) -> Result<bool, StorageError> {
    if !view.is_shared() {
        return Ok(true);
    }
    match finding.capsule_id.parse::<Uuid>() {
        Ok(id) => Ok(view.get(&id)?.is_some()),
        Err(_) => Ok(false),
    }
}
