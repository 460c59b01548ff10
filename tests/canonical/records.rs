//! Random capsules.

use capsules_core::{
    Authority, AuthorityType, Capsule, CapsuleType, Context, Execution, Outcome, OutcomeStatus,
    Reasoning, ReasoningOption, Timestamp, ToolCall, Trigger, TriggerType, Uuid,
};
use serde_json::{Map, Value};

use crate::random::Random;

pub(crate) fn capsule(random: &mut Random) -> Capsule {
    Capsule {
        id: uuid(random),
        kind: random.pick(&CapsuleType::ALL),
        domain: random.string(),
        parent_id: maybe(random, uuid),
        sequence: random.bits() >> random.below(64),
        previous_hash: maybe(random, |random| format!("{:064x}", random.bits())),
        spec_version: "1.0".to_owned(),
        trigger: Trigger {
            kind: TriggerType::from(&*random.string()),
            source: random.string(),
            timestamp: timestamp(random),
            request: random.string(),
            correlation_id: maybe(random, Random::string),
            user_id: maybe(random, Random::string),
        },
        context: Context {
            agent_id: random.string(),
            session_id: maybe(random, Random::string),
            environment: object(random, 3),
        },
        reasoning: Reasoning {
            analysis: random.string(),
            options: random.several(4, option),
            options_considered: strings(random),
            selected_option: random.string(),
            reasoning: random.string(),
            confidence: random.float(),
            model: maybe(random, Random::string),
            prompt_hash: maybe(random, Random::string),
        },
        authority: Authority {
            kind: AuthorityType::from(&*random.string()),
            approver: maybe(random, Random::string),
            policy_reference: maybe(random, Random::string),
            chain: random.several(4, |random| object(random, 2)),
            escalation_reason: maybe(random, Random::string),
        },
        execution: Execution {
            tool_calls: random.several(4, tool_call),
            duration_ms: random.bits() >> random.below(64),
            resources_used: object(random, 1),
        },
        outcome: Outcome {
            status: OutcomeStatus::from(&*random.string()),
            result: value(random, 4),
            summary: random.string(),
            error: maybe(random, Random::string),
            side_effects: strings(random),
            metrics: object(random, 1),
        },
    }
}

fn option(random: &mut Random) -> ReasoningOption {
    ReasoningOption {
        id: random.string(),
        description: random.string(),
        pros: strings(random),
        cons: strings(random),
        estimated_impact: object(random, 1),
        feasibility: random.float(),
        risks: strings(random),
        selected: random.once_in(2),
        rejection_reason: random.string(),
    }
}

fn tool_call(random: &mut Random) -> ToolCall {
    ToolCall {
        tool: random.string(),
        arguments: object(random, 2),
        result: value(random, 3),
        success: random.once_in(2),
        duration_ms: random.below(100_000),
        error: maybe(random, Random::string),
    }
}

/// A value whose containers nest at most `depth` deep.
fn value(random: &mut Random, depth: u64) -> Value {
    match random.below(if depth == 0 { 7 } else { 10 }) {
        0 => Value::Null,
        1 => random.once_in(2).into(),
        2 => (random.bits() >> random.below(64)).into(),
        3 => (random.bits().cast_signed() >> random.below(64)).into(),
        4 => random.float().into(),
        5 | 6 => random.string().into(),
        7 => random.several(5, |random| value(random, depth - 1)).into(),
        _ => object(random, depth - 1).into(),
    }
}

fn object(random: &mut Random, depth: u64) -> Map<String, Value> {
    random
        .several(5, |random| (random.string(), value(random, depth)))
        .into_iter()
        .collect()
}

fn strings(random: &mut Random) -> Vec<String> {
    random.several(4, Random::string)
}

fn maybe<T>(random: &mut Random, value: impl FnOnce(&mut Random) -> T) -> Option<T> {
    if random.once_in(3) {
        None
    } else {
        Some(value(random))
    }
}

fn uuid(random: &mut Random) -> Uuid {
    Uuid::from_u64_pair(random.bits(), random.bits())
}

/// A time from the year 1, where Python begins, to the end of 9999 less two days, where the
/// typed record ends.
fn timestamp(random: &mut Random) -> Timestamp {
    const FIRST: i64 = -62_135_596_800;
    const SECONDS: u64 = 315_537_897_600 - 2 * 86_400;
    let second = FIRST + i64::try_from(random.below(SECONDS)).unwrap();
    let fraction = random.pick(&[0, 1, 1_000, 120_000, 999_999]);
    Timestamp::from_micros(second * 1_000_000 + fraction).unwrap()
}
