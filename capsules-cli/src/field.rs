//! A part of a capsule's content, named by a path.

use std::collections::BTreeMap;
use std::fmt::Write;

use capsules_core::SealedRecord;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::output::Safe;
use crate::{CliError, Result};

/// A value as it stands in a record's content, letter for letter.
#[derive(Debug)]
pub(crate) struct Field<'r> {
    value: &'r str,
}

impl<'r> Field<'r> {
    /// The value at a path such as `execution/tool_calls/0`.
    pub(crate) fn of(record: &'r SealedRecord, path: &str) -> Result<Self> {
        let mut value = record.content.as_str();
        for name in path.split('/') {
            value = child(value, name).ok_or_else(|| CliError::NoField {
                path: path.to_owned(),
                id: record.columns.id.clone(),
            })?;
        }
        Ok(Self { value })
    }

    /// For programs: the JSON text as it is stored.
    pub(crate) fn json(&self) -> String {
        self.value.to_owned()
    }

    /// For people: strings bare, everything else as indented JSON.
    pub(crate) fn text(&self) -> String {
        let text = match serde_json::from_str(self.value) {
            Ok(Value::String(text)) => text,
            Ok(value @ (Value::Object(_) | Value::Array(_))) => format!("{value:#}"),
            _ => self.value.to_owned(),
        };
        let mut safe = String::with_capacity(text.len());
        for (number, line) in text.lines().enumerate() {
            let gap = if number > 0 { "\n" } else { "" };
            let _ = write!(safe, "{gap}{}", Safe(line));
        }
        safe
    }
}

/// The member or the element of this name, with the text that it has.
fn child<'v>(value: &'v str, name: &str) -> Option<&'v str> {
    if let Ok(mut members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(value) {
        return members.remove(name).map(RawValue::get);
    }
    let elements: Vec<&RawValue> = serde_json::from_str(value).ok()?;
    elements
        .get(name.parse::<usize>().ok()?)
        .map(|element| element.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_text() {
        let content = r#"{"a": {"b": [1e-07, {"c": 1.50}], "01": "x\u001b"}}"#;
        for (path, expected) in [
            (&["a", "b", "0"][..], Some("1e-07")),
            (&["a", "b", "1", "c"], Some("1.50")),
            (&["a", "01"], Some(r#""x\u001b""#)),
            (&["a", "b", "2"], None),
            (&["a", "b", "c"], None),
            (&["a", "01", "x"], None),
            (&["b"], None),
        ] {
            let found = path
                .iter()
                .try_fold(content, |value, name| child(value, name));
            assert_eq!(found, expected, "{path:?}");
        }
        let value = r#""one\n\u001b[mtwo""#;
        assert_eq!(Field { value }.text(), "one\n\\u{1b}[mtwo");
        assert_eq!(Field { value: "1.50" }.text(), "1.50");
    }
}
