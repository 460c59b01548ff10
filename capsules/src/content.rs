//! What the capsule of a call says, from its start to its end.

use std::sync::Arc;

use capsules_core::{
    AuthorityType, Capsule, CapsuleType, Draft, OutcomeStatus, ToolCall, TriggerType,
};
use serde_json::{Map, Value};

use crate::active::Active;
use crate::capture::Returns;
use crate::function::Site;
use crate::identity::Identity;
use crate::inputs::Inputs;
use crate::limits::Captured;
use crate::redaction::{ARGUMENTS, note_cut, note_redacted};

/// How a call ended.
pub(crate) enum Ending {
    Returned(Returns),
    Panicked(Captured<String>),
    Cancelled(Captured<String>),
}

/// The capsule of a call that begins.
pub(crate) fn describe(site: &Site<'_>, read: Inputs, parent: Option<&Active>) -> Capsule {
    let mut capsule = Capsule::new(site.kind);
    site.domain.clone_into(&mut capsule.domain);
    capsule.trigger.kind = TriggerType::Agent;
    site.source
        .unwrap_or(site.name)
        .clone_into(&mut capsule.trigger.source);
    capsule.authority.kind = AuthorityType::Autonomous;
    capsule.context.agent_id = read.agent_id.unwrap_or_else(|| site.name.to_owned());
    let mut identity = Identity {
        session: read.session,
        user: read.user,
        correlation: read.correlation,
        tenant: read.tenant,
    };
    if let Some(parent) = parent {
        capsule.parent_id = Some(parent.id);
        identity.inherit(parent.identity());
    }
    #[cfg(feature = "tracing")]
    if identity.correlation.is_none() {
        identity.correlation = crate::correlation::of_current_span();
    }
    identity.give_to(&mut capsule);
    capsule.reasoning.prompt_hash = read.prompt_hash;
    if let Some(request) = read.request {
        capsule.trigger.request = noted(&mut capsule, "trigger.request", request);
    }
    if !read.arguments.is_empty() {
        let mut arguments = Map::new();
        for (name, value) in read.arguments {
            let field = format!("context.environment.{ARGUMENTS}.{name}");
            arguments.insert(name, noted(&mut capsule, &field, value));
        }
        let environment = &mut capsule.context.environment;
        environment.insert(ARGUMENTS.to_owned(), arguments.into());
    }
    capsule
}

/// Completes the capsule of a call that has ended and writes its draft. `None` when it has been
/// recorded already, or has no canonical form, which is counted.
pub(crate) fn conclude(active: &Arc<Active>, ending: Ending) -> Option<Draft> {
    let elapsed = active.started.elapsed();
    let mut capsule = active.end()?;
    if active.process.is_ancestor() {
        // The action ends in two processes. The id is that of the one in which it began.
        capsule.parent_id = Some(capsule.id);
        capsule.id = Capsule::new(capsule.kind).id;
    }
    capsule.execution.duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let (status, error) = match ending {
        Ending::Returned(Returns {
            result,
            error: None,
        }) => {
            if capsule.outcome.result.is_null() {
                capsule.outcome.result = noted(&mut capsule, "outcome.result", result);
            }
            (own_status(&capsule).unwrap_or(OutcomeStatus::Success), None)
        }
        Ending::Returned(Returns { error, .. }) => (
            own_status(&capsule).unwrap_or(OutcomeStatus::Failure),
            error,
        ),
        Ending::Panicked(message) => (OutcomeStatus::Failure, Some(message)),
        Ending::Cancelled(message) => (OutcomeStatus::Partial, Some(message)),
    };
    capsule.outcome.status = status;
    if let Some(error) = error {
        capsule.outcome.error = Some(noted(&mut capsule, "outcome.error", error));
    }
    active.recorder.settings().policy.apply(&mut capsule);
    if capsule.kind == CapsuleType::Tool
        && let Some(parent) = &active.parent
    {
        let call = tool_call(&active.name, &capsule);
        parent.update(|parent| parent.execution.tool_calls.push(call));
    }
    Draft::new(&capsule)
        .map_err(|error| active.recorder.reject(&capsule, &error.into()))
        .ok()
}

/// The status that the function has set itself.
fn own_status(capsule: &Capsule) -> Option<OutcomeStatus> {
    (capsule.outcome.status != OutcomeStatus::Pending).then(|| capsule.outcome.status.clone())
}

/// A tool's call as its parent's capsule shows it.
fn tool_call(name: &str, capsule: &Capsule) -> ToolCall {
    ToolCall {
        tool: name.to_owned(),
        arguments: arguments(capsule).cloned().unwrap_or_default(),
        result: capsule.outcome.result.clone(),
        success: capsule.outcome.status == OutcomeStatus::Success,
        duration_ms: capsule.execution.duration_ms,
        error: capsule.outcome.error.clone(),
    }
}

/// The arguments that a capsule keeps.
fn arguments(capsule: &Capsule) -> Option<&Map<String, Value>> {
    capsule.context.environment.get(ARGUMENTS)?.as_object()
}

/// The value of a field, noting what of it was not kept.
pub(crate) fn noted<T>(capsule: &mut Capsule, field: &str, captured: Captured<T>) -> T {
    if captured.cut {
        note_cut(capsule, field);
    }
    if captured.secret {
        note_redacted(capsule, field);
    }
    captured.value
}
