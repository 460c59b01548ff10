//! What the quickstart prints.

use std::fmt::{self, Display, Write};
use std::path::Path;

use capsules::verify::{Report, Verdict};
use capsules::{Capsule, CapsuleType, Reasoning, SealedRecord, ToolCall, Uuid};

use crate::Error;

/// The chain as a tree of calls, the agent's capsule in full, the verdict, and what to do next.
///
/// # Errors
///
/// When a record's content is not a capsule.
pub fn page(records: &[SealedRecord], report: &Report, data_dir: &Path) -> Result<String, Error> {
    let mut calls = Vec::new();
    for record in records {
        calls.push((record.capsule()?, record.hash.as_str()));
    }
    calls.sort_by_key(|(capsule, _)| capsule.trigger.timestamp);
    let mut out = String::new();
    tree(&mut out, &calls)?;
    let agent = calls.iter().find(|(c, _)| c.kind == CapsuleType::Agent);
    let (agent, _) = agent.ok_or("the agent has left no capsule")?;
    sections(&mut out, agent)?;
    verification(&mut out, report)?;
    next_steps(&mut out, data_dir, agent.sequence)?;
    Ok(out)
}

/// One line a capsule, each below the one that called it.
fn tree(out: &mut String, calls: &[(Capsule, &str)]) -> fmt::Result {
    writeln!(out, "The chain of this run")?;
    writeln!(
        out,
        "  A capsule is sealed when its call has ended: callers follow what they called.\n"
    )?;
    writeln!(
        out,
        "  SEQ  {:<32}{:<10}{:>7}  HASH",
        "CALL", "STATUS", "TOOK"
    )?;
    branch(out, calls, None, 0)
}

fn branch(
    out: &mut String,
    calls: &[(Capsule, &str)],
    parent: Option<Uuid>,
    depth: usize,
) -> fmt::Result {
    for (capsule, hash) in calls.iter().filter(|(c, _)| c.parent_id == parent) {
        let source = &capsule.trigger.source;
        let name = source.rsplit("::").next().unwrap_or(source);
        let subject = match capsule.kind {
            CapsuleType::Tool => &*capsule.trigger.request,
            _ => "",
        };
        writeln!(
            out,
            "  {:>3}  {:<32}{:<10}{:>4} ms  {:.12}",
            capsule.sequence,
            format!("{:1$}{2} {name} {subject}", "", 2 * depth, capsule.kind),
            capsule.outcome.status,
            capsule.execution.duration_ms,
            hash,
        )?;
        branch(out, calls, Some(capsule.id), depth + 1)?;
    }
    Ok(())
}

/// The six sections of a capsule, as far as the quickstart fills them.
fn sections(out: &mut String, capsule: &Capsule) -> fmt::Result {
    writeln!(out, "\nCapsule {} in its six sections", capsule.sequence)?;
    writeln!(out, "  1. Trigger")?;
    field(out, "type", &capsule.trigger.kind)?;
    field(out, "source", &capsule.trigger.source)?;
    field(out, "request", &capsule.trigger.request)?;
    field(out, "began", capsule.trigger.timestamp)?;
    writeln!(out, "  2. Context")?;
    field(out, "agent", &capsule.context.agent_id)?;
    field(
        out,
        "session",
        capsule.context.session_id.as_deref().unwrap_or_default(),
    )?;
    writeln!(out, "  3. Reasoning")?;
    reasoning(out, &capsule.reasoning)?;
    writeln!(out, "  4. Authority")?;
    field(out, "type", &capsule.authority.kind)?;
    writeln!(out, "  5. Execution")?;
    for call in &capsule.execution.tool_calls {
        tool_call(out, call)?;
    }
    field(
        out,
        "took",
        format_args!("{} ms", capsule.execution.duration_ms),
    )?;
    writeln!(out, "  6. Outcome")?;
    field(out, "status", &capsule.outcome.status)?;
    field(out, "result", &capsule.outcome.result)?;
    field(out, "summary", &capsule.outcome.summary)
}

fn reasoning(out: &mut String, reasoning: &Reasoning) -> fmt::Result {
    field(out, "analysis", &reasoning.analysis)?;
    for option in &reasoning.options {
        let mark = if option.selected {
            "chosen"
        } else {
            "rejected"
        };
        field(
            out,
            mark,
            format_args!("{}: {}", option.id, option.description),
        )?;
        for text in &option.pros {
            field(out, "", format_args!("+ {text}"))?;
        }
        for text in &option.cons {
            field(out, "", format_args!("- {text}"))?;
        }
        if !option.selected {
            field(out, "", format_args!("✗ {}", option.rejection_reason))?;
        }
        field(
            out,
            "",
            format_args!("feasibility {:.2}", option.feasibility),
        )?;
    }
    field(out, "reasoning", &reasoning.reasoning)?;
    field(
        out,
        "confidence",
        format_args!("{:.2}", reasoning.confidence),
    )
}

fn tool_call(out: &mut String, call: &ToolCall) -> fmt::Result {
    let outcome = call.error.as_deref().unwrap_or("ok");
    field(out, "tool call", format_args!("{}: {outcome}", call.tool))
}

fn field(out: &mut String, label: &str, value: impl Display) -> fmt::Result {
    writeln!(out, "     {label:<12} {value}")
}

/// The answer to each question about the whole chain, earlier runs included.
fn verification(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(
        out,
        "\nVerification of all {} capsules",
        report.total_capsules
    )?;
    for (check, verdict) in report.checks.iter() {
        write!(out, "  {check:<14}")?;
        match verdict {
            Verdict::Passed { checked } => writeln!(out, "passed       {checked} capsules"),
            Verdict::Failed(finding) => writeln!(out, "failed       {finding}"),
            Verdict::NotChecked { why } => writeln!(out, "not checked  {why}"),
        }?;
    }
    writeln!(
        out,
        "  {}",
        if report.valid() { "VALID" } else { "NOT VALID" }
    )
}

fn next_steps(out: &mut String, data_dir: &Path, sequence: u64) -> Result<(), Error> {
    // Short where the reader most likely stands, in the root of the workspace.
    let here = std::env::current_dir()?;
    let dir = data_dir.strip_prefix(&here).unwrap_or(data_dir).display();
    let inspect = format!("inspect --seq {sequence}");
    writeln!(
        out,
        "\nThe chain and its keys lie in {dir}. Look at them with"
    )?;
    for command in ["list", &inspect, "verify --signatures"] {
        writeln!(
            out,
            "  cargo run -p capsules-cli -- {command} --data-dir {dir}"
        )?;
    }
    Ok(())
}
