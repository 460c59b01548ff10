//! Capsules that break writers and readers of JSON.

use capsules_core::{
    AuthorityType, Capsule, CapsuleType, OutcomeStatus, Reasoning, ReasoningOption, Timestamp,
    ToolCall, TriggerType,
};
use serde_json::{Map, Value, json};

/// A session in the form that the Python implementation looks up.
pub(crate) const SESSION: &str = "0b6e4b2e-8f5c-4a0e-9d55-7f0f6f4f8a01";

/// One capsule of each kind below, as fresh ones.
pub(crate) fn all() -> Vec<Capsule> {
    let mut capsules = vec![
        every_field(),
        considered_only(),
        numbers(),
        text(),
        whole_second(),
    ];
    capsules.extend(CapsuleType::ALL.map(Capsule::new));
    capsules
}

fn every_field() -> Capsule {
    let mut capsule = Capsule::new(CapsuleType::Workflow);
    capsule.domain = "finance".into();
    capsule.parent_id = Some(Capsule::new(CapsuleType::Agent).id);
    capsule.set_tenant_id(Some("acme"));
    capsule.trigger.kind = TriggerType::Scheduled;
    capsule.trigger.source = "ledger::close".into();
    capsule.trigger.request = "close the books".into();
    capsule.trigger.correlation_id = Some("c-1".to_owned());
    capsule.trigger.user_id = Some("u-1".to_owned());
    capsule.context.agent_id = "closer".into();
    capsule.context.session_id = Some(SESSION.to_owned());
    capsule
        .context
        .environment
        .insert("nested".to_owned(), json!({"b": [1, {"a": null}], "a": {}}));
    capsule.reasoning = Reasoning {
        analysis: "two ways".to_owned(),
        options: vec![
            ReasoningOption {
                id: "opt_0".to_owned(),
                description: "now".to_owned(),
                pros: vec!["fast".to_owned()],
                cons: vec!["rash".to_owned()],
                estimated_impact: object(json!({"scope": "all", "severity": 2})),
                feasibility: 1.0,
                risks: vec!["late bookings".to_owned()],
                selected: true,
                rejection_reason: String::new(),
            },
            ReasoningOption {
                id: "opt_1".to_owned(),
                description: "later".to_owned(),
                feasibility: 0.3,
                rejection_reason: "too late".to_owned(),
                ..ReasoningOption::default()
            },
        ],
        selected_option: "opt_0".to_owned(),
        reasoning: "the law asks for it".to_owned(),
        confidence: 1.0,
        model: Some("model-1".to_owned()),
        prompt_hash: Some("ab".repeat(32)),
        ..Reasoning::default()
    };
    capsule.authority.kind = AuthorityType::Escalated;
    capsule.authority.approver = Some("cfo".to_owned());
    capsule.authority.policy_reference = Some("P-7".to_owned());
    capsule.authority.chain = vec![object(json!({"level": 1, "approver": "a"}))];
    capsule.authority.escalation_reason = Some("amount".to_owned());
    capsule.execution.tool_calls = vec![
        ToolCall {
            tool: "sum".to_owned(),
            arguments: object(json!({"values": [1, 2.5]})),
            result: json!(3.5),
            success: true,
            duration_ms: 12,
            error: None,
        },
        ToolCall {
            tool: "post".to_owned(),
            error: Some("refused".to_owned()),
            ..ToolCall::default()
        },
    ];
    capsule.execution.duration_ms = u64::from(u32::MAX);
    capsule.execution.resources_used = object(json!({"tokens": 1500, "cost": 1e-7}));
    capsule.outcome.status = OutcomeStatus::Partial;
    capsule.outcome.result = json!({"closed": true});
    capsule.outcome.summary = "closed".into();
    capsule.outcome.error = Some("one posting refused".to_owned());
    capsule.outcome.side_effects = vec!["mail sent".to_owned()];
    capsule.outcome.metrics = object(json!({"rate": 2.0}));
    capsule
}

fn considered_only() -> Capsule {
    let mut capsule = Capsule::new(CapsuleType::Chat);
    capsule.reasoning.options_considered = vec!["reply".to_owned(), "wait".to_owned()];
    capsule.reasoning.selected_option = "reply".into();
    capsule
}

fn numbers() -> Capsule {
    let mut capsule = Capsule::new(CapsuleType::System);
    capsule.reasoning.confidence = 1e-7;
    capsule.outcome.result = json!([
        0,
        -0.0,
        0.1 + 0.2,
        1e-4,
        1e-5,
        1e-7,
        1.0,
        1e15,
        9_999_999_999_999_998.0,
        1e16,
        1e21,
        1e22,
        1.5e300,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
        9_007_199_254_740_993_u64,
        u64::MAX,
        i64::MIN,
    ]);
    capsule
}

fn text() -> Capsule {
    let mut capsule = Capsule::new(CapsuleType::Vault);
    capsule.outcome.summary = ('\0'..' ')
        .chain("\"\\/\u{7f}\u{2028}\u{fffd}🦀 größer 日本語".chars())
        .collect();
    // In order of code points `\u{ffff}` comes before `🦀`, in UTF-16 after it.
    capsule.outcome.metrics =
        object(json!({"🦀": 1, "\u{ffff}": 2, "": 3, "é": 4, "e\u{301}": 5, "\n": 6}));
    capsule
}

/// A time without a fraction.
fn whole_second() -> Capsule {
    let mut capsule = Capsule::new(CapsuleType::Auth);
    capsule.trigger.timestamp = Timestamp::from_micros(1_768_478_400_000_000).expect("a time");
    capsule
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else {
        panic!("{value} is not an object")
    };
    object
}
