//! The few fields of a content document that place it in a chain and that stores keep in columns.

use std::borrow::Cow;

use crate::capsule::TENANT_KEY;
use crate::json::{Kind, Object, Value};

/// The fields as the document states them. A value of another type than the protocol's stands as
/// its JSON text, which then equals nothing it is compared with.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) kind: Option<Cow<'a, str>>,
    pub(crate) domain: Option<Cow<'a, str>>,
    /// The text of the number.
    pub(crate) sequence: Option<&'a str>,
    pub(crate) previous_hash: Option<Cow<'a, str>>,
    pub(crate) session_id: Option<Cow<'a, str>>,
    pub(crate) tenant_id: Option<Cow<'a, str>>,
    /// `trigger.timestamp`.
    pub(crate) timestamp: Option<Cow<'a, str>>,
}

impl<'a> Header<'a> {
    /// Reads the header of a JSON text.
    pub(crate) fn read(content: &'a str) -> Result<Self, serde_json::Error> {
        Self::of(&Object::parse(content)?)
    }

    /// Fails when one of the objects on the way to a field is none, or names a key twice.
    pub(crate) fn of(document: &Object<'a>) -> Result<Self, serde_json::Error> {
        let mut header = Self {
            id: document.get("id").and_then(text),
            kind: document.get("type").and_then(text),
            domain: document.get("domain").and_then(text),
            sequence: document.get("sequence").map(Value::text),
            previous_hash: document.get("previous_hash").and_then(text),
            ..Self::default()
        };
        if let Some(trigger) = document.get("trigger") {
            header.timestamp = Object::parse(trigger.text())?
                .get("timestamp")
                .and_then(text);
        }
        if let Some(context) = document.get("context") {
            let context = Object::parse(context.text())?;
            header.session_id = context.get("session_id").and_then(text);
            if let Some(environment) = context.get("environment")
                && environment.kind() == Kind::Object
            {
                header.tenant_id = Object::parse(environment.text())?
                    .get(TENANT_KEY)
                    .and_then(text);
            }
        }
        Ok(header)
    }
}

fn text(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value.kind() {
        Kind::Null => None,
        _ => Some(value.string().unwrap_or(Cow::Borrowed(value.text()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_and_passes_over_the_rest() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        let text = format!(
            r#"{{"id":"i","type":"tool","new":{deep},"sequence":18446744073709551616,
            "trigger":{{"timestamp":"t"}},"previous_hash":null,
            "context":{{"session_id":5,"environment":{{"tenant_id":"a\u0063me"}}}}}}"#
        );
        let header = Header::read(&text).unwrap();
        assert_eq!(header.id.as_deref(), Some("i"));
        assert_eq!(header.kind.as_deref(), Some("tool"));
        assert_eq!(header.domain, None);
        assert_eq!(header.sequence, Some("18446744073709551616"));
        assert_eq!(header.previous_hash, None);
        assert_eq!(header.session_id.as_deref(), Some("5"));
        assert_eq!(header.tenant_id.as_deref(), Some("acme"));
        assert_eq!(header.timestamp.as_deref(), Some("t"));
    }

    #[test]
    fn a_document_that_says_two_things_is_refused() {
        for text in [
            r#"{"sequence":1,"sequence":2}"#,
            r#"{"context":{"session_id":"a","session_id":"b"}}"#,
            r#"{"context":{"environment":{"tenant_id":"a","tenant_id":"b"}}}"#,
            r#"{"trigger":[]}"#,
            "[]",
        ] {
            assert!(Header::read(text).is_err(), "{text}");
        }
    }
}
