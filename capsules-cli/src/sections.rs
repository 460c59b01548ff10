//! A capsule's six sections, for people.

use capsules_core::{
    Authority, Capsule, Context, Execution, Outcome, Reasoning, ReasoningOption, SealedRecord,
    ToolCall, Trigger,
};
use serde_json::{Map, Value};

use crate::columns::status_style;
use crate::human;
use crate::output::Safe;
use crate::page::Page;
use crate::relatives::{self, Relatives};
use crate::style::{BAD, DIM, GOOD, TITLE};

/// What checking a record by itself found.
#[derive(Debug)]
pub(crate) enum Integrity {
    /// The content has its hash, and a trusted key signed that.
    Sealed,
    /// The content has its hash, and there is no key to check the signature with.
    NoKey,
    /// Something is wrong.
    Broken(String),
}

/// The capsule with its seal and its links. Fields that hold nothing are left out.
pub(crate) fn render(
    record: &SealedRecord,
    capsule: &Capsule,
    integrity: &Integrity,
    relatives: Option<&Relatives>,
) -> String {
    let mut page = Page::new();
    let status = &capsule.outcome.status;
    let colour = status_style(status);
    page.line(format_args!(
        "{TITLE}Capsule {}  {}{TITLE:#}  {colour}{}{colour:#}",
        capsule.sequence,
        capsule.kind,
        Safe(status.as_str()),
    ));
    page.indented(|page| head(page, capsule));
    page.section("1. Trigger", |page| trigger(page, &capsule.trigger));
    page.section("2. Context", |page| context(page, &capsule.context));
    page.section("3. Reasoning", |page| reasoning(page, &capsule.reasoning));
    page.section("4. Authority", |page| authority(page, &capsule.authority));
    page.section("5. Execution", |page| execution(page, &capsule.execution));
    page.section("6. Outcome", |page| outcome(page, &capsule.outcome));
    page.section("Seal", |page| seal(page, record, integrity));
    page.section("Links", |page| links(page, record, capsule, relatives));
    page.finish()
}

fn head(page: &mut Page, capsule: &Capsule) {
    page.field("id", capsule.id);
    page.stored("domain", &capsule.domain);
    page.stored("tenant", capsule.tenant_id().unwrap_or_default());
    page.stored("protocol", &capsule.spec_version);
}

fn trigger(page: &mut Page, trigger: &Trigger) {
    page.stored("type", trigger.kind.as_str());
    page.stored("source", &trigger.source);
    page.field("began", trigger.timestamp);
    page.stored("request", &trigger.request);
    page.stored(
        "correlation",
        trigger.correlation_id.as_deref().unwrap_or_default(),
    );
    page.stored("user", trigger.user_id.as_deref().unwrap_or_default());
}

fn context(page: &mut Page, context: &Context) {
    page.stored("agent", &context.agent_id);
    page.stored("session", context.session_id.as_deref().unwrap_or_default());
    entries(page, "environment", &context.environment);
}

fn reasoning(page: &mut Page, reasoning: &Reasoning) {
    page.stored("analysis", &reasoning.analysis);
    if reasoning.options.is_empty() {
        list(page, "considered", &reasoning.options_considered);
    } else {
        let weighed = reasoning.options.len();
        let selected = reasoning
            .options
            .iter()
            .filter(|option| option.selected)
            .count();
        page.field(
            "options",
            format_args!("{weighed} weighed, {selected} selected"),
        );
        page.indented(|page| reasoning.options.iter().for_each(|o| option(page, o)));
    }
    page.stored("selected", &reasoning.selected_option);
    page.stored("reasoning", &reasoning.reasoning);
    let decided = !(reasoning.reasoning.is_empty() && reasoning.selected_option.is_empty());
    if decided || reasoning.confidence != 0.0 {
        page.field("confidence", reasoning.confidence);
    }
    page.stored("model", reasoning.model.as_deref().unwrap_or_default());
    page.stored(
        "prompt hash",
        reasoning.prompt_hash.as_deref().unwrap_or_default(),
    );
}

fn option(page: &mut Page, option: &ReasoningOption) {
    let (mark, style) = if option.selected {
        ("✓", GOOD)
    } else {
        ("✗", DIM)
    };
    page.line(format_args!(
        "{style}{mark} {}{style:#}  {}",
        Safe(&option.id),
        Safe(&option.description)
    ));
    page.indented(|page| {
        page.stored("rejected", &option.rejection_reason);
        list(page, "for", &option.pros);
        list(page, "against", &option.cons);
        list(page, "risks", &option.risks);
        entries(page, "impact", &option.estimated_impact);
        page.field("feasibility", option.feasibility);
    });
}

fn authority(page: &mut Page, authority: &Authority) {
    page.stored("type", authority.kind.as_str());
    page.stored(
        "approver",
        authority.approver.as_deref().unwrap_or_default(),
    );
    page.stored(
        "policy",
        authority.policy_reference.as_deref().unwrap_or_default(),
    );
    for (level, approval) in (1_u64..).zip(&authority.chain) {
        page.stored(&format!("approval {level}"), &compact(approval));
    }
    page.stored(
        "escalation",
        authority.escalation_reason.as_deref().unwrap_or_default(),
    );
}

fn execution(page: &mut Page, execution: &Execution) {
    page.field("took", human::duration(execution.duration_ms));
    entries(page, "resources", &execution.resources_used);
    for call in &execution.tool_calls {
        tool_call(page, call);
    }
}

fn tool_call(page: &mut Page, call: &ToolCall) {
    let (mark, style) = if call.success {
        ("✓", GOOD)
    } else {
        ("✗", BAD)
    };
    let took = human::duration(call.duration_ms);
    page.line(format_args!(
        "{style}{mark}{style:#} {}  {DIM}{took}{DIM:#}",
        Safe(&call.tool)
    ));
    page.indented(|page| {
        entries(page, "arguments", &call.arguments);
        value(page, "result", &call.result);
        page.stored("error", call.error.as_deref().unwrap_or_default());
    });
}

fn outcome(page: &mut Page, outcome: &Outcome) {
    page.stored("status", outcome.status.as_str());
    page.stored("summary", &outcome.summary);
    value(page, "result", &outcome.result);
    page.stored("error", outcome.error.as_deref().unwrap_or_default());
    list(page, "side effects", &outcome.side_effects);
    entries(page, "metrics", &outcome.metrics);
}

fn seal(page: &mut Page, record: &SealedRecord, integrity: &Integrity) {
    match integrity {
        Integrity::Sealed => {
            page.field(
                "verdict",
                format_args!("{GOOD}✓ hash and signature verify{GOOD:#}"),
            );
        }
        Integrity::NoKey => page.field(
            "verdict",
            format_args!("{GOOD}✓ hash verifies{GOOD:#}, signature not checked: no key"),
        ),
        Integrity::Broken(reason) => {
            page.field("verdict", format_args!("{BAD}✗ {}{BAD:#}", Safe(reason)));
        }
    }
    page.stored("hash", &record.hash);
    page.stored("signature", &record.signature);
    if !record.signature_pq.is_empty() {
        let digits = human::number(record.signature_pq.len() as u64);
        page.field("post-quantum", format_args!("ML-DSA-65, {digits} digits"));
    }
    page.stored("signed at", record.signed_at.as_deref().unwrap_or_default());
    page.stored("signed by", record.signed_by.as_deref().unwrap_or_default());
}

fn links(page: &mut Page, record: &SealedRecord, capsule: &Capsule, relatives: Option<&Relatives>) {
    match &capsule.previous_hash {
        Some(hash) => page.stored("after", hash),
        None => page.field("after", "nothing: the first of its chain"),
    }
    if let Some(relatives) = relatives {
        neighbour(page, "", relatives.before.as_ref());
        neighbour(page, "before", relatives.after.as_ref());
    }
    if let Some(parent) = capsule.parent_id {
        match relatives.map(|relatives| &relatives.parent) {
            None => page.field("parent", parent),
            Some(None) => page.field(
                "parent",
                format_args!("{parent}, which is not in the store"),
            ),
            Some(parent) => neighbour(page, "parent", parent.as_ref()),
        }
    }
    if let Some(relatives) = relatives {
        children(page, relatives);
    }
    if !record.hash.is_empty() {
        page.stored("URI", &format!("capsule://sha3_{}", record.hash));
    }
}

fn children(page: &mut Page, relatives: &Relatives) {
    let children = &relatives.children;
    for (index, child) in children.iter().take(MOST_CHILDREN).enumerate() {
        neighbour(page, if index == 0 { "children" } else { "" }, Some(child));
    }
    if let Some(more @ 1..) = children.len().checked_sub(MOST_CHILDREN) {
        page.field("", format_args!("and {}", human::number(more as u64)));
    }
    if !relatives.all_children {
        let near = human::number(relatives::NEAR);
        let label = if children.is_empty() { "children" } else { "" };
        page.field(
            label,
            format_args!("{DIM}looked for among {near} capsules on either side{DIM:#}"),
        );
    }
}

/// One line for another capsule.
fn neighbour(page: &mut Page, label: &str, record: Option<&SealedRecord>) {
    let Some(record) = record else { return };
    let columns = &record.columns;
    let source = record.capsule().map(|capsule| capsule.trigger.source);
    page.field(
        label,
        format_args!(
            "{}  {DIM}{} {}{DIM:#} {}",
            Safe(&columns.id),
            columns.sequence,
            Safe(&columns.kind),
            Safe(&source.unwrap_or_default()),
        ),
    );
}

/// One line an item.
fn list(page: &mut Page, label: &str, items: &[String]) {
    for (index, item) in items.iter().enumerate() {
        page.stored(if index == 0 { label } else { "" }, item);
    }
}

/// One line an entry.
fn entries(page: &mut Page, label: &str, entries: &Map<String, Value>) {
    for (index, (key, value)) in entries.iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        page.field(
            label,
            format_args!("{DIM}{}{DIM:#} {}", Safe(key), Safe(&text(value))),
        );
    }
}

fn value(page: &mut Page, label: &str, value: &Value) {
    if !value.is_null() {
        page.stored(label, &text(value));
    }
}

/// Strings bare, everything else as JSON.
fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn compact(object: &Map<String, Value>) -> String {
    Value::from(object.clone()).to_string()
}

/// More children than these are only counted.
const MOST_CHILDREN: usize = 20;
