//! Canonical JSON of a typed capsule, written straight from its fields.
//!
//! The functions below name the keys of each section in sorted order.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::CanonicalError;
use super::number::{write_float, write_integer};
use super::text::{write_optional, write_string};
use super::value::{write_object, write_value};
use crate::capsule::Capsule;
use crate::sections::{
    Authority, Context, Execution, Outcome, Reasoning, ReasoningOption, ToolCall, Trigger,
};

/// The canonical form of a capsule: the bytes that are hashed and stored.
///
/// `reasoning.options_considered` is written as other implementations derive it: as the options'
/// descriptions. A capsule with `options_considered` alone gets an option for each of them, named
/// `opt_0`, `opt_1` and so on, because that is what a reader rebuilds, and it rejects a record
/// that differs from what it rebuilt.
///
/// ```
/// use capsules_core::canonical::canonical_capsule;
/// use capsules_core::{Capsule, CapsuleType};
///
/// let mut capsule = Capsule::new(CapsuleType::Agent);
/// capsule.reasoning.confidence = 1.0;
/// let text = canonical_capsule(&capsule)?;
/// assert!(text.starts_with(r#"{"authority":{"approver":null,"chain":[],"#));
/// assert!(text.contains(r#""confidence":1.0,"#));
/// # Ok::<(), capsules_core::canonical::CanonicalError>(())
/// ```
///
/// # Errors
///
/// [`CanonicalError::NotFinite`] when a confidence or feasibility is NaN or infinite.
pub fn canonical_capsule(capsule: &Capsule) -> Result<String, CanonicalError> {
    let mut out = String::with_capacity(TYPICAL_SIZE);
    write_capsule(capsule, &mut out)?;
    Ok(out)
}

/// Appends the canonical form of a capsule to `out`, as [`canonical_capsule`] gives it. After an
/// error `out` is as it was.
///
/// # Errors
///
/// [`CanonicalError::NotFinite`] when a confidence or feasibility is NaN or infinite.
pub fn write_capsule(capsule: &Capsule, out: &mut String) -> Result<(), CanonicalError> {
    let start = out.len();
    let place = Place {
        sequence: capsule.sequence,
        previous_hash: capsule.previous_hash.as_deref(),
    };
    write_content(capsule, &place, out)
        .map(drop)
        .inspect_err(|_| out.truncate(start))
}

/// What a capsule of moderate size takes, so that writing one seldom moves the text.
pub(crate) const TYPICAL_SIZE: usize = 2048;

/// The chain fields to write in place of the capsule's own.
pub(crate) struct Place<'a> {
    pub(crate) sequence: u64,
    pub(crate) previous_hash: Option<&'a str>,
}

/// Where the values of the chain fields begin, in bytes from the start of the output.
pub(crate) struct PlaceOffsets {
    pub(crate) previous_hash: usize,
    pub(crate) sequence: usize,
}

/// Appends the canonical form of a capsule at a place in a chain.
pub(crate) fn write_content(
    capsule: &Capsule,
    place: &Place<'_>,
    out: &mut String,
) -> Result<PlaceOffsets, CanonicalError> {
    out.push_str(r#"{"authority":"#);
    write_authority(&capsule.authority, out)?;
    out.push_str(r#","context":"#);
    write_context(&capsule.context, out)?;
    out.push_str(r#","domain":"#);
    write_string(&capsule.domain, out);
    out.push_str(r#","execution":"#);
    write_execution(&capsule.execution, out)?;
    out.push_str(r#","id":"#);
    write_uuid(capsule.id, out);
    out.push_str(r#","outcome":"#);
    write_outcome(&capsule.outcome, out)?;
    out.push_str(r#","parent_id":"#);
    match capsule.parent_id {
        Some(id) => write_uuid(id, out),
        None => out.push_str("null"),
    }
    out.push_str(r#","previous_hash":"#);
    let previous_hash = out.len();
    write_optional(place.previous_hash, out);
    out.push_str(r#","reasoning":"#);
    write_reasoning(&capsule.reasoning, out)?;
    out.push_str(r#","sequence":"#);
    let sequence = out.len();
    write_integer(place.sequence, out);
    out.push_str(r#","spec_version":"#);
    write_string(&capsule.spec_version, out);
    out.push_str(r#","trigger":"#);
    write_trigger(&capsule.trigger, out);
    out.push_str(r#","type":""#);
    out.push_str(capsule.kind.as_str());
    out.push_str(r#""}"#);
    Ok(PlaceOffsets {
        previous_hash,
        sequence,
    })
}

/// What is known of a capsule when its action starts: canonical JSON of its identity, trigger,
/// context and authority, and of the other sections as far as something is in them. Read back as
/// a [`Capsule`], what is left out has its default.
///
/// ```
/// use capsules_core::canonical::canonical_opening;
/// use capsules_core::{Capsule, CapsuleType};
///
/// let capsule = Capsule::new(CapsuleType::Agent);
/// let opening = canonical_opening(&capsule)?;
/// assert!(opening.len() < 500);
/// assert_eq!(serde_json::from_str::<Capsule>(&opening)?, capsule);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`CanonicalError::NotFinite`] when a confidence or feasibility is NaN or infinite.
pub fn canonical_opening(capsule: &Capsule) -> Result<String, CanonicalError> {
    let mut out = String::with_capacity(TYPICAL_SIZE / 4);
    out.push_str(r#"{"authority":"#);
    write_authority(&capsule.authority, &mut out)?;
    out.push_str(r#","context":"#);
    write_context(&capsule.context, &mut out)?;
    out.push_str(r#","domain":"#);
    write_string(&capsule.domain, &mut out);
    if capsule.execution != Execution::default() {
        out.push_str(r#","execution":"#);
        write_execution(&capsule.execution, &mut out)?;
    }
    out.push_str(r#","id":"#);
    write_uuid(capsule.id, &mut out);
    if capsule.outcome != Outcome::default() {
        out.push_str(r#","outcome":"#);
        write_outcome(&capsule.outcome, &mut out)?;
    }
    if let Some(parent) = capsule.parent_id {
        out.push_str(r#","parent_id":"#);
        write_uuid(parent, &mut out);
    }
    if capsule.reasoning != Reasoning::default() {
        out.push_str(r#","reasoning":"#);
        write_reasoning(&capsule.reasoning, &mut out)?;
    }
    out.push_str(r#","spec_version":"#);
    write_string(&capsule.spec_version, &mut out);
    out.push_str(r#","trigger":"#);
    write_trigger(&capsule.trigger, &mut out);
    out.push_str(r#","type":""#);
    out.push_str(capsule.kind.as_str());
    out.push_str(r#""}"#);
    Ok(out)
}

fn write_authority(authority: &Authority, out: &mut String) -> Result<(), CanonicalError> {
    out.push_str(r#"{"approver":"#);
    write_optional(authority.approver.as_deref(), out);
    out.push_str(r#","chain":"#);
    write_array(
        &authority.chain,
        out,
        |link: &Map<String, Value>, _, out| write_object(link, "authority.chain", out),
    )?;
    out.push_str(r#","escalation_reason":"#);
    write_optional(authority.escalation_reason.as_deref(), out);
    out.push_str(r#","policy_reference":"#);
    write_optional(authority.policy_reference.as_deref(), out);
    out.push_str(r#","type":"#);
    write_string(authority.kind.as_str(), out);
    out.push('}');
    Ok(())
}

fn write_context(context: &Context, out: &mut String) -> Result<(), CanonicalError> {
    out.push_str(r#"{"agent_id":"#);
    write_string(&context.agent_id, out);
    out.push_str(r#","environment":"#);
    write_object(&context.environment, "context.environment", out)?;
    out.push_str(r#","session_id":"#);
    write_optional(context.session_id.as_deref(), out);
    out.push('}');
    Ok(())
}

fn write_execution(execution: &Execution, out: &mut String) -> Result<(), CanonicalError> {
    out.push_str(r#"{"duration_ms":"#);
    write_integer(execution.duration_ms, out);
    out.push_str(r#","resources_used":"#);
    write_object(&execution.resources_used, "execution.resources_used", out)?;
    out.push_str(r#","tool_calls":"#);
    write_array(&execution.tool_calls, out, |call, _, out| {
        write_tool_call(call, out)
    })?;
    out.push('}');
    Ok(())
}

fn write_tool_call(call: &ToolCall, out: &mut String) -> Result<(), CanonicalError> {
    out.push_str(r#"{"arguments":"#);
    write_object(&call.arguments, "execution.tool_calls", out)?;
    out.push_str(r#","duration_ms":"#);
    write_integer(call.duration_ms, out);
    out.push_str(r#","error":"#);
    write_optional(call.error.as_deref(), out);
    out.push_str(r#","result":"#);
    write_value(&call.result, "execution.tool_calls", out)?;
    out.push_str(r#","success":"#);
    write_bool(call.success, out);
    out.push_str(r#","tool":"#);
    write_string(&call.tool, out);
    out.push('}');
    Ok(())
}

fn write_outcome(outcome: &Outcome, out: &mut String) -> Result<(), CanonicalError> {
    out.push_str(r#"{"error":"#);
    write_optional(outcome.error.as_deref(), out);
    out.push_str(r#","metrics":"#);
    write_object(&outcome.metrics, "outcome.metrics", out)?;
    out.push_str(r#","result":"#);
    write_value(&outcome.result, "outcome.result", out)?;
    out.push_str(r#","side_effects":"#);
    write_strings(&outcome.side_effects, out);
    out.push_str(r#","status":"#);
    write_string(outcome.status.as_str(), out);
    out.push_str(r#","summary":"#);
    write_string(&outcome.summary, out);
    out.push('}');
    Ok(())
}

fn write_reasoning(reasoning: &Reasoning, out: &mut String) -> Result<(), CanonicalError> {
    out.push_str(r#"{"analysis":"#);
    write_string(&reasoning.analysis, out);
    out.push_str(r#","confidence":"#);
    write_finite(
        reasoning.confidence,
        || "reasoning.confidence".to_owned(),
        out,
    )?;
    out.push_str(r#","model":"#);
    write_optional(reasoning.model.as_deref(), out);
    out.push_str(r#","options":"#);
    if reasoning.options.is_empty() {
        write_array(&rebuilt_options(reasoning), out, write_option)?;
        out.push_str(r#","options_considered":"#);
        write_strings(&reasoning.options_considered, out);
    } else {
        write_array(&reasoning.options, out, write_option)?;
        out.push_str(r#","options_considered":"#);
        write_strings(
            reasoning.options.iter().map(|option| &option.description),
            out,
        );
    }
    out.push_str(r#","prompt_hash":"#);
    write_optional(reasoning.prompt_hash.as_deref(), out);
    out.push_str(r#","reasoning":"#);
    write_string(&reasoning.reasoning, out);
    out.push_str(r#","selected_option":"#);
    write_string(&reasoning.selected_option, out);
    out.push('}');
    Ok(())
}

/// The options that `qp-capsule` rebuilds when it reads `options_considered` without `options`.
fn rebuilt_options(reasoning: &Reasoning) -> Vec<ReasoningOption> {
    let considered = reasoning.options_considered.iter().enumerate();
    considered
        .map(|(index, description)| ReasoningOption {
            id: format!("opt_{index}"),
            description: description.clone(),
            selected: *description == reasoning.selected_option,
            ..ReasoningOption::default()
        })
        .collect()
}

fn write_option(
    option: &ReasoningOption,
    index: usize,
    out: &mut String,
) -> Result<(), CanonicalError> {
    out.push_str(r#"{"cons":"#);
    write_strings(&option.cons, out);
    out.push_str(r#","description":"#);
    write_string(&option.description, out);
    out.push_str(r#","estimated_impact":"#);
    write_object(
        &option.estimated_impact,
        "reasoning.options[].estimated_impact",
        out,
    )?;
    out.push_str(r#","feasibility":"#);
    let field = || format!("reasoning.options[{index}].feasibility");
    write_finite(option.feasibility, field, out)?;
    out.push_str(r#","id":"#);
    write_string(&option.id, out);
    out.push_str(r#","pros":"#);
    write_strings(&option.pros, out);
    out.push_str(r#","rejection_reason":"#);
    write_string(&option.rejection_reason, out);
    out.push_str(r#","risks":"#);
    write_strings(&option.risks, out);
    out.push_str(r#","selected":"#);
    write_bool(option.selected, out);
    out.push('}');
    Ok(())
}

fn write_trigger(trigger: &Trigger, out: &mut String) {
    out.push_str(r#"{"correlation_id":"#);
    write_optional(trigger.correlation_id.as_deref(), out);
    out.push_str(r#","request":"#);
    write_string(&trigger.request, out);
    out.push_str(r#","source":"#);
    write_string(&trigger.source, out);
    out.push_str(r#","timestamp":""#);
    trigger.timestamp.write(out);
    out.push_str(r#"","type":"#);
    write_string(trigger.kind.as_str(), out);
    out.push_str(r#","user_id":"#);
    write_optional(trigger.user_id.as_deref(), out);
    out.push('}');
}

fn write_array<T>(
    items: &[T],
    out: &mut String,
    write: impl Fn(&T, usize, &mut String) -> Result<(), CanonicalError>,
) -> Result<(), CanonicalError> {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, index, out)?;
    }
    out.push(']');
    Ok(())
}

fn write_strings<'a>(strings: impl IntoIterator<Item = &'a String>, out: &mut String) {
    out.push('[');
    for (index, text) in strings.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(text, out);
    }
    out.push(']');
}

fn write_bool(value: bool, out: &mut String) {
    out.push_str(if value { "true" } else { "false" });
}

fn write_finite(
    value: f64,
    field: impl FnOnce() -> String,
    out: &mut String,
) -> Result<(), CanonicalError> {
    if !value.is_finite() {
        return Err(CanonicalError::NotFinite { field: field() });
    }
    write_float(value, out);
    Ok(())
}

fn write_uuid(id: Uuid, out: &mut String) {
    let mut buffer = Uuid::encode_buffer();
    out.push('"');
    out.push_str(id.hyphenated().encode_lower(&mut buffer));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capsule::CapsuleType;

    fn with_options(options: Vec<ReasoningOption>) -> Capsule {
        let mut capsule = Capsule::new(CapsuleType::Agent);
        capsule.reasoning.options = options;
        capsule
    }

    #[test]
    fn options_considered_are_the_options_descriptions() {
        let mut capsule = with_options(vec![ReasoningOption {
            description: "wait".to_owned(),
            ..ReasoningOption::default()
        }]);
        capsule.reasoning.options_considered = vec!["something else".to_owned()];
        let text = canonical_capsule(&capsule).unwrap();
        assert!(text.contains(r#""options_considered":["wait"]"#), "{text}");
    }

    #[test]
    fn options_are_rebuilt_from_options_considered_alone() {
        let mut capsule = with_options(Vec::new());
        capsule.reasoning.options_considered = vec!["wait".to_owned(), "act".to_owned()];
        capsule.reasoning.selected_option = "act".to_owned();
        let text = canonical_capsule(&capsule).unwrap();
        capsule.reasoning.options = ["wait", "act"]
            .into_iter()
            .enumerate()
            .map(|(index, description)| ReasoningOption {
                id: format!("opt_{index}"),
                description: description.to_owned(),
                selected: description == "act",
                ..ReasoningOption::default()
            })
            .collect();
        assert_eq!(text, canonical_capsule(&capsule).unwrap());
    }

    #[test]
    fn numbers_that_are_not_finite_are_named() {
        let mut capsule = with_options(vec![ReasoningOption::default(); 3]);
        capsule.reasoning.options[2].feasibility = f64::NAN;
        let mut out = "before".to_owned();
        let error = write_capsule(&capsule, &mut out).unwrap_err();
        assert_eq!(
            error.to_string(),
            "reasoning.options[2].feasibility is not a finite number; set it to one before sealing"
        );
        assert_eq!(out, "before");

        capsule.reasoning.confidence = f64::NEG_INFINITY;
        let field = "reasoning.confidence".to_owned();
        assert_eq!(
            canonical_capsule(&capsule),
            Err(CanonicalError::NotFinite { field })
        );
    }
}
