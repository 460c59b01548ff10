//! Whether an actor deliberated before it acted.
//!
//! The reasoning section says why, but not when. Recorders note in `context.environment` when each
//! part of it took the value that is sealed, and when the first tool was called; what was recorded
//! afterwards is no deliberation, however good it reads.

use serde_json::{Map, Value};

use crate::capsule::Capsule;
use crate::sections::Reasoning;
use crate::timestamp::Timestamp;

/// The key of `context.environment` with the times of the reasoning section's fields.
const DELIBERATED: &str = "capsules.deliberated";
/// The key of `context.environment` with the time at which the first tool call began.
const FIRST_TOOL_CALL: &str = "capsules.first_tool_call";

/// A field of the reasoning section that says why the actor acted as it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Deliberated {
    /// `reasoning.analysis`.
    Analysis,
    /// `reasoning.options`.
    Options,
    /// `reasoning.selected_option`.
    SelectedOption,
    /// `reasoning.reasoning`.
    Reasoning,
}

/// What a capsule says about its actor's deliberation; given by [`Capsule::deliberation`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deliberation {
    /// No tool was called, so there was nothing to deliberate before.
    NoToolCall,
    /// Everything that the reasoning section says of the decision stood when the first tool call
    /// began, and was not changed afterwards.
    BeforeActing {
        /// When the last of it was recorded.
        decided_at: Timestamp,
        /// When the first tool call began.
        acted_at: Timestamp,
    },
    /// A part of it was recorded or changed after the first tool call had begun.
    AfterActing {
        /// What was late.
        fields: Vec<Deliberated>,
        /// When the first tool call began.
        acted_at: Timestamp,
    },
    /// Tools were called, and nothing is on record of why.
    Missing,
    /// Tools were called, but the record does not say when, or not when it was reasoned.
    Unknown,
}

impl Deliberation {
    /// Whether the actor is on record as having deliberated before it acted. What is not known
    /// does not count.
    pub fn is_before_acting(&self) -> bool {
        matches!(self, Self::BeforeActing { .. })
    }
}

impl Deliberated {
    const ALL: [Self; 4] = [
        Self::Analysis,
        Self::Options,
        Self::SelectedOption,
        Self::Reasoning,
    ];

    /// The field's name in the reasoning section.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Analysis => "analysis",
            Self::Options => "options",
            Self::SelectedOption => "selected_option",
            Self::Reasoning => "reasoning",
        }
    }

    fn is_empty_in(self, reasoning: &Reasoning) -> bool {
        match self {
            Self::Analysis => reasoning.analysis.is_empty(),
            Self::Options => {
                reasoning.options.is_empty() && reasoning.options_considered.is_empty()
            }
            Self::SelectedOption => reasoning.selected_option.is_empty(),
            Self::Reasoning => reasoning.reasoning.is_empty(),
        }
    }

    fn is_equal_in(self, left: &Reasoning, right: &Reasoning) -> bool {
        match self {
            Self::Analysis => left.analysis == right.analysis,
            Self::Options => {
                left.options == right.options && left.options_considered == right.options_considered
            }
            Self::SelectedOption => left.selected_option == right.selected_option,
            Self::Reasoning => left.reasoning == right.reasoning,
        }
    }
}

impl Capsule {
    /// Whether the actor deliberated before it acted, by the times that were noted with
    /// [`note_deliberated`](Self::note_deliberated) and [`note_tool_call`](Self::note_tool_call).
    /// They are what the recorder's process believed; the seal shows that they were not changed
    /// since.
    ///
    /// ```
    /// use capsules_core::{Capsule, CapsuleType, Deliberated};
    ///
    /// let mut capsule = Capsule::new(CapsuleType::Agent);
    /// capsule.reasoning.analysis = "two ways".to_owned();
    /// capsule.note_deliberated(Deliberated::Analysis);
    /// capsule.note_tool_call();
    /// assert!(capsule.deliberation().is_before_acting());
    ///
    /// capsule.reasoning.analysis = "in hindsight, one".to_owned();
    /// capsule.note_deliberated(Deliberated::Analysis);
    /// assert!(!capsule.deliberation().is_before_acting());
    /// ```
    pub fn deliberation(&self) -> Deliberation {
        let environment = &self.context.environment;
        if !environment.contains_key(FIRST_TOOL_CALL) && self.execution.tool_calls.is_empty() {
            return Deliberation::NoToolCall;
        }
        let recorded: Vec<_> = Deliberated::ALL
            .into_iter()
            .filter(|field| !field.is_empty_in(&self.reasoning))
            .collect();
        if recorded.is_empty() {
            return Deliberation::Missing;
        }
        let Some(acted_at) = time(environment, FIRST_TOOL_CALL) else {
            return Deliberation::Unknown;
        };
        let mut late = Vec::new();
        let mut decided_at = None;
        let mut unknown = false;
        for field in recorded {
            match self.deliberated_at(field) {
                Some(at) if at > acted_at => late.push(field),
                Some(at) => decided_at = decided_at.max(Some(at)),
                None => unknown = true,
            }
        }
        match decided_at {
            _ if !late.is_empty() => Deliberation::AfterActing {
                fields: late,
                acted_at,
            },
            Some(decided_at) if !unknown => Deliberation::BeforeActing {
                decided_at,
                acted_at,
            },
            _ => Deliberation::Unknown,
        }
    }

    /// Notes that a field of the reasoning section takes its value now.
    pub fn note_deliberated(&mut self, field: Deliberated) {
        let environment = &mut self.context.environment;
        let mut at = Timestamp::now();
        // The clock may stand or be set back; what comes after the call has to say so.
        if let Some(acted_at) = time(environment, FIRST_TOOL_CALL) {
            at = at.max(next(acted_at));
        }
        let times = environment
            .entry(DELIBERATED)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(times) = times {
            times.insert(field.as_str().to_owned(), at.to_string().into());
        }
    }

    /// Notes that a tool call begins now. Only the first one is kept.
    pub fn note_tool_call(&mut self) {
        if self.context.environment.contains_key(FIRST_TOOL_CALL) {
            return;
        }
        // What was noted before came before, whatever the clock says.
        let deliberated = Deliberated::ALL
            .into_iter()
            .filter_map(|field| self.deliberated_at(field));
        let at = deliberated.fold(Timestamp::now(), Timestamp::max);
        self.set_first_tool_call(at);
    }

    /// Notes a tool call that took this long and has ended now, if it began first.
    fn note_ended_tool_call(&mut self, took_ms: u64) {
        let now = Timestamp::now();
        let took = i64::try_from(took_ms).unwrap_or(i64::MAX);
        let began = now.as_micros().saturating_sub(took.saturating_mul(1_000));
        let began = Timestamp::from_micros(began).unwrap_or(now);
        let first = time(&self.context.environment, FIRST_TOOL_CALL);
        if first.is_none_or(|first| began < first) {
            self.set_first_tool_call(began);
        }
    }

    fn set_first_tool_call(&mut self, at: Timestamp) {
        let environment = &mut self.context.environment;
        environment.insert(FIRST_TOOL_CALL.to_owned(), at.to_string().into());
    }

    /// Changes the capsule and notes what of its reasoning changed, and the tool calls that the
    /// change adds, which have ended by then.
    pub fn change_noting_deliberation<R>(&mut self, change: impl FnOnce(&mut Self) -> R) -> R {
        let watched = Watched {
            reasoning: self.reasoning.clone(),
            tool_calls: self.execution.tool_calls.len(),
            capsule: self,
        };
        change(watched.capsule)
    }

    fn deliberated_at(&self, field: Deliberated) -> Option<Timestamp> {
        let times = self.context.environment.get(DELIBERATED)?.as_object()?;
        time(times, field.as_str())
    }
}

/// Notes what has changed when it is dropped, also by a panic of whoever changes.
struct Watched<'a> {
    capsule: &'a mut Capsule,
    /// As it was before.
    reasoning: Reasoning,
    /// How many there were before.
    tool_calls: usize,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        let capsule = &mut *self.capsule;
        // First: what is added together was not reasoned before the call.
        let added = capsule.execution.tool_calls.iter().skip(self.tool_calls);
        if let Some(took) = added.map(|call| call.duration_ms).max() {
            capsule.note_ended_tool_call(took);
        }
        for field in Deliberated::ALL {
            if !field.is_equal_in(&self.reasoning, &capsule.reasoning) {
                capsule.note_deliberated(field);
            }
        }
    }
}

fn time(times: &Map<String, Value>, key: &str) -> Option<Timestamp> {
    times.get(key)?.as_str()?.parse().ok()
}

fn next(time: Timestamp) -> Timestamp {
    Timestamp::from_micros(time.as_micros().saturating_add(1)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capsule::CapsuleType;
    use crate::sections::ToolCall;

    fn agent() -> Capsule {
        Capsule::new(CapsuleType::Agent)
    }

    #[test]
    fn without_a_tool_call_there_is_no_before() {
        let mut capsule = agent();
        capsule.reasoning.analysis = "why".to_owned();
        capsule.note_deliberated(Deliberated::Analysis);
        assert_eq!(capsule.deliberation(), Deliberation::NoToolCall);
    }

    #[test]
    fn tools_without_a_reason_are_missing_one() {
        let mut capsule = agent();
        capsule.execution.tool_calls.push(ToolCall::default());
        assert_eq!(capsule.deliberation(), Deliberation::Missing);
        capsule.note_tool_call();
        assert_eq!(capsule.deliberation(), Deliberation::Missing);
    }

    #[test]
    fn what_other_implementations_record_is_unknown() {
        let mut capsule = agent();
        capsule.execution.tool_calls.push(ToolCall::default());
        capsule.reasoning.options_considered = vec!["one".to_owned()];
        assert_eq!(capsule.deliberation(), Deliberation::Unknown);
        capsule.note_tool_call();
        assert_eq!(capsule.deliberation(), Deliberation::Unknown);
        // A time for one field does not stand for another.
        capsule.reasoning.analysis = "why".to_owned();
        capsule.context.environment[FIRST_TOOL_CALL] = "2999-01-01T00:00:00+00:00".into();
        capsule.context.environment.insert(
            DELIBERATED.to_owned(),
            serde_json::json!({"analysis": "2026-01-01T00:00:00+00:00"}),
        );
        assert_eq!(capsule.deliberation(), Deliberation::Unknown);
        capsule.context.environment[FIRST_TOOL_CALL] = "not a time".into();
        assert_eq!(capsule.deliberation(), Deliberation::Unknown);
    }

    /// The order of the notes counts, not the clock's.
    #[test]
    fn a_clock_that_is_set_back_changes_no_order() {
        let later = Timestamp::from_micros(Timestamp::now().as_micros() + 3_600_000_000).unwrap();
        let mut capsule = agent();
        capsule.reasoning.analysis = "why".to_owned();
        capsule.note_deliberated(Deliberated::Analysis);
        capsule.context.environment[DELIBERATED]["analysis"] = later.to_string().into();
        capsule.note_tool_call();
        let before = Deliberation::BeforeActing {
            decided_at: later,
            acted_at: later,
        };
        assert_eq!(capsule.deliberation(), before);

        let mut capsule = agent();
        capsule.set_first_tool_call(later);
        capsule.reasoning.reasoning = "excuse".to_owned();
        capsule.note_deliberated(Deliberated::Reasoning);
        let after = Deliberation::AfterActing {
            fields: vec![Deliberated::Reasoning],
            acted_at: later,
        };
        assert_eq!(capsule.deliberation(), after);
    }

    #[test]
    fn the_first_tool_call_counts() {
        let mut capsule = agent();
        capsule.note_tool_call();
        let first = time(&capsule.context.environment, FIRST_TOOL_CALL).unwrap();
        capsule.note_tool_call();
        capsule.note_ended_tool_call(0);
        assert_eq!(
            time(&capsule.context.environment, FIRST_TOOL_CALL),
            Some(first)
        );
        // It ended last, and had begun first.
        capsule.note_ended_tool_call(3_600_000);
        assert!(time(&capsule.context.environment, FIRST_TOOL_CALL) < Some(first));
    }

    #[test]
    fn changes_of_any_kind_are_noted_also_when_they_panic() {
        let mut capsule = agent();
        capsule.change_noting_deliberation(|capsule| {
            capsule.reasoning.selected_option = "a".to_owned();
            capsule.reasoning.confidence = 0.5;
        });
        capsule.change_noting_deliberation(|capsule| {
            capsule.execution.tool_calls.push(ToolCall::default());
        });
        assert!(capsule.deliberation().is_before_acting());
        let change = std::panic::AssertUnwindSafe(|| {
            capsule.change_noting_deliberation(|capsule| {
                capsule.reasoning.selected_option = "b".to_owned();
                panic!("half-way");
            });
        });
        assert!(std::panic::catch_unwind(change).is_err());
        assert!(matches!(
            capsule.deliberation(),
            Deliberation::AfterActing { fields, .. } if fields == [Deliberated::SelectedOption]
        ));
    }

    /// The call took a minute, so what was reasoned in that minute came after it had begun.
    #[test]
    fn a_call_that_is_added_when_it_has_ended_began_before() {
        let mut capsule = agent();
        capsule.reasoning.analysis = "meanwhile".to_owned();
        capsule.note_deliberated(Deliberated::Analysis);
        capsule.change_noting_deliberation(|capsule| {
            capsule.execution.tool_calls.push(ToolCall {
                duration_ms: 60_000,
                ..ToolCall::default()
            });
        });
        assert!(matches!(
            capsule.deliberation(),
            Deliberation::AfterActing { .. }
        ));
    }
}
