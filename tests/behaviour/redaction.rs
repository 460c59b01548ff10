//! What the closure of `Builder::redact` sees, and what becomes of it.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use capsules::storage::MemoryStorage;
use capsules::{Capsule, Capsules, audit};
use capsules_core::LocalSigner;
use serde_json::{Value, json};

use crate::support::{only, recorded};

fn redacting(redact: impl Fn(&str, &Value) -> Option<Value> + Send + Sync + 'static) -> Capsules {
    Capsules::builder()
        .storage(MemoryStorage::new())
        .signer(LocalSigner::generate().unwrap())
        .redact(redact)
        .build()
        .unwrap()
}

/// Replaces every text that holds the marker.
fn without_marker(_: &str, value: &Value) -> Option<Value> {
    value.as_str()?.contains("MARKER").then(|| "[gone]".into())
}

fn redacted(capsule: &Capsule) -> &Value {
    &capsule.context.environment["capsules.redacted"]
}

#[test]
fn every_field_is_shown_with_its_path() {
    #[audit(type = "tool", tenant_id = "acme")]
    fn inner(_query: &str) -> Value {
        json!({"rows": [1, "two"]})
    }
    #[audit(type = "agent", session_from = "session")]
    fn outer(_task: &str, session: &str) -> usize {
        inner("q");
        capsules::current()
            .model("m")
            .summary("s")
            .side_effect("e")
            .metric("count", 3)
            .resource("tokens", json!({"in": 5}))
            .environment("region", "eu")
            .approved_by("ops");
        session.len()
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&seen);
    let capsules = redacting(move |field, value| {
        all.lock().unwrap().push(format!("{field} = {value}"));
        None
    });
    capsules.scope_sync(|| outer("t", "s-1"));
    recorded(&capsules);
    let seen = seen.lock().unwrap();
    for expected in [
        r#"trigger.request = "t""#,
        r#"context.session_id = "s-1""#,
        r#"context.environment.tenant_id = "acme""#,
        r#"context.environment.region = "eu""#,
        r#"reasoning.model = "m""#,
        r#"authority.approver = "ops""#,
        r#"execution.tool_calls[0].tool = "inner""#,
        r#"execution.tool_calls[0].result = {"rows":[1,"two"]}"#,
        r#"execution.tool_calls[0].result.rows[1] = "two""#,
        "execution.resources_used.tokens.in = 5",
        r#"outcome.result = {"rows":[1,"two"]}"#,
        r#"outcome.result.rows = [1,"two"]"#,
        "outcome.result.rows[0] = 1",
        "outcome.result = 3",
        r#"outcome.summary = "s""#,
        r#"outcome.side_effects[0] = "e""#,
        "outcome.metrics.count = 3",
        r#"domain = "agents""#,
    ] {
        assert!(
            seen.iter().any(|seen| seen == expected),
            "{expected} {seen:#?}"
        );
    }
    let empty = |seen: &&String| seen.ends_with("null") || seen.ends_with("\"\"");
    assert_eq!(seen.iter().find(empty), None);
}

#[test]
fn what_is_replaced_is_listed() {
    #[audit(type = "auth")]
    fn login(_user: &str) -> Value {
        capsules::current().tenant_id("acme-MARKER");
        json!({"token": {"key": "k"}, "kept": ["MARKER", 1], "number": 7})
    }
    let capsules = redacting(|field, value| match field {
        "outcome.result.token" => Some("[token]".into()),
        "outcome.result.number" => Some(Value::Null),
        _ => without_marker(field, value),
    });
    capsules.scope_sync(|| login("MARKER"));
    let capsule = only(recorded(&capsules));
    assert_eq!(
        capsule.outcome.result,
        json!({"token": "[token]", "kept": ["[gone]", 1], "number": null})
    );
    assert_eq!(capsule.tenant_id(), Some("[gone]"));
    assert_eq!(
        redacted(&capsule),
        &json!([
            "trigger.request",
            "context.environment.tenant_id",
            "outcome.result.kept[0]",
            "outcome.result.number",
            "outcome.result.token",
        ])
    );
}

#[test]
fn texts_are_seen_whole_and_cut_afterwards() {
    #[audit(type = "tool")]
    fn long(text: &str) -> Value {
        json!({"text": text, "other": "y".repeat(600)})
    }
    let capsules = redacting(without_marker);
    let text = format!("{}MARKER", "x".repeat(497));
    capsules.scope_sync(|| long(&text));
    let capsule = only(recorded(&capsules));
    assert_eq!(capsule.trigger.request, "[gone]");
    assert_eq!(capsule.outcome.result["text"], "[gone]");
    let other = capsule.outcome.result["other"].as_str().unwrap();
    assert_eq!(other.chars().count(), 500);
    assert_eq!(
        capsule.context.environment["capsules.cut"],
        json!(["outcome.result"])
    );
}

#[test]
fn a_closure_that_panics_keeps_nothing() {
    #[audit(type = "tool")]
    fn work(_text: &str) -> u8 {
        7
    }
    let capsules = redacting(|field, _| {
        assert_ne!(field, "trigger.request", "as the test wants it");
        None
    });
    assert_eq!(capsules.scope_sync(|| work("MARKER")), 7);
    let capsule = only(recorded(&capsules));
    assert_eq!(capsule.trigger.request, "[redacted]");
    assert_eq!(capsule.outcome.result, 7);
    assert_eq!(redacted(&capsule), &json!(["trigger.request"]));
}

/// The journal's start entry is written before the body runs, and a process that dies leaves it.
#[test]
fn the_marker_reaches_no_file_before_or_after() {
    #[audit(type = "tool")]
    fn inner(text: &str) -> Result<String, String> {
        Err(format!("no {text}"))
    }
    #[audit(type = "agent", tenant_from = "text", session_from = "text")]
    fn outer(text: &str, directory: &Path) -> String {
        assert_not_in_files(directory, "MARKER");
        capsules::current()
            .analysis(text)
            .with(|capsule| capsule.authority.approver = Some(text.to_owned()));
        let _ = inner(text);
        let panic = std::panic::catch_unwind(|| fails(text)).unwrap_err();
        assert!(panic.downcast_ref::<String>().unwrap().contains(text));
        assert_not_in_files(directory, "MARKER");
        text.to_owned()
    }
    #[audit(type = "tool")]
    fn fails(text: &str) {
        panic!("cannot use {text}");
    }
    let directory = capsules_tests::temp_dir();
    let capsules = Capsules::builder()
        .data_dir(directory.path())
        .redact(without_marker)
        .build()
        .unwrap();
    let value = capsules.scope_sync(|| outer("a MARKER", directory.path()));
    assert_eq!(value, "a MARKER");
    capsules.flush().wait().unwrap();
    assert_not_in_files(directory.path(), "MARKER");
    let kept = recorded(&capsules);
    assert_eq!(kept.len(), 3);
    assert_eq!(kept[1].outcome.error.as_deref(), Some("[gone]"));
    assert_eq!(kept[2].execution.tool_calls.len(), 2);
    capsules.close(crate::support::PATIENCE).unwrap();
    assert_not_in_files(directory.path(), "MARKER");
}

/// Asserts that files are there and hold no such text.
#[track_caller]
pub(crate) fn assert_not_in_files(directory: &Path, text: &str) {
    let mut files = 0;
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            // The recorder may have taken a file away since.
            let Ok(bytes) = fs::read(&path) else { continue };
            files += 1;
            let found = bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes());
            assert!(!found, "{text} is in {}", path.display());
        }
    }
    assert!(files > 2, "the data directory has files");
}
