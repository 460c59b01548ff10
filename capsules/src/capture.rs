//! What is kept of arguments, results and errors.
//!
//! The attribute does not know the types it meets, so it asks by method resolution: of the
//! implementations below, `(&probe).kept()` takes the first whose bounds hold, its own method before
//! those of [`Probe`] for `&_`, `&&_` and the probe itself. All of it happens at compile time, and
//! gives a reader, which looks at the value only if the call is recorded. How much is kept, and of
//! which types nothing, is decided then.

use std::any::type_name;
use std::convert::Infallible;
use std::fmt::{Debug, Display};
use std::ops::ControlFlow;

use capsules_core::sha3_256;
use serde::Serialize;
use serde_json::Value;

use crate::bounded_json::to_json;
use crate::limits::{Bounded, Captured, Limits};
use crate::secret::{is_secret, names_a_secret};

/// Finds how a value is kept, unless the probe's own method does.
pub trait Probe {
    /// How it is kept.
    type Kept;

    /// Finds it.
    fn kept(self) -> Self::Kept;
}

/// Reads a value as JSON.
pub trait ReadJson {
    /// The value; `None` where there is none.
    fn json(&self, limits: Limits) -> Option<Captured<Value>>;
}

/// Reads a value as text.
pub trait ReadText {
    /// Whether there is a value.
    fn is_some(&self) -> bool;

    /// The value; `None` where there is none.
    fn text(&self, limits: Limits) -> Option<Captured<String>>;
}

/// Probes and readers, which all hold a value that may be missing.
macro_rules! holders {
    ($( $(#[$meta:meta])* $name:ident, )*) => {$(
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $name<'a, T>(Option<&'a T>);

        impl<T> Copy for $name<'_, T> {}

        impl<T> Clone for $name<'_, T> {
            fn clone(&self) -> Self {
                *self
            }
        }
    )*};
}

holders! {
    /// A value to be kept as JSON: by `Serialize`, else `Display`, else `Debug`, else not at all.
    Json,
    /// A value to be kept as text: by `Display`, else as JSON by `Serialize`, else by `Debug`, else
    /// the name of its type.
    Text,
    /// Reads by `Serialize`.
    BySerialize,
    /// Reads by `Serialize`, a text without its quotes.
    ByContent,
    /// Reads by `Display`.
    ByDisplay,
    /// Reads by `Debug`.
    ByDebug,
    /// Reads the type's name.
    ByType,
    /// Reads nothing.
    ByNothing,
}

impl<'a, T> Json<'a, T> {
    /// A value.
    pub fn of(value: &'a T) -> Self {
        Self(Some(value))
    }

    /// The value.
    pub fn value(&self) -> Option<&'a T> {
        self.0
    }

    /// `result = "json"`.
    pub fn by_serialize(&self) -> BySerialize<'a, T> {
        BySerialize(self.0)
    }

    /// `result = "display"`.
    pub fn by_display(&self) -> ByDisplay<'a, T> {
        ByDisplay(self.0)
    }

    /// `result = "debug"`.
    pub fn by_debug(&self) -> ByDebug<'a, T> {
        ByDebug(self.0)
    }

    /// `result = "none"`.
    pub fn by_nothing(&self) -> ByNothing<'a, T> {
        ByNothing(self.0)
    }
}

impl<'a, T: Serialize> Json<'a, T> {
    /// By `Serialize`.
    pub fn kept(&self) -> BySerialize<'a, T> {
        BySerialize(self.0)
    }
}

impl<'a, T: Display> Probe for &Json<'a, T> {
    type Kept = ByDisplay<'a, T>;

    fn kept(self) -> Self::Kept {
        ByDisplay(self.0)
    }
}

impl<'a, T: Debug> Probe for &&Json<'a, T> {
    type Kept = ByDebug<'a, T>;

    fn kept(self) -> Self::Kept {
        ByDebug(self.0)
    }
}

impl<'a, T> Probe for Json<'a, T> {
    type Kept = ByNothing<'a, T>;

    fn kept(self) -> Self::Kept {
        ByNothing(self.0)
    }
}

impl<'a, T> Text<'a, T> {
    /// A value.
    pub fn of(value: &'a T) -> Self {
        Self(Some(value))
    }

    /// A value that may be missing.
    pub(crate) fn new(value: Option<&'a T>) -> Self {
        Self(value)
    }

    /// `error = "json"`.
    pub fn by_serialize(&self) -> BySerialize<'a, T> {
        BySerialize(self.0)
    }

    /// `error = "display"`.
    pub fn by_display(&self) -> ByDisplay<'a, T> {
        ByDisplay(self.0)
    }

    /// `error = "debug"`.
    pub fn by_debug(&self) -> ByDebug<'a, T> {
        ByDebug(self.0)
    }

    /// `error = "none"`.
    pub fn by_nothing(&self) -> ByNothing<'a, T> {
        ByNothing(self.0)
    }
}

impl<'a, T: Display> Text<'a, T> {
    /// By `Display`.
    pub fn kept(&self) -> ByDisplay<'a, T> {
        ByDisplay(self.0)
    }
}

impl<'a, T: Serialize> Probe for &Text<'a, T> {
    type Kept = ByContent<'a, T>;

    fn kept(self) -> Self::Kept {
        ByContent(self.0)
    }
}

impl<'a, T: Debug> Probe for &&Text<'a, T> {
    type Kept = ByDebug<'a, T>;

    fn kept(self) -> Self::Kept {
        ByDebug(self.0)
    }
}

impl<'a, T> Probe for Text<'a, T> {
    type Kept = ByType<'a, T>;

    fn kept(self) -> Self::Kept {
        ByType(self.0)
    }
}

impl<T: Serialize> ReadJson for BySerialize<'_, T> {
    fn json(&self, limits: Limits) -> Option<Captured<Value>> {
        Some(to_json(self.0?, limits))
    }
}

impl<T: Display> ReadJson for ByDisplay<'_, T> {
    fn json(&self, limits: Limits) -> Option<Captured<Value>> {
        self.text(limits).map(json_string)
    }
}

impl<T: Debug> ReadJson for ByDebug<'_, T> {
    fn json(&self, limits: Limits) -> Option<Captured<Value>> {
        self.text(limits).map(json_string)
    }
}

impl<T> ReadJson for ByNothing<'_, T> {
    fn json(&self, _: Limits) -> Option<Captured<Value>> {
        None
    }
}

/// Readers of texts, each with how it reads a value.
macro_rules! texts {
    ($( $reader:ident: [$($bound:path)?] |$value:ident, $limits:ident| $text:expr; )*) => {$(
        impl<T $(: $bound)?> ReadText for $reader<'_, T> {
            fn is_some(&self) -> bool {
                self.0.is_some()
            }

            fn text(&self, $limits: Limits) -> Option<Captured<String>> {
                let $value = self.0?;
                Some($text)
            }
        }
    )*};
}

texts! {
    BySerialize: [Serialize] |value, limits| quoted(&to_json(value, limits), limits);
    ByContent: [Serialize] |value, limits| content(to_json(value, limits), limits);
    ByDisplay: [Display] |value, limits| by_display(value, type_name::<T>(), limits);
    ByDebug: [Debug] |value, limits| by_debug(value, type_name::<T>(), limits);
    ByType: [] |_value, limits| by_type(type_name::<T>(), limits);
    ByNothing: [] |_value, _limits| {
        Captured::whole("the function returned an error, which is not kept".to_owned())
    };
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

/// An identifier: a value with `Display`, or an `Option` of one. Called as `(&Id(&value)).kept()`.
#[derive(Debug)]
pub struct Id<'a, T: ?Sized>(pub &'a T);

impl<T: Display> Id<'_, Option<T>> {
    /// The text, unless there is none.
    pub fn kept(&self) -> Option<String> {
        self.0.as_ref().map(id_by_display)
    }
}

impl<T: Display + ?Sized> Probe for &Id<'_, T> {
    type Kept = Option<String>;

    fn kept(self) -> Self::Kept {
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

/// What a function returned, to be taken apart into its result and its error. Called as
/// `(&Returned(&value)).kept()`.
#[derive(Debug)]
pub struct Returned<'a, T>(pub &'a T);

impl<'a, T, E> Returned<'a, Result<T, E>> {
    /// `Ok` is the result, `Err` the error.
    pub fn kept(&self) -> (Json<'a, T>, Text<'a, E>) {
        (Json(self.0.as_ref().ok()), Text(self.0.as_ref().err()))
    }
}

impl<'a, T> Returned<'a, Option<T>> {
    /// `None` is a success without a result.
    pub fn kept(&self) -> (Json<'a, T>, Text<'a, Infallible>) {
        (Json(self.0.as_ref()), Text(None))
    }
}

impl<'a, B, C> Returned<'a, ControlFlow<B, C>> {
    /// Both ways are a success; going on has its value as result.
    pub fn kept(&self) -> (Json<'a, C>, Text<'a, Infallible>) {
        let going_on = match self.0 {
            ControlFlow::Continue(value) => Some(value),
            ControlFlow::Break(_) => None,
        };
        (Json(going_on), Text(None))
    }
}

/// The value is the result.
impl<'a, T> Probe for &Returned<'a, T> {
    type Kept = (Json<'a, T>, Text<'a, Infallible>);

    fn kept(self) -> Self::Kept {
        (Json(Some(self.0)), Text(None))
    }
}

/// How a function ended, as far as its value tells.
#[derive(Debug)]
pub(crate) struct Returns {
    pub(crate) result: Captured<Value>,
    /// `Some` when it failed.
    pub(crate) error: Option<Captured<String>>,
}

impl Returns {
    /// The function failed.
    pub(crate) fn failure(error: Captured<String>) -> Self {
        Self {
            result: Captured::default(),
            error: Some(error),
        }
    }

    /// The function succeeded without a result.
    pub(crate) fn nothing() -> Self {
        Self {
            result: Captured::default(),
            error: None,
        }
    }

    /// Reads the error, or else the result.
    pub(crate) fn read(result: &dyn ReadJson, error: &dyn ReadText, limits: Limits) -> Self {
        match error.text(limits) {
            Some(error) => Self::failure(error),
            None => Self {
                result: result.json(limits).unwrap_or_default(),
                error: None,
            },
        }
    }
}

/// Nothing is kept of a value, and it is no error.
#[derive(Debug)]
pub struct Nothing;

impl ReadJson for Nothing {
    fn json(&self, _: Limits) -> Option<Captured<Value>> {
        None
    }
}

impl ReadText for Nothing {
    fn is_some(&self) -> bool {
        false
    }

    fn text(&self, _: Limits) -> Option<Captured<String>> {
        None
    }
}

/// The value that a reader reads.
pub fn read(reader: &dyn ReadJson, limits: Limits) -> Captured<Value> {
    reader.json(limits).unwrap_or_default()
}

/// Says the type of the `return` that it stands in, which never runs.
pub fn hint<T>() -> T {
    unreachable!("a hint for the compiler")
}

/// The text of a value with `Display`.
pub(crate) fn text_by_display<T: Display + ?Sized>(value: &T, limits: Limits) -> Captured<String> {
    by_display(&value, type_name::<T>(), limits)
}

// What follows is compiled once for all types.

fn by_display(value: &dyn Display, type_name: &str, limits: Limits) -> Captured<String> {
    match names_a_secret(type_name) {
        true => Captured::secret(),
        false => Bounded::format(format_args!("{value}"), limits),
    }
}

fn by_debug(value: &dyn Debug, type_name: &str, limits: Limits) -> Captured<String> {
    match names_a_secret(type_name) {
        true => Captured::secret(),
        false => Bounded::format(format_args!("{value:?}"), limits),
    }
}

fn by_type(type_name: &str, limits: Limits) -> Captured<String> {
    Bounded::format(format_args!("{type_name}"), limits)
}

fn json_string(text: Captured<String>) -> Captured<Value> {
    text.map(Value::String)
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

    fn json(reader: &dyn ReadJson) -> Value {
        reader.json(ALL).unwrap_or_default().value
    }

    fn text(reader: &dyn ReadText) -> String {
        reader.text(ALL).unwrap().value
    }

    #[test]
    fn the_best_form_that_a_type_offers() {
        assert_eq!(
            json(&(&Json::of(&Both { tokens: 3 })).kept()),
            serde_json::json!({"tokens": 3})
        );
        assert_eq!(json(&(&Json::of(&format_args!("x"))).kept()), "x");
        assert_eq!(json(&(&Json::of(&OnlyDebug)).kept()), "OnlyDebug");
        assert_eq!(json(&(&Json::of(&Opaque)).kept()), Value::Null);
        assert_eq!(text(&(&Text::of(&"plain")).kept()), "plain");
        assert_eq!(text(&(&Text::of(&Some("x"))).kept()), "x");
        assert_eq!(text(&(&Text::of(&OnlyDebug)).kept()), "OnlyDebug");
        assert!(text(&(&Text::of(&Opaque)).kept()).ends_with("Opaque"));
    }

    #[test]
    fn results_are_taken_apart_through_aliases() {
        let failed: std::io::Result<u8> = Err(std::io::Error::other("no"));
        assert!((&Returned(&failed)).kept().1.0.is_some());
        assert_eq!((&Returned(&Some(1))).kept().0.value(), Some(&1));
        assert_eq!((&Returned(&5)).kept().0.value(), Some(&5));
        assert_eq!((&Id(&Some("a"))).kept().as_deref(), Some("a"));
        assert_eq!((&Id(&7)).kept().as_deref(), Some("7"));
        assert_eq!((&Id(&None::<u8>)).kept(), None);
    }
}
