//! Capsules as CSV, for spreadsheets.

use std::borrow::Cow;
use std::io::{self, Write};

use capsules_core::{Capsule, SealedRecord};

/// Writes one row a capsule (RFC 4180). What a spreadsheet would take for a formula is made text.
pub(crate) struct Sheet<W: Write> {
    rows: csv::Writer<W>,
}

impl<W: Write> Sheet<W> {
    /// Begins with the row of titles.
    pub(crate) fn new(output: W) -> io::Result<Self> {
        let mut rows = csv::Writer::from_writer(output);
        rows.write_record(TITLES)?;
        Ok(Self { rows })
    }

    /// Writes a capsule. One whose content is no capsule has only what the store says of it.
    pub(crate) fn write(&mut self, record: &SealedRecord) -> io::Result<()> {
        let capsule = record.capsule().ok();
        let mut row = sealed(record);
        let content = capsule.map_or([const { Cow::Borrowed("") }; CONTENT], |capsule| {
            content(&capsule).map(Cow::Owned)
        });
        row.extend(content);
        row.push(Cow::Borrowed("no"));
        self.rows
            .write_record(row.iter().map(|cell| harmless(cell).into_owned()))?;
        Ok(())
    }

    /// Writes what is left and returns the output.
    pub(crate) fn finish(self) -> io::Result<W> {
        self.rows
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)
    }
}

/// How many of the titles are of the content.
const CONTENT: usize = 18;

const TITLES: [&str; 10 + CONTENT + 1] = [
    "sequence",
    "id",
    "type",
    "tenant_id",
    "session_id",
    "previous_hash",
    "hash",
    "signed_at",
    "signed_by",
    "post_quantum",
    "domain",
    "parent_id",
    "timestamp",
    "trigger_type",
    "source",
    "request",
    "correlation_id",
    "user_id",
    "agent_id",
    "model",
    "confidence",
    "authority",
    "approver",
    "status",
    "summary",
    "error",
    "duration_ms",
    "tool_calls",
    // A row is not evidence: it lacks most of what was hashed.
    "verifiable",
];

fn sealed(record: &SealedRecord) -> Vec<Cow<'_, str>> {
    let columns = &record.columns;
    let text = |text: &Option<String>| Cow::Owned(text.clone().unwrap_or_default());
    vec![
        Cow::Owned(columns.sequence.to_string()),
        Cow::Borrowed(&columns.id),
        Cow::Borrowed(&columns.kind),
        text(&columns.tenant_id),
        text(&columns.session_id),
        text(&columns.previous_hash),
        Cow::Borrowed(&record.hash),
        text(&record.signed_at),
        text(&record.signed_by),
        Cow::Borrowed(if record.signature_pq.is_empty() {
            "no"
        } else {
            "yes"
        }),
    ]
}

fn content(capsule: &Capsule) -> [String; CONTENT] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let Capsule {
        trigger,
        context,
        reasoning,
        authority,
        execution,
        outcome,
        ..
    } = capsule;
    [
        capsule.domain.clone(),
        capsule
            .parent_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        trigger.timestamp.to_string(),
        trigger.kind.as_str().to_owned(),
        trigger.source.clone(),
        trigger.request.clone(),
        text(&trigger.correlation_id),
        text(&trigger.user_id),
        context.agent_id.clone(),
        text(&reasoning.model),
        reasoning.confidence.to_string(),
        authority.kind.as_str().to_owned(),
        text(&authority.approver),
        outcome.status.as_str().to_owned(),
        outcome.summary.clone(),
        text(&outcome.error),
        execution.duration_ms.to_string(),
        execution.tool_calls.len().to_string(),
    ]
}

/// The text, with an apostrophe before it where a spreadsheet would run it: what begins, after
/// white space or not, with the sign of a formula. Numbers stay numbers.
fn harmless(text: &str) -> Cow<'_, str> {
    let formula = matches!(
        text.trim_start().chars().next(),
        Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '|' | '%')
    );
    let control = text.starts_with(['\t', '\r', '\n', '\0']);
    if control || (formula && text.parse::<f64>().is_err()) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for text in [
            "=1+1", "+SUM(A1)", "-2+3", "@SUM(A1)", " =1", "\t=1", "\r=1", "\n", "＝1+1", "|cmd",
        ] {
            assert_eq!(harmless(text), format!("'{text}"), "{text:?}");
        }
        for text in ["", "a=b", "-1", "0.5", "2026-01-15", "mail@example.org"] {
            assert_eq!(harmless(text), text);
        }
    }
}
