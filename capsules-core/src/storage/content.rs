//! What filters read from a record's content.
//!
//! The content is whatever a store holds, hostile or damaged documents included. What cannot be
//! read is `None`; nesting of any depth is passed over without recursion.

use serde::Deserialize;

use crate::timestamp::Timestamp;

/// `context.environment.tenant_id`.
pub(super) fn tenant(content: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Content {
        context: Context,
    }
    #[derive(Deserialize)]
    struct Context {
        environment: Environment,
    }
    #[derive(Deserialize)]
    struct Environment {
        tenant_id: String,
    }
    read::<Content>(content).map(|content| content.context.environment.tenant_id)
}

/// `domain`.
pub(super) fn domain(content: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Content {
        domain: String,
    }
    read::<Content>(content).map(|content| content.domain)
}

/// `outcome.status`.
pub(super) fn status(content: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Content {
        outcome: Outcome,
    }
    #[derive(Deserialize)]
    struct Outcome {
        status: String,
    }
    read::<Content>(content).map(|content| content.outcome.status)
}

/// `trigger.timestamp`, whatever its offset.
pub(super) fn time(content: &str) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Content {
        trigger: Trigger,
    }
    #[derive(Deserialize)]
    struct Trigger {
        timestamp: Timestamp,
    }
    read::<Content>(content).map(|content| content.trigger.timestamp)
}

fn read<'a, T: Deserialize<'a>>(content: &'a str) -> Option<T> {
    serde_json::from_str(content).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: &str = r#"{"context":{"agent_id":"a","environment":{"tenant_id":"acme","x":[1]}},
        "domain":"agents","outcome":{"status":"failure","result":null},
        "trigger":{"timestamp":"2026-01-15T13:00:00+01:00"}}"#;

    #[test]
    fn each_field_is_read_wherever_it_stands() {
        assert_eq!(tenant(CONTENT).as_deref(), Some("acme"));
        assert_eq!(domain(CONTENT).as_deref(), Some("agents"));
        assert_eq!(status(CONTENT).as_deref(), Some("failure"));
        assert_eq!(time(CONTENT), "2026-01-15T12:00:00+00:00".parse().ok());
    }

    #[test]
    fn what_cannot_be_read_is_none() {
        for content in [
            "",
            "null",
            "[]",
            "{",
            "\"domain\"",
            r#"{"domain":7}"#,
            r#"{"outcome":7}"#,
        ] {
            assert_eq!(domain(content), None, "{content}");
            assert_eq!(status(content), None, "{content}");
        }
        assert_eq!(
            tenant(r#"{"context":{"environment":{"tenant_id":7}}}"#),
            None
        );
        assert_eq!(
            time(r#"{"trigger":{"timestamp":"2026-01-15T12:00:00"}}"#),
            None
        );
    }

    #[test]
    fn depth_does_not_overflow_the_stack() {
        let depth = 100_000;
        let deep = format!(
            r#"{{"a":{}{},"domain":"agents"}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        );
        assert_eq!(domain(&deep).as_deref(), Some("agents"));
    }
}
