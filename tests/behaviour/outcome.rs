//! The outcome is read from the value.

use std::fmt;
use std::ops::ControlFlow;

use capsules::{OutcomeStatus, audit};
use serde_json::json;

use crate::support::{assert_ended, audited, only};

#[derive(serde::Serialize, Clone)]
struct Answer {
    text: String,
    tokens: u32,
    ratio: f64,
}

#[test]
fn a_value_is_a_success_and_keeps_its_json_types() {
    #[audit(type = "agent")]
    fn answer() -> Answer {
        Answer {
            text: "yes".to_owned(),
            tokens: 3,
            ratio: 2.0,
        }
    }
    let (value, capsules) = audited(answer);
    assert_eq!(value.text, "yes");
    let capsule = only(capsules);
    assert_ended(&capsule, &OutcomeStatus::Success, None);
    assert_eq!(
        capsule.outcome.result,
        json!({"ratio": 2.0, "text": "yes", "tokens": 3})
    );
}

#[test]
fn an_early_return_and_a_question_mark_are_recorded() {
    #[audit(type = "tool")]
    fn parse(text: &str) -> Result<i32, std::num::ParseIntError> {
        if text.is_empty() {
            return Ok(0);
        }
        Ok(text.parse::<i32>()? + 1)
    }
    let (values, capsules) = audited(|| [parse(""), parse("41"), parse("x")]);
    assert_eq!(values[1], Ok(42));
    assert!(values[2].is_err());
    assert_eq!(capsules[0].outcome.result, json!(0));
    assert_eq!(capsules[1].outcome.result, json!(42));
    assert_ended(
        &capsules[2],
        &OutcomeStatus::Failure,
        Some("invalid digit found in string"),
    );
    assert_eq!(capsules[2].outcome.result, json!(null));
}

#[test]
fn aliases_and_boxed_errors_are_results() {
    type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
    #[audit(type = "tool")]
    fn boxed(fail: bool) -> Fallible<u8> {
        if fail { Err("not today".into()) } else { Ok(1) }
    }
    #[audit(type = "tool")]
    fn io() -> std::io::Result<()> {
        Err(std::io::Error::other("no disk"))
    }
    let (_, capsules) = audited(|| (boxed(false), boxed(true), io()));
    assert_eq!(capsules[0].outcome.result, json!(1));
    assert_ended(&capsules[1], &OutcomeStatus::Failure, Some("not today"));
    assert_ended(&capsules[2], &OutcomeStatus::Failure, Some("no disk"));
}

#[test]
fn options_and_control_flow_are_successes() {
    #[audit(type = "tool")]
    fn find(found: bool) -> Option<&'static str> {
        found.then_some("it")
    }
    #[audit(type = "tool")]
    fn step(go_on: bool) -> ControlFlow<u8, u16> {
        if go_on {
            ControlFlow::Continue(7)
        } else {
            ControlFlow::Break(9)
        }
    }
    let (_, capsules) = audited(|| (find(true), find(false), step(true), step(false)));
    let results: Vec<_> = capsules
        .iter()
        .map(|capsule| &capsule.outcome.result)
        .collect();
    assert_eq!(
        results,
        [&json!("it"), &json!(null), &json!(7), &json!(null)]
    );
    assert!(
        capsules
            .iter()
            .all(|capsule| capsule.outcome.status == OutcomeStatus::Success)
    );
}

#[test]
fn types_that_offer_less_are_kept_as_they_can() {
    #[derive(Debug)]
    struct Plain(#[expect(dead_code, reason = "read by Debug")] u8);
    struct Opaque;
    struct Shown;
    impl fmt::Display for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("shown")
        }
    }
    #[audit(type = "tool")]
    fn plain() -> Plain {
        Plain(1)
    }
    #[audit(type = "tool")]
    fn shown() -> Shown {
        Shown
    }
    #[audit(type = "tool")]
    fn opaque() -> Result<Opaque, Opaque> {
        Err(Opaque)
    }
    #[audit(type = "tool")]
    fn generic<T, E>(value: Result<T, E>) -> Result<T, E> {
        value
    }
    let (_, capsules) = audited(|| (plain(), shown(), opaque(), generic::<u8, u8>(Err(3))));
    assert_eq!(capsules[0].outcome.result, json!("Plain(1)"));
    assert_eq!(capsules[1].outcome.result, json!("shown"));
    let error = capsules[2].outcome.error.as_deref().unwrap();
    assert!(error.ends_with("Opaque"), "{error}");
    assert_ended(&capsules[3], &OutcomeStatus::Failure, Some("u8"));
}

#[test]
fn the_form_can_be_chosen() {
    #[audit(type = "tool", result = "debug", error = "debug")]
    fn debug(text: &str) -> Result<String, String> {
        if text.is_empty() {
            Err("a\nb".to_owned())
        } else {
            Ok(text.to_owned())
        }
    }
    #[audit(type = "tool", result = "none", error = "none")]
    fn nothing(text: &str) -> Result<String, String> {
        if text.is_empty() {
            Err("secret".to_owned())
        } else {
            Ok("secret".to_owned())
        }
    }
    #[audit(type = "tool", result = json, error = json)]
    fn as_json(fail: bool) -> Result<Vec<u8>, Vec<u8>> {
        if fail { Err(vec![1]) } else { Ok(vec![2]) }
    }
    let ((), capsules) = audited(|| {
        let _ = (
            debug("x"),
            debug(""),
            nothing("x"),
            nothing(""),
            as_json(false),
            as_json(true),
        );
    });
    assert_eq!(capsules[0].outcome.result, json!("\"x\""));
    assert_eq!(capsules[1].outcome.error.as_deref(), Some("\"a\\nb\""));
    assert_eq!(capsules[2].outcome.result, json!(null));
    assert_eq!(capsules[3].outcome.status, OutcomeStatus::Failure);
    assert!(
        !capsules[3]
            .outcome
            .error
            .as_deref()
            .unwrap()
            .contains("secret")
    );
    assert_eq!(capsules[4].outcome.result, json!([2]));
    assert_eq!(capsules[5].outcome.error.as_deref(), Some("[1]"));
}

#[test]
fn a_status_of_the_functions_own_stands() {
    #[audit(type = "tool")]
    fn refused() -> Result<(), String> {
        capsules::current()
            .status(OutcomeStatus::Blocked)
            .summary("needs approval");
        Err("not allowed".to_owned())
    }
    let (_, capsules) = audited(refused);
    assert_ended(
        &only(capsules),
        &OutcomeStatus::Blocked,
        Some("not allowed"),
    );
}

#[test]
fn a_panic_is_recorded_and_goes_on() {
    #[audit(type = "agent")]
    fn boom(code: u32) {
        panic!("out of cheese {code}");
    }
    let (panic, capsules) = audited(|| std::panic::catch_unwind(|| boom(7)).unwrap_err());
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "out of cheese 7");
    let capsule = only(capsules);
    assert_ended(
        &capsule,
        &OutcomeStatus::Failure,
        Some("panicked: out of cheese 7"),
    );
}

#[test]
fn a_panic_caught_inside_is_no_failure() {
    #[audit(type = "agent")]
    fn careful() -> &'static str {
        std::panic::catch_unwind(|| panic!("inside")).map_or("caught", |()| "not reached")
    }
    let (value, capsules) = audited(careful);
    assert_eq!(value, "caught");
    assert_ended(&only(capsules), &OutcomeStatus::Success, None);
}

#[test]
fn an_audited_drop_while_unwinding_is_a_success() {
    struct Cleanup;
    impl Drop for Cleanup {
        fn drop(&mut self) {
            clean_up();
        }
    }
    #[audit(type = "system")]
    fn clean_up() {}
    let (_, capsules) = audited(|| {
        std::panic::catch_unwind(|| {
            let _cleanup = Cleanup;
            panic!("unwinding");
        })
    });
    assert_ended(&only(capsules), &OutcomeStatus::Success, None);
}

#[test]
fn long_texts_are_cut_and_listed() {
    #[audit(type = "tool")]
    fn echo(text: &str) -> String {
        text.to_owned()
    }
    let long = "ä".repeat(501);
    let (value, capsules) = audited(|| echo(&long));
    assert_eq!(value, long);
    let capsule = only(capsules);
    let expected = format!("{}…", "ä".repeat(499));
    assert_eq!(capsule.trigger.request, expected);
    assert_eq!(capsule.outcome.result, json!(expected));
    assert_eq!(
        capsule.context.environment["capsules.cut"],
        json!(["trigger.request", "outcome.result"])
    );
    let (_, capsules) = audited(|| echo(&"ä".repeat(500)));
    assert!(
        !only(capsules)
            .context
            .environment
            .contains_key("capsules.cut")
    );
}

#[test]
fn a_result_that_panics_when_read_is_still_returned() {
    struct Hostile;
    impl fmt::Display for Hostile {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("never read me")
        }
    }
    #[audit(type = "tool")]
    fn hostile(_argument: &Hostile) -> Hostile {
        Hostile
    }
    let (_, capsules) = audited(|| hostile(&Hostile));
    let capsule = only(capsules);
    assert_eq!(capsule.trigger.request, "");
    assert_eq!(
        capsule.outcome.result,
        json!("<not readable: never read me>")
    );
}
