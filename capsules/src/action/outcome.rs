//! What the value of an action says of how it went.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::bounded_json::to_json;
use crate::capture::Returns;
use crate::limits::Limits;
use crate::reader::text_by_display;

/// A value that says how the action that gave it went: `Err` is a failure, anything else a
/// success.
///
/// `Result<T, E>` is kept by `T: Serialize` or by `E: Display`, `Option` and `ControlFlow` by what
/// is in them, and the other types of the standard library as JSON. The attribute finds the best
/// form of any type when it is expanded; here the bounds are the types' own. For other types
/// implement the trait, or say what is to be kept where it is run:
/// [`run_with`](crate::Action::run_with).
///
/// ```
/// use capsules::{ActionOutcome, Ended, Keep};
///
/// enum Verdict {
///     Allowed(String),
///     Refused { why: String },
/// }
///
/// impl ActionOutcome for Verdict {
///     fn ended(&self, keep: Keep) -> Ended {
///         match self {
///             Self::Allowed(by) => keep.result(by),
///             Self::Refused { why } => keep.error(why),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how the action went",
    label = "what is to be kept of this?",
    note = "a `Result<T, E>` with `T: Serialize` and `E: Display` does, and so do the values of \
            the standard library",
    note = "for any other type use `run_with` or `run_sync_with`, which take a closure"
)]
pub trait ActionOutcome {
    /// How the action went, and what is kept of it.
    fn ended(&self, keep: Keep) -> Ended;
}

/// Makes an [`Ended`], within the limits of the instance that records it.
#[derive(Debug)]
pub struct Keep {
    limits: Limits,
}

/// How an action went, and what is kept of it; made by [`Keep`].
#[derive(Debug)]
#[must_use]
pub struct Ended(Returns);

impl Keep {
    pub(crate) fn within(limits: Limits) -> Self {
        Self { limits }
    }

    /// It succeeded, with a result that is kept as JSON in `outcome.result`.
    pub fn result<T: Serialize + ?Sized>(self, result: &T) -> Ended {
        Ended(Returns {
            result: to_json(result, self.limits),
            error: None,
        })
    }

    /// It succeeded, with no result that is kept.
    pub fn nothing(self) -> Ended {
        Ended(Returns::nothing())
    }

    /// It failed, with a message that is kept in `outcome.error`.
    pub fn error<E: Display + ?Sized>(self, error: &E) -> Ended {
        Ended(Returns::failure(text_by_display(error, self.limits)))
    }
}

impl Ended {
    pub(crate) fn returns(self) -> Returns {
        self.0
    }

    /// It succeeded; the result is not read.
    pub(crate) fn nothing() -> Self {
        Self(Returns::nothing())
    }
}

/// What reads a value: a closure, or a type of ours.
pub trait Read<T> {
    /// How the action went, and what is kept of it.
    fn read(self, value: &T, keep: Keep) -> Ended;
}

impl<T, F: FnOnce(&T, Keep) -> Ended> Read<T> for F {
    fn read(self, value: &T, keep: Keep) -> Ended {
        self(value, keep)
    }
}

impl<T: Serialize, E: Display> ActionOutcome for Result<T, E> {
    fn ended(&self, keep: Keep) -> Ended {
        match self {
            Ok(value) => keep.result(value),
            Err(error) => keep.error(error),
        }
    }
}

/// `None` is a success without a result.
impl<T: Serialize> ActionOutcome for Option<T> {
    fn ended(&self, keep: Keep) -> Ended {
        match self {
            Some(value) => keep.result(value),
            None => keep.nothing(),
        }
    }
}

/// Both ways are a success; going on has its value as result.
impl<B, C: Serialize> ActionOutcome for ControlFlow<B, C> {
    fn ended(&self, keep: Keep) -> Ended {
        match self {
            Self::Continue(value) => keep.result(value),
            Self::Break(_) => keep.nothing(),
        }
    }
}

macro_rules! as_json {
    ($( [$($parameters:tt)*] $type:ty, )*) => {$(
        impl<$($parameters)*> ActionOutcome for $type {
            fn ended(&self, keep: Keep) -> Ended {
                keep.result(self)
            }
        }
    )*};
}

as_json! {
    [] (), [] bool, [] char, [] str, [] String, [] Value,
    [] u8, [] u16, [] u32, [] u64, [] u128, [] usize,
    [] i8, [] i16, [] i32, [] i64, [] i128, [] isize,
    [] f32, [] f64,
    [T: Serialize] [T],
    [T: Serialize] Vec<T>,
    [K: Serialize, V: Serialize] BTreeMap<K, V>,
    [K: Serialize, V: Serialize, S] HashMap<K, V, S>,
    [A: Serialize, B: Serialize] (A, B),
    [A: Serialize, B: Serialize, C: Serialize] (A, B, C),
}

macro_rules! as_what_it_holds {
    ($($type:ty,)*) => {$(
        impl<T: ActionOutcome + ?Sized> ActionOutcome for $type {
            fn ended(&self, keep: Keep) -> Ended {
                T::ended(self, keep)
            }
        }
    )*};
}

as_what_it_holds!(&T, &mut T, Box<T>, Rc<T>, Arc<T>,);
