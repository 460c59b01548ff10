//! How a value is kept, when that has been found.

use std::any::type_name;
use std::fmt::{self, Debug, Display};

use serde::Serialize;
use serde_json::Value;

use crate::bounded_json::to_json;
use crate::limits::{Bounded, Captured, Limits};
use crate::secret::names_a_secret;

/// Reads a value, if the call is recorded. One type for the values of all types, with references
/// behind which the compiler has what it needs, so that little is compiled for each of them.
#[derive(Clone, Copy)]
pub enum Reader<'a> {
    /// There is no value, or nothing is kept of it.
    Nothing,
    /// By `Serialize`.
    Serialize(&'a dyn ToJson),
    /// By `Serialize`, a text without its quotes.
    Content(&'a dyn ToJson),
    /// By `Display`, with the name of the type.
    Display(&'a dyn Display, &'static str),
    /// By `Debug`, with the name of the type.
    Debug(&'a dyn Debug, &'static str),
    /// The type's name.
    Type(&'static str),
    /// That there was an error.
    Unkept,
}

/// `Serialize` behind a reference.
pub trait ToJson {
    /// The value.
    fn to_json(&self, limits: Limits) -> Captured<Value>;
}

impl<T: Serialize> ToJson for T {
    fn to_json(&self, limits: Limits) -> Captured<Value> {
        to_json(self, limits)
    }
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn serialize<T: Serialize>(value: Option<&'a T>) -> Self {
        match value {
            Some(value) => Self::Serialize(value),
            None => Self::Nothing,
        }
    }

    #[inline]
    pub(crate) fn content<T: Serialize>(value: Option<&'a T>) -> Self {
        match value {
            Some(value) => Self::Content(value),
            None => Self::Nothing,
        }
    }

    #[inline]
    pub(crate) fn display<T: Display>(value: Option<&'a T>) -> Self {
        match value {
            Some(value) => Self::Display(value, type_name::<T>()),
            None => Self::Nothing,
        }
    }

    #[inline]
    pub(crate) fn debug<T: Debug>(value: Option<&'a T>) -> Self {
        match value {
            Some(value) => Self::Debug(value, type_name::<T>()),
            None => Self::Nothing,
        }
    }

    #[inline]
    pub(crate) fn type_name<T>(value: Option<&'a T>) -> Self {
        match value {
            Some(_) => Self::Type(type_name::<T>()),
            None => Self::Nothing,
        }
    }

    #[inline]
    pub(crate) fn unkept<T>(value: Option<&'a T>) -> Self {
        match value {
            Some(_) => Self::Unkept,
            None => Self::Nothing,
        }
    }

    /// Whether there is a value.
    pub(crate) fn is_some(self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// The value as JSON; `None` where there is none.
    pub(crate) fn json(self, limits: Limits) -> Option<Captured<Value>> {
        match self {
            Self::Serialize(value) | Self::Content(value) => Some(value.to_json(limits)),
            _ => Some(self.text(limits)?.map(Value::String)),
        }
    }

    /// The value as text; `None` where there is none.
    pub(crate) fn text(self, limits: Limits) -> Option<Captured<String>> {
        Some(match self {
            Self::Nothing => return None,
            Self::Serialize(value) => quoted(&value.to_json(limits), limits),
            Self::Content(value) => content(value.to_json(limits), limits),
            Self::Display(value, name) => formatted(name, format_args!("{value}"), limits),
            Self::Debug(value, name) => formatted(name, format_args!("{value:?}"), limits),
            Self::Type(name) => Bounded::format(format_args!("{name}"), limits),
            Self::Unkept => {
                Captured::whole("the function returned an error, which is not kept".to_owned())
            }
        })
    }
}

/// The text of a value with `Display`.
pub(crate) fn text_by_display<T: Display + ?Sized>(value: &T, limits: Limits) -> Captured<String> {
    formatted(type_name::<T>(), format_args!("{value}"), limits)
}

/// What is formatted of a value, unless its type is one of secrets.
fn formatted(type_name: &str, value: fmt::Arguments<'_>, limits: Limits) -> Captured<String> {
    match names_a_secret(type_name) {
        true => Captured::secret(),
        false => Bounded::format(value, limits),
    }
}

/// The text of a JSON value.
fn quoted(json: &Captured<Value>, limits: Limits) -> Captured<String> {
    let text = Bounded::format(format_args!("{}", json.value), limits);
    Captured {
        cut: json.cut || text.cut,
        secret: json.secret,
        ..text
    }
}

/// The text of a JSON value, of a string without its quotes.
fn content(json: Captured<Value>, limits: Limits) -> Captured<String> {
    match json {
        Captured {
            value: Value::String(value),
            cut,
            secret,
        } => Captured { value, cut, secret },
        json => quoted(&json, limits),
    }
}
