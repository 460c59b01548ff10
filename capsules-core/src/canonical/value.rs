//! Free-form values in canonical JSON.

use serde_json::{Map, Number, Value, map};

use super::CanonicalError;
use super::number::{write_float, write_integer};
use super::text::write_string;

/// Writes a value. `field` names the capsule's field that it belongs to.
///
/// # Errors
///
/// [`CanonicalError::NotFinite`] for a number outside the range of doubles, which `serde_json`
/// only makes when somebody's build switches on its `arbitrary_precision`.
pub(super) fn write_value(
    value: &Value,
    field: &'static str,
    out: &mut String,
) -> Result<(), CanonicalError> {
    match enter(value, field, out)? {
        Some(container) => write_rest(container, field, out),
        None => Ok(()),
    }
}

/// Writes an object, as [`write_value`] does.
pub(super) fn write_object(
    object: &Map<String, Value>,
    field: &'static str,
    out: &mut String,
) -> Result<(), CanonicalError> {
    match enter_object(object, out) {
        Some(container) => write_rest(container, field, out),
        None => Ok(()),
    }
}

/// Writes what remains of a container, and of the containers inside it. These are kept on a
/// stack of our own, since a program can nest values deeper than the thread's stack.
fn write_rest(
    outermost: Container<'_>,
    field: &'static str,
    out: &mut String,
) -> Result<(), CanonicalError> {
    let mut outer = Vec::new();
    let mut container = outermost;
    loop {
        match container.next(out) {
            Some(value) => {
                if let Some(inner) = enter(value, field, out)? {
                    outer.push(std::mem::replace(&mut container, inner));
                }
            }
            None => match outer.pop() {
                Some(next) => container = next,
                None => return Ok(()),
            },
        }
    }
}

/// Writes a value that is complete at once, or opens a container whose members follow.
fn enter<'a>(
    value: &'a Value,
    field: &'static str,
    out: &mut String,
) -> Result<Option<Container<'a>>, CanonicalError> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(number, field, out)?,
        Value::String(text) => write_string(text, out),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Array(items) => {
            out.push('[');
            return Ok(Some(Container {
                members: Members::Items(items.iter()),
                first: true,
            }));
        }
        Value::Object(object) => return Ok(enter_object(object, out)),
    }
    Ok(None)
}

fn enter_object<'a>(object: &'a Map<String, Value>, out: &mut String) -> Option<Container<'a>> {
    if object.is_empty() {
        out.push_str("{}");
        return None;
    }
    out.push('{');
    // A map keeps the order of insertion when somebody's build switches on `preserve_order`.
    let members = if object.keys().is_sorted() {
        Members::InOrder(object.iter())
    } else {
        let mut sorted: Vec<_> = object.iter().collect();
        sorted.sort_unstable_by_key(|(key, _)| *key);
        Members::Sorted(sorted.into_iter())
    };
    Some(Container {
        members,
        first: true,
    })
}

/// A container that is being written.
struct Container<'a> {
    members: Members<'a>,
    first: bool,
}

enum Members<'a> {
    Items(std::slice::Iter<'a, Value>),
    InOrder(map::Iter<'a>),
    Sorted(std::vec::IntoIter<(&'a String, &'a Value)>),
}

impl<'a> Container<'a> {
    /// Writes what stands before the next member's value, or the closing bracket.
    fn next(&mut self, out: &mut String) -> Option<&'a Value> {
        let member = match &mut self.members {
            Members::Items(items) => items.next().map(|value| (None, value)),
            Members::InOrder(members) => members.next().map(|(key, value)| (Some(key), value)),
            Members::Sorted(members) => members.next().map(|(key, value)| (Some(key), value)),
        };
        let Some((key, value)) = member else {
            out.push(if matches!(self.members, Members::Items(_)) {
                ']'
            } else {
                '}'
            });
            return None;
        };
        if !std::mem::take(&mut self.first) {
            out.push(',');
        }
        if let Some(key) = key {
            write_string(key, out);
            out.push(':');
        }
        Some(value)
    }
}

fn write_number(
    number: &Number,
    field: &'static str,
    out: &mut String,
) -> Result<(), CanonicalError> {
    if let Some(integer) = number.as_u64() {
        write_integer(integer, out);
    } else if let Some(integer) = number.as_i64() {
        write_integer(integer, out);
    } else if number.is_f64()
        && let Some(float) = number.as_f64()
    {
        write_float(float, out);
    } else {
        // With `arbitrary_precision`: an integer of any size, or a float beyond all doubles.
        let text = number.to_string();
        if text.contains(['e', 'E', '.']) {
            return Err(CanonicalError::NotFinite {
                field: field.to_owned(),
            });
        }
        out.push_str(&text);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(value: &Value) -> String {
        let mut out = String::new();
        write_value(value, "outcome.result", &mut out).unwrap();
        out
    }

    #[test]
    fn values_of_every_kind() {
        let all = serde_json::json!({
            "b": [1, -2, u64::MAX, i64::MIN, 2.0, 1e-7, true, false, null, [], {}, [[]]],
            "a": {"z": "\n", "é": {"": 0}},
            "😀": 1, "\u{ffff}": 2,
        });
        assert_eq!(
            value(&all),
            "{\"a\":{\"z\":\"\\n\",\"é\":{\"\":0}},\"b\":[1,-2,18446744073709551615,\
             -9223372036854775808,2.0,1e-07,true,false,null,[],{},[[]]],\"\u{ffff}\":2,\"😀\":1}"
        );
    }

    #[test]
    fn nesting_beyond_the_threads_stack() {
        const DEPTH: usize = 100_000;
        let mut nested = Value::Null;
        for depth in 0..DEPTH {
            nested = if depth % 2 == 0 {
                Value::Array(vec![nested])
            } else {
                Value::Object(Map::from_iter([("k".to_owned(), nested)]))
            };
        }
        let text = value(&nested);
        assert_eq!(text.len(), DEPTH / 2 * (2 + 6) + 4);
        assert!(text.starts_with(r#"{"k":[{"k":["#));

        // Dropping a value recurses; take it apart from the outside instead.
        while let Some(inner) = match &mut nested {
            Value::Array(items) => items.pop(),
            Value::Object(members) => members.remove("k"),
            _ => None,
        } {
            nested = inner;
        }
    }
}
