//! What is kept of arguments, results and errors.
//!
//! The attribute does not know the types it meets, so it asks by method resolution: of the
//! implementations below, `(&probe).kept()` takes the first whose bounds hold, its own method before
//! those of [`Probe`] for `&_`, `&&_` and the probe itself. All of it happens at compile time, and
//! gives a [`Reader`], which looks at the value only if the call is recorded. How much is kept, and of
//! which types nothing, is decided then.

use std::convert::Infallible;
use std::fmt::{Debug, Display};
use std::ops::ControlFlow;

use capsules_core::sha3_256;
use serde::Serialize;
use serde_json::Value;

use crate::limits::{Captured, Limits};
use crate::reader::{Reader, text_by_display};
use crate::secret::is_secret;

/// Finds how a value is kept, unless the probe's own method does.
pub trait Probe {
    /// How it is kept.
    type Kept;

    /// Finds it.
    fn kept(self) -> Self::Kept;
}

/// Probes, which hold a value that may be missing.
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
    pub fn by_serialize(&self) -> Reader<'a>
    where
        T: Serialize,
    {
        Reader::serialize(self.0)
    }

    /// `result = "display"`.
    pub fn by_display(&self) -> Reader<'a>
    where
        T: Display,
    {
        Reader::display(self.0)
    }

    /// `result = "debug"`.
    pub fn by_debug(&self) -> Reader<'a>
    where
        T: Debug,
    {
        Reader::debug(self.0)
    }

    /// `result = "none"`.
    pub fn by_nothing(&self) -> Reader<'a> {
        Reader::Nothing
    }
}

impl<'a, T: Serialize> Json<'a, T> {
    /// By `Serialize`.
    pub fn kept(&self) -> Reader<'a> {
        Reader::serialize(self.0)
    }
}

impl<'a, T: Display> Probe for &Json<'a, T> {
    type Kept = Reader<'a>;

    fn kept(self) -> Self::Kept {
        Reader::display(self.0)
    }
}

impl<'a, T: Debug> Probe for &&Json<'a, T> {
    type Kept = Reader<'a>;

    fn kept(self) -> Self::Kept {
        Reader::debug(self.0)
    }
}

impl<'a, T> Probe for Json<'a, T> {
    type Kept = Reader<'a>;

    fn kept(self) -> Self::Kept {
        Reader::Nothing
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
    pub fn by_serialize(&self) -> Reader<'a>
    where
        T: Serialize,
    {
        Reader::serialize(self.0)
    }

    /// `error = "display"`.
    pub fn by_display(&self) -> Reader<'a>
    where
        T: Display,
    {
        Reader::display(self.0)
    }

    /// `error = "debug"`.
    pub fn by_debug(&self) -> Reader<'a>
    where
        T: Debug,
    {
        Reader::debug(self.0)
    }

    /// `error = "none"`.
    pub fn by_nothing(&self) -> Reader<'a> {
        Reader::unkept(self.0)
    }
}

impl<'a, T: Display> Text<'a, T> {
    /// By `Display`.
    pub fn kept(&self) -> Reader<'a> {
        Reader::display(self.0)
    }
}

impl<'a, T: Serialize> Probe for &Text<'a, T> {
    type Kept = Reader<'a>;

    fn kept(self) -> Self::Kept {
        Reader::content(self.0)
    }
}

impl<'a, T: Debug> Probe for &&Text<'a, T> {
    type Kept = Reader<'a>;

    fn kept(self) -> Self::Kept {
        Reader::debug(self.0)
    }
}

impl<'a, T> Probe for Text<'a, T> {
    type Kept = Reader<'a>;

    fn kept(self) -> Self::Kept {
        Reader::type_name(self.0)
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
    pub(crate) fn read(result: Reader<'_>, error: Reader<'_>, limits: Limits) -> Self {
        match error.text(limits) {
            Some(error) => Self::failure(error),
            None => Self {
                result: result.json(limits).unwrap_or_default(),
                error: None,
            },
        }
    }
}

/// The value that a reader reads.
pub fn read(reader: Reader<'_>, limits: Limits) -> Captured<Value> {
    reader.json(limits).unwrap_or_default()
}

/// Says the type of the `return` that it stands in, which never runs.
pub fn hint<T>() -> T {
    unreachable!("a hint for the compiler")
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

    fn json(reader: Reader<'_>) -> Value {
        reader.json(ALL).unwrap_or_default().value
    }

    fn text(reader: Reader<'_>) -> String {
        reader.text(ALL).unwrap().value
    }

    #[test]
    fn the_best_form_that_a_type_offers() {
        assert_eq!(
            json((&Json::of(&Both { tokens: 3 })).kept()),
            serde_json::json!({"tokens": 3})
        );
        assert_eq!(json((&Json::of(&format_args!("x"))).kept()), "x");
        assert_eq!(json((&Json::of(&OnlyDebug)).kept()), "OnlyDebug");
        assert_eq!(json((&Json::of(&Opaque)).kept()), Value::Null);
        assert_eq!(text((&Text::of(&"plain")).kept()), "plain");
        assert_eq!(text((&Text::of(&Some("x"))).kept()), "x");
        assert_eq!(text((&Text::of(&OnlyDebug)).kept()), "OnlyDebug");
        assert!(text((&Text::of(&Opaque)).kept()).ends_with("Opaque"));
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
