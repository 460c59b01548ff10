//! What of a capsule leaves the call: the rule of `Builder::redact`, and the notes of what is
//! missing.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use capsules_core::{
    Authority, Capsule, Context, Execution, Outcome, Reasoning, ReasoningOption, ToolCall, Trigger,
};
use serde_json::{Map, Value};

use crate::limits::{Limits, REDACTED, cut, cut_texts};
use crate::reading::reading;

/// The key of `context.environment` that holds arguments by their names.
pub(crate) const ARGUMENTS: &str = "capsules.arguments";
/// The keys of `context.environment` that list the fields of which something is missing.
const CUT: &str = "capsules.cut";
const CHANGED: &str = "capsules.redacted";

/// What of a capsule may be kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    pub(crate) limits: Limits,
    pub(crate) redact: Option<Redact>,
}

/// The closure of `Builder::redact`.
#[derive(Clone)]
pub(crate) struct Redact(Arc<Rule>);

type Rule = dyn Fn(&str, &Value) -> Option<Value> + Send + Sync;

impl Redact {
    pub(crate) fn new(
        redact: impl Fn(&str, &Value) -> Option<Value> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(redact))
    }
}

impl fmt::Debug for Redact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redact").finish_non_exhaustive()
    }
}

impl Policy {
    /// How much is read of a value. Texts are whole if the closure is to see them: half of what it
    /// looks for may be left of a text that was cut.
    pub(crate) fn capture_limits(&self) -> Limits {
        let text = match self.redact {
            Some(_) => usize::MAX,
            None => self.limits.text,
        };
        Limits {
            text,
            ..self.limits
        }
    }

    /// The capsule as it may leave the call.
    pub(crate) fn applied<'c>(&self, capsule: &'c Capsule) -> Cow<'c, Capsule> {
        if self.redact.is_none() {
            return Cow::Borrowed(capsule);
        }
        let mut capsule = capsule.clone();
        self.apply(&mut capsule);
        Cow::Owned(capsule)
    }

    /// Makes the capsule one that may leave the call.
    pub(crate) fn apply(&self, capsule: &mut Capsule) {
        let Some(redact) = &self.redact else { return };
        let mut walk = Walk {
            redact,
            path: String::new(),
            changed: Vec::new(),
        };
        walk.capsule(capsule);
        for path in walk.changed {
            note_redacted(capsule, &path);
        }
        let limit = self.limits.text;
        if cut(&mut capsule.trigger.request, limit) {
            note_cut(capsule, "trigger.request");
        }
        if let Some(Value::Object(arguments)) = capsule.context.environment.get_mut(ARGUMENTS) {
            let cut: Vec<_> = arguments
                .iter_mut()
                .filter_map(|(name, value)| cut_texts(value, limit).then(|| name.clone()))
                .collect();
            for name in cut {
                note_cut(capsule, &format!("context.environment.{ARGUMENTS}.{name}"));
            }
        }
        if cut_texts(&mut capsule.outcome.result, limit) {
            note_cut(capsule, "outcome.result");
        }
        if capsule
            .outcome
            .error
            .as_mut()
            .is_some_and(|error| cut(error, limit))
        {
            note_cut(capsule, "outcome.error");
        }
    }
}

/// Lists the field among those that were cut, in `context.environment`.
pub(crate) fn note_cut(capsule: &mut Capsule, field: &str) {
    note(capsule, CUT, field);
}

/// Lists the field among those that were redacted, in `context.environment`.
pub(crate) fn note_redacted(capsule: &mut Capsule, field: &str) {
    note(capsule, CHANGED, field);
}

fn note(capsule: &mut Capsule, list: &str, field: &str) {
    let fields = capsule
        .context
        .environment
        .entry(list)
        .or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(fields) = fields
        && !fields.iter().any(|known| known == field)
    {
        fields.push(field.into());
    }
}

/// Shows everything that a capsule says to the closure. The sections are taken apart field by
/// field, so that none that is added to them is forgotten here.
struct Walk<'a> {
    redact: &'a Redact,
    /// Where the walk is.
    path: String,
    /// The paths of what was replaced.
    changed: Vec<String>,
}

impl Walk<'_> {
    fn capsule(&mut self, capsule: &mut Capsule) {
        let Capsule {
            id: _,
            kind: _,
            domain,
            parent_id: _,
            sequence: _,
            previous_hash: _,
            spec_version: _,
            trigger,
            context,
            reasoning,
            authority,
            execution,
            outcome,
        } = capsule;
        self.within("domain", |walk| walk.text(domain));
        self.within("trigger", |walk| walk.trigger(trigger));
        self.within("context", |walk| walk.context(context));
        self.within("reasoning", |walk| walk.reasoning(reasoning));
        self.within("authority", |walk| walk.authority(authority));
        self.within("execution", |walk| walk.execution(execution));
        self.within("outcome", |walk| walk.outcome(outcome));
    }

    fn trigger(&mut self, trigger: &mut Trigger) {
        let Trigger {
            kind: _,
            source,
            timestamp: _,
            request,
            correlation_id,
            user_id,
        } = trigger;
        self.within("source", |walk| walk.text(source));
        self.within("request", |walk| walk.text(request));
        self.within("correlation_id", |walk| walk.optional(correlation_id));
        self.within("user_id", |walk| walk.optional(user_id));
    }

    fn context(&mut self, context: &mut Context) {
        let Context {
            agent_id,
            session_id,
            environment,
        } = context;
        self.within("agent_id", |walk| walk.text(agent_id));
        self.within("session_id", |walk| walk.optional(session_id));
        self.within("environment", |walk| {
            for (key, value) in environment {
                if key != CUT && key != CHANGED {
                    walk.within(key, |walk| walk.value(value));
                }
            }
        });
    }

    fn reasoning(&mut self, reasoning: &mut Reasoning) {
        let Reasoning {
            analysis,
            options,
            options_considered,
            selected_option,
            reasoning,
            confidence: _,
            model,
            prompt_hash,
        } = reasoning;
        self.within("analysis", |walk| walk.text(analysis));
        self.each("options", options, Self::option);
        self.each("options_considered", options_considered, Self::text);
        self.within("selected_option", |walk| walk.text(selected_option));
        self.within("reasoning", |walk| walk.text(reasoning));
        self.within("model", |walk| walk.optional(model));
        self.within("prompt_hash", |walk| walk.optional(prompt_hash));
    }

    fn option(&mut self, option: &mut ReasoningOption) {
        let ReasoningOption {
            id,
            description,
            pros,
            cons,
            estimated_impact,
            feasibility: _,
            risks,
            selected: _,
            rejection_reason,
        } = option;
        self.within("id", |walk| walk.text(id));
        self.within("description", |walk| walk.text(description));
        self.each("pros", pros, Self::text);
        self.each("cons", cons, Self::text);
        self.within("estimated_impact", |walk| walk.members(estimated_impact));
        self.each("risks", risks, Self::text);
        self.within("rejection_reason", |walk| walk.text(rejection_reason));
    }

    fn authority(&mut self, authority: &mut Authority) {
        let Authority {
            kind: _,
            approver,
            policy_reference,
            chain,
            escalation_reason,
        } = authority;
        self.within("approver", |walk| walk.optional(approver));
        self.within("policy_reference", |walk| walk.optional(policy_reference));
        self.each("chain", chain, Self::members);
        self.within("escalation_reason", |walk| walk.optional(escalation_reason));
    }

    fn execution(&mut self, execution: &mut Execution) {
        let Execution {
            tool_calls,
            duration_ms: _,
            resources_used,
        } = execution;
        self.each("tool_calls", tool_calls, Self::tool_call);
        self.within("resources_used", |walk| walk.members(resources_used));
    }

    fn tool_call(&mut self, call: &mut ToolCall) {
        let ToolCall {
            tool,
            arguments,
            result,
            success: _,
            duration_ms: _,
            error,
        } = call;
        self.within("tool", |walk| walk.text(tool));
        self.within("arguments", |walk| walk.members(arguments));
        self.within("result", |walk| walk.value(result));
        self.within("error", |walk| walk.optional(error));
    }

    fn outcome(&mut self, outcome: &mut Outcome) {
        let Outcome {
            status: _,
            result,
            summary,
            error,
            side_effects,
            metrics,
        } = outcome;
        self.within("result", |walk| walk.value(result));
        self.within("summary", |walk| walk.text(summary));
        self.within("error", |walk| walk.optional(error));
        self.each("side_effects", side_effects, Self::text);
        self.within("metrics", |walk| walk.members(metrics));
    }

    /// Goes down by one name.
    fn within(&mut self, name: &str, visit: impl FnOnce(&mut Self)) {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.down(&format!("{dot}{name}"), visit);
    }

    /// Goes down to each item of a list.
    fn each<T>(&mut self, name: &str, items: &mut [T], visit: impl Fn(&mut Self, &mut T)) {
        self.within(name, |walk| walk.items(items, visit));
    }

    fn items<T>(&mut self, items: &mut [T], visit: impl Fn(&mut Self, &mut T)) {
        for (index, item) in items.iter_mut().enumerate() {
            self.down(&format!("[{index}]"), |walk| visit(walk, item));
        }
    }

    fn down(&mut self, step: &str, visit: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(step);
        visit(self);
        self.path.truncate(length);
    }

    fn text(&mut self, text: &mut String) {
        let mut value = Value::String(std::mem::take(text));
        self.value(&mut value);
        *text = into_text(value).unwrap_or_default();
    }

    fn optional(&mut self, text: &mut Option<String>) {
        let mut value = text.take().map_or(Value::Null, Value::String);
        self.value(&mut value);
        *text = into_text(value);
    }

    fn members(&mut self, members: &mut Map<String, Value>) {
        for (key, value) in members {
            self.within(key, |walk| walk.value(value));
        }
    }

    fn value(&mut self, value: &mut Value) {
        if value.is_null() || value.as_str() == Some("") {
            return;
        }
        if let Some(replacement) = self.replacement(value) {
            *value = replacement;
            self.changed.push(self.path.clone());
            return;
        }
        match value {
            Value::Array(items) => self.items(items, Self::value),
            Value::Object(members) => self.members(members),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// What the closure puts in the place of a value. When it panics that is not the value.
    fn replacement(&self, value: &Value) -> Option<Value> {
        let Redact(redact) = self.redact;
        let replacement = reading(|| redact(&self.path, value)).unwrap_or_else(|_| {
            tracing::error!(
                target: "capsules",
                "the closure that redacts has panicked; the value is not kept"
            );
            Some(REDACTED.into())
        });
        replacement.filter(|new| new != value)
    }
}

/// A text that may have become another kind of value.
fn into_text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}
