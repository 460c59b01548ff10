//! Reasoning before the action, and who approved it.

use capsules::{Capsule, Deliberated, Deliberation, OutcomeStatus, ReasoningOption, Timestamp};
use capsules::{ToolCall, audit, current};
use serde_json::json;

use crate::support::{audited, audited_async, only};

#[audit(type = "tool")]
fn tool() {}

#[audit(type = "agent")]
fn other_agent() {}

/// Asserts what was recorded or changed too late.
#[track_caller]
fn assert_late(capsule: &Capsule, expected: &[Deliberated]) {
    match capsule.deliberation() {
        Deliberation::AfterActing { fields, .. } => assert_eq!(fields, expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn options_are_weighed_rejected_and_chosen() {
    #[audit(type = "agent")]
    fn decides() {
        current()
            .analysis("three ways")
            .option("by train")
            .option(ReasoningOption {
                id: "fly".to_owned(),
                description: "by plane".to_owned(),
                feasibility: 2.0,
                ..ReasoningOption::default()
            })
            .decide("by train", "first thought")
            .reject("fly", "too dear")
            .reject("opt_0", "the line is closed")
            .reject("on foot", "too far")
            .decide("fly", "nothing else is left");
    }
    let ((), capsules) = audited(decides);
    let reasoning = only(capsules).reasoning;
    assert_eq!(reasoning.analysis, "three ways");
    assert_eq!(reasoning.selected_option, "fly");
    assert_eq!(reasoning.reasoning, "nothing else is left");
    assert_eq!(
        reasoning.options_considered,
        ["by train", "by plane", "on foot"]
    );
    let options: Vec<_> = reasoning
        .options
        .iter()
        .map(|o| (&*o.id, o.selected, &*o.rejection_reason, o.feasibility))
        .collect();
    assert_eq!(
        options,
        [
            ("opt_0", false, "the line is closed", 0.0),
            ("fly", true, "", 1.0),
            ("opt_2", false, "too far", 0.0),
        ]
    );
}

#[test]
fn a_choice_can_be_taken_back() {
    #[audit(type = "agent")]
    fn decides() {
        current().decide("a", "first thought").reject("a", "no");
    }
    let ((), capsules) = audited(decides);
    let option = &only(capsules).reasoning.options[0];
    assert_eq!((option.selected, &*option.rejection_reason), (false, "no"));
}

#[test]
fn deliberation_before_the_first_tool_call_is_on_record() {
    #[audit(type = "agent")]
    fn agent() {
        current().analysis("why").option("a").decide("a", "because");
        tool();
        current().confidence(0.5).model("m").summary("done");
        tool();
    }
    let before = Timestamp::now();
    let ((), capsules) = audited(agent);
    let Deliberation::BeforeActing {
        decided_at,
        acted_at,
    } = capsules[2].deliberation()
    else {
        panic!("{:?}", capsules[2].deliberation());
    };
    assert!(before <= decided_at && decided_at <= acted_at);
    assert!(acted_at <= Timestamp::now());
    let environment = &capsules[2].context.environment;
    assert_eq!(
        environment["capsules.first_tool_call"],
        json!(acted_at.to_string())
    );
    let times = environment["capsules.deliberated"].as_object().unwrap();
    assert_eq!(times["reasoning"], json!(decided_at.to_string()));
    assert_eq!(times.len(), 4);
    // The tool itself has called nothing.
    assert_eq!(capsules[0].deliberation(), Deliberation::NoToolCall);
    assert!(capsules[0].context.environment.is_empty());
}

#[test]
fn what_is_added_or_changed_after_it_is_late() {
    #[audit(type = "agent")]
    fn adds() {
        current().analysis("why");
        tool();
        current().reasoning("afterwards");
    }
    #[audit(type = "agent")]
    fn changes() {
        current().analysis("why").decide("a", "because");
        tool();
        current().with(|capsule| capsule.reasoning.options[0].pros.push("new".to_owned()));
    }
    #[audit(type = "agent")]
    fn never() {
        tool();
    }
    for (agent, late) in [
        (adds as fn(), Deliberated::Reasoning),
        (changes, Deliberated::Options),
    ] {
        let ((), capsules) = audited(agent);
        assert_late(&capsules[1], &[late]);
    }
    let ((), capsules) = audited(never);
    assert_eq!(capsules[1].deliberation(), Deliberation::Missing);
}

/// The mark is made when the tool begins, so that one that never ends counts too.
#[test]
fn a_tool_that_panics_was_called() {
    #[audit(type = "tool")]
    fn boom() {
        panic!("no");
    }
    #[audit(type = "agent")]
    fn agent() {
        let _ = std::panic::catch_unwind(boom);
        current().analysis("in hindsight");
    }
    let ((), capsules) = audited(agent);
    assert_late(&capsules[1], &[Deliberated::Analysis]);
}

#[tokio::test]
async fn a_tool_whose_future_is_never_polled_was_not_called() {
    #[audit(type = "tool")]
    async fn lazy() {}
    #[audit(type = "agent")]
    async fn agent() {
        drop(lazy());
        current().analysis("why");
        other_agent();
    }
    let ((), capsules) = audited_async(agent()).await;
    assert_eq!(capsules[1].deliberation(), Deliberation::NoToolCall);
}

#[test]
fn calls_that_are_added_by_hand_count() {
    #[audit(type = "agent")]
    fn agent() {
        let search = ToolCall {
            tool: "search".to_owned(),
            success: true,
            ..ToolCall::default()
        };
        current().analysis("why").tool_call(search);
        current().with(|capsule| capsule.reasoning.analysis.push_str(", really"));
    }
    let ((), capsules) = audited(agent);
    let capsule = only(capsules);
    assert_eq!(capsule.execution.tool_calls[0].tool, "search");
    assert_late(&capsule, &[Deliberated::Analysis]);
}

#[test]
fn approvals_keep_approver_arguments_and_time() {
    #[audit(type = "tool")]
    fn pay(cents: u64) {
        current()
            .approved_with("clerk", json!({"cents": cents, "to": "x".repeat(600)}))
            .approved_by("manager");
    }
    let before = Timestamp::now();
    let ((), capsules) = audited(|| pay(500));
    let authority = only(capsules).authority;
    assert_eq!(authority.kind.as_str(), "human_approved");
    assert_eq!(authority.approver.as_deref(), Some("manager"));
    let [clerk, manager] = <[_; 2]>::try_from(authority.chain).unwrap();
    assert_eq!(clerk["approver"], "clerk");
    assert_eq!(clerk["decision"], "approved");
    // Exactly what was shown, however long.
    assert_eq!(
        clerk["arguments"],
        json!({"cents": 500, "to": "x".repeat(600)})
    );
    let at: Timestamp = clerk["at"].as_str().unwrap().parse().unwrap();
    assert!(before <= at && at <= Timestamp::now());
    assert_eq!(manager["approver"], "manager");
    assert!(!manager.contains_key("arguments"));
}

#[test]
fn policies_and_escalations_are_authorities() {
    #[audit(type = "agent")]
    fn allowed() {
        current().allowed_by_policy("refunds-7");
    }
    #[audit(type = "agent")]
    fn passed_on() {
        current()
            .escalated("above the limit")
            .status(OutcomeStatus::Blocked);
    }
    let ((), capsules) = audited(|| {
        allowed();
        passed_on();
    });
    let [allowed, passed_on] = <[_; 2]>::try_from(capsules).unwrap();
    assert_eq!(allowed.authority.kind.as_str(), "policy");
    assert_eq!(
        allowed.authority.policy_reference.as_deref(),
        Some("refunds-7")
    );
    assert_eq!(passed_on.authority.kind.as_str(), "escalated");
    assert_eq!(
        passed_on.authority.escalation_reason.as_deref(),
        Some("above the limit")
    );
    assert_eq!(passed_on.outcome.status, OutcomeStatus::Blocked);
}
