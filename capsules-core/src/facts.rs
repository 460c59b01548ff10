//! What looking through many capsules reads of each, in one pass over its content.
//!
//! The content is whatever a store holds. A field of another type than the protocol's counts as
//! absent; only a document that has not the shape of a capsule is unreadable.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use uuid::Uuid;

use crate::record::ColumnsRef;
use crate::timestamp::Timestamp;

/// The fields of a content that capsules are grouped, found and connected by.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Facts<'a> {
    #[serde(borrow)]
    parent_id: Scalar<'a>,
    #[serde(borrow)]
    domain: Scalar<'a>,
    #[serde(borrow)]
    trigger: Trigger<'a>,
    #[serde(borrow)]
    context: Context<'a>,
    #[serde(borrow)]
    execution: Execution<'a>,
    #[serde(borrow)]
    outcome: Outcome<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Trigger<'a> {
    #[serde(borrow)]
    source: Scalar<'a>,
    #[serde(borrow)]
    timestamp: Scalar<'a>,
    #[serde(borrow)]
    request: Scalar<'a>,
    #[serde(borrow)]
    correlation_id: Scalar<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Context<'a> {
    #[serde(borrow)]
    agent_id: Scalar<'a>,
    #[serde(borrow)]
    environment: Environment<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Environment<'a> {
    #[serde(borrow)]
    tenant_id: Scalar<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Execution<'a> {
    #[serde(borrow)]
    duration_ms: Scalar<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Outcome<'a> {
    #[serde(borrow)]
    status: Scalar<'a>,
    #[serde(borrow)]
    summary: Scalar<'a>,
    #[serde(borrow)]
    error: Scalar<'a>,
}

impl<'a> Facts<'a> {
    /// Reads a content; `None` when it has not the shape of a capsule.
    pub(crate) fn read(content: &'a str) -> Option<Self> {
        // Derived readers also take arrays.
        let is_object = content.trim_start().starts_with('{');
        is_object.then(|| serde_json::from_str(content).ok())?
    }

    pub(crate) fn parent(&self) -> Option<Uuid> {
        self.parent_id.text()?.parse().ok()
    }

    /// When the action began.
    pub(crate) fn began(&self) -> Option<Timestamp> {
        self.trigger.timestamp.text()?.parse().ok()
    }

    pub(crate) fn source(&self) -> &str {
        self.trigger.source.text().unwrap_or_default()
    }

    pub(crate) fn request(&self) -> &str {
        self.trigger.request.text().unwrap_or_default()
    }

    pub(crate) fn correlation(&self) -> Option<&str> {
        self.trigger.correlation_id.text()
    }

    pub(crate) fn agent(&self) -> &str {
        self.context.agent_id.text().unwrap_or_default()
    }

    pub(crate) fn duration_ms(&self) -> Option<u64> {
        match self.execution.duration_ms {
            Scalar::Integer(millis) => Some(millis),
            _ => None,
        }
    }

    pub(crate) fn status(&self) -> Option<&str> {
        self.outcome.status.text()
    }

    pub(crate) fn summary(&self) -> &str {
        self.outcome.summary.text().unwrap_or_default()
    }

    pub(crate) fn error(&self) -> Option<&str> {
        self.outcome.error.text().filter(|error| !error.is_empty())
    }

    /// The tenant as [`Filter`](crate::Filter) sees it: the column's, and for a record that a
    /// program wrote which knows no such columns the content's.
    pub(crate) fn tenant<'f>(&'f self, columns: &ColumnsRef<'f>) -> Option<&'f str> {
        columns.tenant_id.or_else(|| {
            let sealed = self.context.environment.tenant_id.text();
            sealed.filter(|_| columns.domain.is_none())
        })
    }

    /// The domain as [`Filter`](crate::Filter) sees it.
    pub(crate) fn domain<'f>(&'f self, columns: &ColumnsRef<'f>) -> Option<&'f str> {
        columns.domain.or_else(|| self.domain.text())
    }
}

/// A text or a number; whatever else stands in its place is passed over.
#[derive(Debug, Default)]
enum Scalar<'a> {
    Text(Cow<'a, str>),
    Integer(u64),
    #[default]
    Other,
}

impl Scalar<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Integer(number))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_wherever_they_stand() {
        let content = r#"{"outcome":{"error":"no \u0061nswer","status":"failure","x":[{}]},
            "execution":{"duration_ms":12},"parent_id":"0199f3a0-1111-4a11-8a11-000000000001",
            "context":{"environment":{"tenant_id":"acme"}},"domain":"ops",
            "trigger":{"timestamp":"2026-01-15T13:00:00+01:00","request":"go"}}"#;
        let facts = Facts::read(content).unwrap();
        assert_eq!(facts.error(), Some("no answer"));
        assert_eq!(facts.status(), Some("failure"));
        assert_eq!(facts.duration_ms(), Some(12));
        assert_eq!(facts.began(), "2026-01-15T12:00:00Z".parse().ok());
        assert_eq!((facts.request(), facts.summary()), ("go", ""));
        assert!(facts.parent().is_some());

        let foreign = ColumnsRef::default();
        assert_eq!(facts.tenant(&foreign), Some("acme"));
        assert_eq!(facts.domain(&foreign), Some("ops"));
        let ours = ColumnsRef {
            domain: Some("agents"),
            ..foreign
        };
        assert_eq!(facts.tenant(&ours), None);
        assert_eq!(facts.domain(&ours), Some("agents"));
    }

    #[test]
    fn a_field_of_another_type_is_absent() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for value in ["7", "-7", "1.5", "true", "null", "{\"a\":[1]}", &deep] {
            let content = format!(r#"{{"outcome":{{"error":{value},"status":"success"}}}}"#);
            let facts = Facts::read(&content).unwrap();
            assert_eq!((facts.error(), facts.status()), (None, Some("success")));
        }
        let negative = Facts::read(r#"{"execution":{"duration_ms":-1}}"#).unwrap();
        assert_eq!(negative.duration_ms(), None);
        for content in [
            "",
            "[]",
            "7",
            r#"{"outcome":7}"#,
            r#"{"domain":"a","domain":"b"}"#,
        ] {
            assert!(Facts::read(content).is_none(), "{content}");
        }
    }
}
