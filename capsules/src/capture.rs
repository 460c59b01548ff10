//! What is kept of arguments, results and errors.
//!
//! The attribute does not know the types it meets, so it asks by method resolution: a probe is
//! called through several references, and the first of the implementations below whose bounds
//! hold answers. All of it happens at compile time. How much is kept, and of which types nothing,
//! is decided when the value is read.

use std::any::type_name;
use std::convert::Infallible;
use std::fmt::{Debug, Display};
use std::ops::ControlFlow;

use capsules_core::sha3_256;
use serde::Serialize;
use serde_json::Value;

use crate::bounded_json::to_json;
use crate::limits::{Bounded, Captured, Limits};
use crate::secret::is_secret;

/// A value to be kept as JSON: by `Serialize`, else `Display`, else `Debug`, else not at all.
/// Called as `(&&&&Json(&value)).json(limits)`.
#[derive(Debug)]
pub struct Json<'a, T: ?Sized>(pub &'a T);

/// By `Serialize`.
pub trait JsonBySerialize {
    /// The value as JSON.
    fn json(&self, limits: Limits) -> Captured<Value>;
}

impl<T: Serialize + ?Sized> JsonBySerialize for &&&Json<'_, T> {
    fn json(&self, limits: Limits) -> Captured<Value> {
        json_by_serialize(self.0, limits)
    }
}

/// By `Display`.
pub trait JsonByDisplay {
    /// The value as JSON.
    fn json(&self, limits: Limits) -> Captured<Value>;
}

impl<T: Display + ?Sized> JsonByDisplay for &&Json<'_, T> {
    fn json(&self, limits: Limits) -> Captured<Value> {
        json_by_display(self.0, limits)
    }
}

/// By `Debug`.
pub trait JsonByDebug {
    /// The value as JSON.
    fn json(&self, limits: Limits) -> Captured<Value>;
}

impl<T: Debug + ?Sized> JsonByDebug for &Json<'_, T> {
    fn json(&self, limits: Limits) -> Captured<Value> {
        json_by_debug(self.0, limits)
    }
}

/// Nothing can be kept.
pub trait JsonByNothing {
    /// Null.
    fn json(&self, limits: Limits) -> Captured<Value>;
}

impl<T: ?Sized> JsonByNothing for Json<'_, T> {
    fn json(&self, limits: Limits) -> Captured<Value> {
        json_by_nothing(self.0, limits)
    }
}

/// A value to be kept as text: by `Display`, else as JSON by `Serialize`, else by `Debug`, else
/// the name of its type. Called as `(&&&&Text(&value)).text(limits)`.
#[derive(Debug)]
pub struct Text<'a, T: ?Sized>(pub &'a T);

/// By `Display`.
pub trait TextByDisplay {
    /// The value as text.
    fn text(&self, limits: Limits) -> Captured<String>;
}

impl<T: Display + ?Sized> TextByDisplay for &&&Text<'_, T> {
    fn text(&self, limits: Limits) -> Captured<String> {
        text_by_display(self.0, limits)
    }
}

/// By `Serialize`.
pub trait TextBySerialize {
    /// The value as text.
    fn text(&self, limits: Limits) -> Captured<String>;
}

impl<T: Serialize + ?Sized> TextBySerialize for &&Text<'_, T> {
    fn text(&self, limits: Limits) -> Captured<String> {
        match to_json(self.0, limits) {
            Captured {
                value: Value::String(value),
                cut,
                secret,
            } => Captured { value, cut, secret },
            _ => text_by_serialize(self.0, limits),
        }
    }
}

/// By `Debug`.
pub trait TextByDebug {
    /// The value as text.
    fn text(&self, limits: Limits) -> Captured<String>;
}

impl<T: Debug + ?Sized> TextByDebug for &Text<'_, T> {
    fn text(&self, limits: Limits) -> Captured<String> {
        text_by_debug(self.0, limits)
    }
}

/// By the name of the type.
pub trait TextByType {
    /// The name of the type.
    fn text(&self, limits: Limits) -> Captured<String>;
}

impl<T: ?Sized> TextByType for Text<'_, T> {
    fn text(&self, limits: Limits) -> Captured<String> {
        Bounded::format(format_args!("{}", type_name::<T>()), limits)
    }
}

/// An identifier: a value with `Display`, or an `Option` of one. Called as `Id(&value).id()`.
#[derive(Debug)]
pub struct Id<'a, T: ?Sized>(pub &'a T);

impl<T: Display> Id<'_, Option<T>> {
    /// The text, unless there is none.
    pub fn id(&self) -> Option<String> {
        self.0.as_ref().map(id_by_display)
    }
}

/// By `Display`.
pub trait IdByDisplay {
    /// The text.
    fn id(&self) -> Option<String>;
}

impl<T: Display + ?Sized> IdByDisplay for Id<'_, T> {
    fn id(&self) -> Option<String> {
        Some(id_by_display(self.0))
    }
}

/// An identifier is not cut like a text: it would be another one.
fn id_by_display<T: Display + ?Sized>(value: &T) -> String {
    let limits = Limits {
        text: usize::MAX,
        ..Limits::default()
    };
    text_by_display(value, limits).value
}

/// `prompt = …`: the SHA3-256 of all of the text. None of a secret, whose text is not its content.
pub fn prompt_hash<T: Display + ?Sized>(value: &T) -> Option<String> {
    (!is_secret::<T>()).then(|| sha3_256(value.to_string().as_bytes()).to_string())
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
    pub(crate) result: Captured<Value>,
    /// `Some` when it failed.
    pub(crate) error: Option<Captured<String>>,
}

impl Returns {
    /// The function failed.
    pub fn failure(error: Captured<String>) -> Self {
        Self {
            result: Captured::default(),
            error: Some(error),
        }
    }

    /// The function succeeded without a result.
    pub fn nothing() -> Self {
        Self {
            result: Captured::default(),
            error: None,
        }
    }

    /// Reads the result or the error with these functions.
    pub fn of<T: ?Sized, E: ?Sized>(
        parts: &Parts<'_, T, E>,
        result: impl FnOnce(&T) -> Captured<Value>,
        error: impl FnOnce(&E) -> Captured<String>,
    ) -> Self {
        match parts.err {
            Some(failure) => Self::failure(error(failure)),
            None => Self {
                result: parts.ok.map_or_else(Captured::default, result),
                error: None,
            },
        }
    }
}

/// `result = "json"`.
pub fn json_by_serialize<T: Serialize + ?Sized>(value: &T, limits: Limits) -> Captured<Value> {
    to_json(value, limits)
}

/// `result = "display"`.
pub fn json_by_display<T: Display + ?Sized>(value: &T, limits: Limits) -> Captured<Value> {
    text_by_display(value, limits).map(Value::String)
}

/// `result = "debug"`.
pub fn json_by_debug<T: Debug + ?Sized>(value: &T, limits: Limits) -> Captured<Value> {
    text_by_debug(value, limits).map(Value::String)
}

/// `result = "none"`.
pub fn json_by_nothing<T: ?Sized>(_: &T, _: Limits) -> Captured<Value> {
    Captured::whole(Value::Null)
}

/// `error = "json"`.
pub fn text_by_serialize<T: Serialize + ?Sized>(value: &T, limits: Limits) -> Captured<String> {
    let json = to_json(value, limits);
    let text = Bounded::format(format_args!("{}", json.value), limits);
    Captured {
        cut: json.cut || text.cut,
        secret: json.secret,
        ..text
    }
}

/// `error = "display"`.
pub fn text_by_display<T: Display + ?Sized>(value: &T, limits: Limits) -> Captured<String> {
    match is_secret::<T>() {
        true => Captured::secret(),
        false => Bounded::format(format_args!("{value}"), limits),
    }
}

/// `error = "debug"`.
pub fn text_by_debug<T: Debug + ?Sized>(value: &T, limits: Limits) -> Captured<String> {
    match is_secret::<T>() {
        true => Captured::secret(),
        false => Bounded::format(format_args!("{value:?}"), limits),
    }
}

/// `error = "none"`.
pub fn text_by_nothing<T: ?Sized>(_: &T, _: Limits) -> Captured<String> {
    Captured::whole("the function returned an error, which is not kept".to_owned())
}

#[cfg(test)]
#[allow(
    clippy::needless_borrow,
    reason = "the probes are called as the attribute calls them"
)]
mod tests {
    use super::*;

    const ALL: Limits = Limits {
        text: 500,
        bytes: 1_000,
        depth: 20,
    };

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
            (&&&&Json(&Both { tokens: 3 })).json(ALL).value,
            serde_json::json!({"tokens": 3})
        );
        assert_eq!((&&&&Json(&format_args!("x"))).json(ALL).value, "x");
        assert_eq!((&&&&Json(&OnlyDebug)).json(ALL).value, "OnlyDebug");
        assert_eq!((&&&&Json(&Opaque)).json(ALL).value, Value::Null);
        assert_eq!((&&&&Text("plain")).text(ALL).value, "plain");
        assert_eq!((&&&&Text(&Some("x"))).text(ALL).value, "x");
        assert_eq!((&&&&Text(&OnlyDebug)).text(ALL).value, "OnlyDebug");
        assert!((&&&&Text(&Opaque)).text(ALL).value.ends_with("Opaque"));
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
}
