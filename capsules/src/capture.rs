//! What is kept of arguments, results and errors.
//!
//! The attribute does not know the types it meets, so it asks by method resolution: a probe is
//! called through several references, and the first of the implementations below whose bounds
//! hold answers. All of it happens at compile time.

use std::any::type_name;
use std::convert::Infallible;
use std::fmt::{Debug, Display};
use std::ops::ControlFlow;

use serde::Serialize;
use serde_json::Value;

/// Arrays and objects are kept to this depth.
const DEPTH: usize = 20;

/// A value to be kept as JSON: by `Serialize`, else `Display`, else `Debug`, else not at all.
/// Called as `(&&&&Json(&value)).json()`.
#[derive(Debug)]
pub struct Json<'a, T: ?Sized>(pub &'a T);

/// By `Serialize`.
pub trait JsonBySerialize {
    /// The value as JSON.
    fn json(&self) -> Value;
}

impl<T: Serialize + ?Sized> JsonBySerialize for &&&Json<'_, T> {
    fn json(&self) -> Value {
        json_by_serialize(self.0)
    }
}

/// By `Display`.
pub trait JsonByDisplay {
    /// The value as JSON.
    fn json(&self) -> Value;
}

impl<T: Display + ?Sized> JsonByDisplay for &&Json<'_, T> {
    fn json(&self) -> Value {
        json_by_display(self.0)
    }
}

/// By `Debug`.
pub trait JsonByDebug {
    /// The value as JSON.
    fn json(&self) -> Value;
}

impl<T: Debug + ?Sized> JsonByDebug for &Json<'_, T> {
    fn json(&self) -> Value {
        json_by_debug(self.0)
    }
}

/// Nothing can be kept.
pub trait JsonByNothing {
    /// Null.
    fn json(&self) -> Value;
}

impl<T: ?Sized> JsonByNothing for Json<'_, T> {
    fn json(&self) -> Value {
        json_by_nothing(self.0)
    }
}

/// A value to be kept as text: by `Display`, else as JSON by `Serialize`, else by `Debug`, else
/// the name of its type. Called as `(&&&&Text(&value)).text()`.
#[derive(Debug)]
pub struct Text<'a, T: ?Sized>(pub &'a T);

/// By `Display`.
pub trait TextByDisplay {
    /// The value as text.
    fn text(&self) -> String;
}

impl<T: Display + ?Sized> TextByDisplay for &&&Text<'_, T> {
    fn text(&self) -> String {
        self.0.to_string()
    }
}

/// By `Serialize`.
pub trait TextBySerialize {
    /// The value as text.
    fn text(&self) -> String;
}

impl<T: Serialize + ?Sized> TextBySerialize for &&Text<'_, T> {
    fn text(&self) -> String {
        match json_by_serialize(self.0) {
            Value::String(text) => text,
            value => value.to_string(),
        }
    }
}

/// By `Debug`.
pub trait TextByDebug {
    /// The value as text.
    fn text(&self) -> String;
}

impl<T: Debug + ?Sized> TextByDebug for &Text<'_, T> {
    fn text(&self) -> String {
        format!("{:?}", self.0)
    }
}

/// By the name of the type.
pub trait TextByType {
    /// The name of the type.
    fn text(&self) -> String;
}

impl<T: ?Sized> TextByType for Text<'_, T> {
    fn text(&self) -> String {
        type_name::<T>().to_owned()
    }
}

/// An identifier: a value with `Display`, or an `Option` of one. Called as `Id(&value).id()`.
#[derive(Debug)]
pub struct Id<'a, T: ?Sized>(pub &'a T);

impl<T: Display> Id<'_, Option<T>> {
    /// The text, unless there is none.
    pub fn id(&self) -> Option<String> {
        self.0.as_ref().map(ToString::to_string)
    }
}

/// By `Display`.
pub trait IdByDisplay {
    /// The text.
    fn id(&self) -> Option<String>;
}

impl<T: Display + ?Sized> IdByDisplay for Id<'_, T> {
    fn id(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

/// What a function returned, to be taken apart. Called as `Returned(&value).parts()`.
#[derive(Debug)]
pub struct Returned<'a, T: ?Sized>(pub &'a T);

/// A returned value: what of it is the result, and what the error.
#[derive(Debug)]
pub struct Parts<'a, T: ?Sized, E: ?Sized> {
    /// The result.
    pub ok: Option<&'a T>,
    /// The error.
    pub err: Option<&'a E>,
}

impl<'a, T, E> Returned<'a, Result<T, E>> {
    /// `Ok` is the result, `Err` the error.
    pub fn parts(&self) -> Parts<'a, T, E> {
        Parts {
            ok: self.0.as_ref().ok(),
            err: self.0.as_ref().err(),
        }
    }
}

impl<'a, T> Returned<'a, Option<T>> {
    /// `None` is a success without a result.
    pub fn parts(&self) -> Parts<'a, T, Infallible> {
        Parts {
            ok: self.0.as_ref(),
            err: None,
        }
    }
}

impl<'a, B, C> Returned<'a, ControlFlow<B, C>> {
    /// Both ways are a success; going on has its value as result.
    pub fn parts(&self) -> Parts<'a, C, Infallible> {
        let ok = match self.0 {
            ControlFlow::Continue(value) => Some(value),
            ControlFlow::Break(_) => None,
        };
        Parts { ok, err: None }
    }
}

/// Any other type.
pub trait ReturnedValue<'a, T: ?Sized> {
    /// The value is the result.
    fn parts(&self) -> Parts<'a, T, Infallible>;
}

impl<'a, T: ?Sized> ReturnedValue<'a, T> for Returned<'a, T> {
    fn parts(&self) -> Parts<'a, T, Infallible> {
        Parts {
            ok: Some(self.0),
            err: None,
        }
    }
}

/// How a function ended, as far as its value tells.
#[derive(Debug)]
pub struct Returns {
    pub(crate) result: Value,
    /// `Some` when it failed.
    pub(crate) error: Option<String>,
}

impl Returns {
    /// Reads the result or the error with these functions.
    pub fn of<T: ?Sized, E: ?Sized>(
        parts: &Parts<'_, T, E>,
        result: impl FnOnce(&T) -> Value,
        error: impl FnOnce(&E) -> String,
    ) -> Self {
        match parts.err {
            Some(failure) => Self {
                result: Value::Null,
                error: Some(error(failure)),
            },
            None => Self {
                result: parts.ok.map_or(Value::Null, result),
                error: None,
            },
        }
    }
}

/// `result = "json"`.
pub fn json_by_serialize<T: Serialize + ?Sized>(value: &T) -> Value {
    serde_json::to_value(value)
        .unwrap_or_else(|error| Value::String(format!("<not serializable: {error}>")))
}

/// `result = "display"`.
pub fn json_by_display<T: Display + ?Sized>(value: &T) -> Value {
    Value::String(value.to_string())
}

/// `result = "debug"`.
pub fn json_by_debug<T: Debug + ?Sized>(value: &T) -> Value {
    Value::String(format!("{value:?}"))
}

/// `result = "none"`.
pub fn json_by_nothing<T: ?Sized>(_: &T) -> Value {
    Value::Null
}

/// `error = "json"`.
pub fn text_by_serialize<T: Serialize + ?Sized>(value: &T) -> String {
    json_by_serialize(value).to_string()
}

/// `error = "display"`.
pub fn text_by_display<T: Display + ?Sized>(value: &T) -> String {
    value.to_string()
}

/// `error = "debug"`.
pub fn text_by_debug<T: Debug + ?Sized>(value: &T) -> String {
    format!("{value:?}")
}

/// `error = "none"`.
pub fn text_by_nothing<T: ?Sized>(_: &T) -> String {
    "the function returned an error, which is not kept".to_owned()
}

/// Cuts a text to `limit` characters, the last of them an ellipsis, when it is longer. Gives the
/// number of characters that it had then.
pub(crate) fn cut(text: &mut String, limit: usize) -> Option<usize> {
    // A text has at least as many bytes as characters.
    if text.len() <= limit {
        return None;
    }
    let length = text.chars().count();
    if length <= limit {
        return None;
    }
    let kept = text
        .char_indices()
        .nth(limit.saturating_sub(1))
        .map_or(0, |(at, _)| at);
    text.truncate(kept);
    text.push('…');
    Some(length)
}

/// Cuts every text of a value, and everything below a depth. Whether anything was cut.
pub(crate) fn cut_json(value: &mut Value, limit: usize) -> bool {
    cut_below(value, limit, DEPTH)
}

fn cut_below(value: &mut Value, limit: usize, depth: usize) -> bool {
    match value {
        Value::String(text) => cut(text, limit).is_some(),
        Value::Array(_) | Value::Object(_) if depth == 0 => {
            *value = Value::String("…".to_owned());
            true
        }
        Value::Array(items) => cut_all(items.iter_mut(), limit, depth),
        Value::Object(map) => cut_all(map.values_mut(), limit, depth),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn cut_all<'v>(values: impl Iterator<Item = &'v mut Value>, limit: usize, depth: usize) -> bool {
    let mut any = false;
    for value in values {
        any |= cut_below(value, limit, depth - 1);
    }
    any
}

#[cfg(test)]
#[allow(
    clippy::needless_borrow,
    reason = "the probes are called as the attribute calls them"
)]
mod tests {
    use super::*;

    #[derive(Serialize, Debug)]
    struct Both {
        tokens: u32,
    }

    #[derive(Debug)]
    struct OnlyDebug;

    struct Opaque;

    #[test]
    fn the_best_form_that_a_type_offers() {
        assert_eq!(
            (&&&&Json(&Both { tokens: 3 })).json(),
            serde_json::json!({"tokens": 3})
        );
        assert_eq!((&&&&Json(&format_args!("x"))).json(), "x");
        assert_eq!((&&&&Json(&OnlyDebug)).json(), "OnlyDebug");
        assert_eq!((&&&&Json(&Opaque)).json(), Value::Null);
        assert_eq!((&&&&Text("plain")).text(), "plain");
        assert_eq!((&&&&Text(&Some("x"))).text(), "x");
        assert_eq!((&&&&Text(&OnlyDebug)).text(), "OnlyDebug");
        assert!((&&&&Text(&Opaque)).text().ends_with("Opaque"));
    }

    #[test]
    fn results_are_taken_apart_through_aliases() {
        let failed: std::io::Result<u8> = Err(std::io::Error::other("no"));
        assert!(Returned(&failed).parts().err.is_some());
        assert_eq!(Returned(&Some(1)).parts().ok, Some(&1));
        assert_eq!(Returned(&5).parts().ok, Some(&5));
        assert_eq!(Id(&Some("a")).id().as_deref(), Some("a"));
        assert_eq!(Id(&7).id().as_deref(), Some("7"));
        assert_eq!(Id(&None::<u8>).id(), None);
    }

    #[test]
    fn texts_are_cut_on_a_character() {
        let mut text = "äöü".to_owned();
        assert_eq!(cut(&mut text, 3), None);
        assert_eq!(text, "äöü");
        assert_eq!(cut(&mut text, 2), Some(3));
        assert_eq!(text, "ä…");
    }

    #[test]
    fn depth_is_bounded() {
        let mut value = Value::Null;
        for _ in 0..30 {
            value = Value::Array(vec![value]);
        }
        assert!(cut_json(&mut value, 500));
        assert_eq!(
            value.to_string(),
            format!("{}\"…\"{}", "[".repeat(20), "]".repeat(20))
        );
    }
}
