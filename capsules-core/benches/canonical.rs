//! Canonical JSON, against a plain copy of its bytes and `serde_json` on the same capsule.
//!
//! `cargo bench -p capsules-core --bench canonical`

#![expect(clippy::unwrap_used, reason = "nobody calls a benchmark")]

use capsules_core::canonical::{Numbers, canonical_capsule, canonicalize, split_sealed};
use capsules_core::{
    Capsule, CapsuleType, Draft, Head, OutcomeStatus, Position, ReasoningOption, ToolCall,
};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use serde_json::{Map, Value, json};

fn main() {
    divan::main();
}

/// The canonical sizes of the capsules, about: two options and one tool call more each.
const CAPSULES: &[usize] = &[1500, 2000];

#[divan::bench(args = CAPSULES)]
fn baseline_copy(bencher: Bencher<'_, '_>, size: usize) {
    let text = canonical_capsule(&capsule(size)).unwrap();
    bencher
        .counter(BytesCount::of_str(&text))
        .bench_local(|| black_box(&text).clone());
}

#[divan::bench(args = CAPSULES)]
fn baseline_serde_json(bencher: Bencher<'_, '_>, size: usize) {
    let capsule = capsule(size);
    measure(bencher, size, || serde_json::to_string(black_box(&capsule)));
}

#[divan::bench(args = CAPSULES)]
fn baseline_serde_json_through_a_map(bencher: Bencher<'_, '_>, size: usize) {
    let capsule = capsule(size);
    measure(bencher, size, || {
        serde_json::to_value(black_box(&capsule)).map(|value| value.to_string())
    });
}

#[divan::bench(args = CAPSULES)]
fn typed_capsule(bencher: Bencher<'_, '_>, size: usize) {
    let capsule = capsule(size);
    measure(bencher, size, || canonical_capsule(black_box(&capsule)));
}

#[divan::bench(args = CAPSULES)]
fn draft(bencher: Bencher<'_, '_>, size: usize) {
    let capsule = capsule(size);
    measure(bencher, size, || Draft::new(black_box(&capsule)));
}

#[divan::bench(args = CAPSULES)]
fn link(bencher: Bencher<'_, '_>, size: usize) {
    let draft = Draft::new(&capsule(size)).unwrap();
    let head = Head {
        sequence: 123_456,
        hash: "ab".repeat(32),
    };
    let position = Position::after(Some(&head));
    measure(bencher, size, || draft.link(black_box(&position)));
}

#[divan::bench(args = CAPSULES)]
fn document_in_canonical_form(bencher: Bencher<'_, '_>, size: usize) {
    let text = canonical_capsule(&capsule(size)).unwrap();
    measure(bencher, size, || {
        canonicalize(black_box(text.as_bytes()), Numbers::AsWritten)
    });
}

#[divan::bench(args = CAPSULES)]
fn document_as_python_prints_numbers(bencher: Bencher<'_, '_>, size: usize) {
    let text = canonical_capsule(&capsule(size)).unwrap();
    measure(bencher, size, || {
        canonicalize(black_box(text.as_bytes()), Numbers::Python)
    });
}

#[divan::bench(args = CAPSULES)]
fn document_unsorted(bencher: Bencher<'_, '_>, size: usize) {
    let text = serde_json::to_string(&capsule(size)).unwrap();
    measure(bencher, size, || {
        canonicalize(black_box(text.as_bytes()), Numbers::AsWritten)
    });
}

#[divan::bench(args = CAPSULES)]
fn document_unsorted_and_indented(bencher: Bencher<'_, '_>, size: usize) {
    let text = serde_json::to_string_pretty(&capsule(size)).unwrap();
    measure(bencher, size, || {
        canonicalize(black_box(text.as_bytes()), Numbers::AsWritten)
    });
}

#[divan::bench(args = CAPSULES)]
fn sealed_record(bencher: Bencher<'_, '_>, size: usize) {
    let mut record = serde_json::to_value(capsule(size)).unwrap();
    record["hash"] = "ab".repeat(32).into();
    record["signature"] = "cd".repeat(64).into();
    record["signature_pq"] = "".into();
    record["signed_at"] = "2026-01-15T12:00:00+00:00".into();
    record["signed_by"] = "qp_key_abcd".into();
    let text = record.to_string();
    measure(bencher, size, || split_sealed(black_box(text.as_bytes())));
}

/// Counts the canonical bytes, so that the columns of all benchmarks compare.
fn measure<T>(bencher: Bencher<'_, '_>, size: usize, work: impl FnMut() -> T) {
    let length = canonical_capsule(&capsule(size)).unwrap().len();
    bencher.counter(BytesCount::new(length)).bench_local(work);
}

fn capsule(size: usize) -> Capsule {
    let mut capsule = Capsule::new(CapsuleType::Agent);
    capsule.trigger.source = "deploy::rollout::run_agent".into();
    capsule.trigger.request = "Roll out version 2.4.1 to the canary group".into();
    capsule.context.agent_id = "deploy-agent".into();
    capsule.context.session_id = Some("session-abc".to_owned());
    capsule.context.environment = object(json!({"cluster": "prod-eu-1", "replicas": 12}));
    capsule.set_tenant_id(Some("acme"));
    capsule.reasoning.analysis = "The new build passed every check; errors are at 0.02 %".into();
    capsule.reasoning.confidence = 0.87;
    capsule.reasoning.model = Some("gpt-4o".to_owned());
    capsule.reasoning.reasoning = "A canary limits the damage of an unknown fault".into();
    capsule.reasoning.selected_option = "opt_0".into();
    capsule.execution.duration_ms = 1_840;
    capsule.execution.resources_used = object(json!({"tokens": 1500, "cost_usd": 0.0125}));
    capsule.outcome.status = OutcomeStatus::Success;
    capsule.outcome.result = json!({"pods": ["web-0", "web-1"], "ready": true});
    capsule.outcome.summary = "Rolled out to \"canary\"".into();
    for index in 0.. {
        let length = canonical_capsule(&capsule).unwrap().len();
        if length + 150 > size {
            break;
        }
        if index % 2 == 0 {
            capsule.reasoning.options.push(option(index));
        } else {
            capsule.execution.tool_calls.push(tool_call(index));
        }
    }
    capsule
}

fn option(index: usize) -> ReasoningOption {
    ReasoningOption {
        id: format!("opt_{index}"),
        description: "Canary first, the rest after an hour".to_owned(),
        pros: vec!["limits the damage".to_owned()],
        estimated_impact: object(json!({"scope": "5 %"})),
        feasibility: 0.9,
        selected: index == 0,
        ..ReasoningOption::default()
    }
}

fn tool_call(index: usize) -> ToolCall {
    ToolCall {
        tool: "kubectl".to_owned(),
        arguments: object(json!({"command": "rollout status", "attempt": index})),
        result: json!("deployment \"web\" successfully rolled out\n"),
        success: true,
        duration_ms: 312,
        error: None,
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
