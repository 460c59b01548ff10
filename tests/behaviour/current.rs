//! `current()`: setters, detached handles, hostile uses.

use capsules::{NoActiveCapsule, OutcomeStatus, ReasoningOption, audit};
use serde_json::json;

use crate::support::{audited, only};

#[test]
fn every_section_can_be_enriched() {
    #[audit(type = "agent")]
    fn decide() {
        let capsule = capsules::current();
        capsule
            .analysis("two ways")
            .option(ReasoningOption {
                id: "a".to_owned(),
                description: "the first way".to_owned(),
                feasibility: 7.5,
                selected: true,
                ..ReasoningOption::default()
            })
            .selected_option("a")
            .reasoning("shorter")
            .confidence(0.75)
            .model("gpt-4o")
            .prompt_hash("ab".repeat(32))
            .session_id("s")
            .user_id("u")
            .correlation_id("c")
            .tenant_id("t")
            .environment("region", "eu")
            .resource("tokens", 1500)
            .metric("cost", 0.25)
            .approved_by("ops@example.com")
            .side_effect("wrote a file")
            .summary("done");
        capsule.with(|capsule| capsule.authority.escalation_reason = Some("none".to_owned()));
    }
    let ((), capsules) = audited(decide);
    let capsule = only(capsules);
    assert_eq!(capsule.reasoning.analysis, "two ways");
    assert_eq!(
        capsule.reasoning.options[0].feasibility.to_bits(),
        1.0_f64.to_bits()
    );
    assert_eq!(capsule.reasoning.options_considered, ["the first way"]);
    assert_eq!(capsule.reasoning.selected_option, "a");
    assert_eq!(capsule.reasoning.reasoning, "shorter");
    assert_eq!(capsule.reasoning.confidence.to_bits(), 0.75_f64.to_bits());
    assert_eq!(capsule.reasoning.model.as_deref(), Some("gpt-4o"));
    assert_eq!(capsule.reasoning.prompt_hash, Some("ab".repeat(32)));
    assert_eq!(capsule.context.session_id.as_deref(), Some("s"));
    assert_eq!(capsule.trigger.user_id.as_deref(), Some("u"));
    assert_eq!(capsule.trigger.correlation_id.as_deref(), Some("c"));
    assert_eq!(capsule.tenant_id(), Some("t"));
    assert_eq!(capsule.context.environment["region"], json!("eu"));
    assert_eq!(capsule.execution.resources_used["tokens"], json!(1500));
    assert_eq!(capsule.outcome.metrics["cost"], json!(0.25));
    assert_eq!(capsule.authority.kind.as_str(), "human_approved");
    assert_eq!(
        capsule.authority.approver.as_deref(),
        Some("ops@example.com")
    );
    assert_eq!(capsule.authority.escalation_reason.as_deref(), Some("none"));
    assert_eq!(capsule.outcome.side_effects, ["wrote a file"]);
    assert_eq!(capsule.outcome.summary, "done");
}

#[test]
fn outside_of_a_call_writes_go_nowhere() {
    let capsule = capsules::current();
    assert!(!capsule.is_active());
    assert_eq!(capsule.id(), None);
    assert_eq!(capsules::try_current().unwrap_err(), NoActiveCapsule);
    capsule.model("ignored").confidence(f64::NAN);
    assert_eq!(capsule.with(|capsule| capsule.reasoning.model.take()), None);
}

#[test]
fn a_handle_that_outlives_its_call_writes_nowhere() {
    #[audit(type = "agent")]
    fn leak() -> capsules::CurrentCapsule {
        capsules::try_current().unwrap()
    }
    let (handle, capsules) = audited(leak);
    handle.summary("too late");
    assert!(!handle.is_active());
    assert_eq!(only(capsules).outcome.summary, "");
}

#[test]
fn a_handle_can_be_used_from_other_threads() {
    #[audit(type = "agent")]
    fn fans_out() {
        let capsule = capsules::current();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let capsule = &capsule;
                scope.spawn(move || capsule.metric(format!("thread-{thread}"), thread));
            }
        });
    }
    let ((), capsules) = audited(fans_out);
    assert_eq!(only(capsules).outcome.metrics.len(), 4);
}

#[test]
fn a_write_inside_of_a_write_does_not_hang() {
    #[audit(type = "agent")]
    fn nested() {
        capsules::current().with(|capsule| {
            capsules::current().summary("lost");
            capsule.outcome.side_effects.push("kept".to_owned());
        });
    }
    let ((), capsules) = audited(nested);
    let capsule = only(capsules);
    assert_eq!(capsule.outcome.summary, "");
    assert_eq!(capsule.outcome.side_effects, ["kept"]);
}

#[test]
fn a_write_that_panics_leaves_the_rest() {
    #[audit(type = "agent")]
    fn careless() {
        let capsule = capsules::current();
        capsule.summary("before");
        let panicked = std::panic::catch_unwind(|| {
            capsules::current().with(|_| panic!("in the closure"));
        });
        assert!(panicked.is_err());
        capsule.side_effect("after");
    }
    let ((), capsules) = audited(careless);
    let capsule = only(capsules);
    assert_eq!(capsule.outcome.status, OutcomeStatus::Success);
    assert_eq!(capsule.outcome.summary, "before");
    assert_eq!(capsule.outcome.side_effects, ["after"]);
}
