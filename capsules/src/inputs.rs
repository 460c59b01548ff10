//! What is read of a call's arguments.

use std::borrow::Borrow;

use serde_json::Value;

use crate::capsules::Capsules;
use crate::limits::{Captured, Limits};
use crate::reader::Reader;
use crate::reading::reading;

/// What the attribute reads from the arguments, before the body takes them.
#[derive(Debug, Default)]
pub struct Inputs {
    /// How much of them is kept.
    pub limits: Limits,
    /// `trigger.request`.
    pub(crate) request: Option<Captured<String>>,
    /// Arguments by their names.
    pub(crate) arguments: Vec<(String, Captured<Value>)>,
    /// `reasoning.prompt_hash`.
    pub prompt_hash: Option<String>,
    /// `context.agent_id`.
    pub agent_id: Option<String>,
    /// The tenant.
    pub tenant: Option<String>,
    /// `context.session_id`.
    pub session: Option<String>,
    /// `trigger.user_id`.
    pub user: Option<String>,
    /// `trigger.correlation_id`.
    pub correlation: Option<String>,
}

impl Inputs {
    /// Keeps what the function is asked.
    pub fn request(&mut self, value: Reader<'_>) {
        self.request = value.text(self.limits);
    }

    /// Keeps an argument.
    pub fn argument(&mut self, name: &str, value: Reader<'_>) {
        let value = value.json(self.limits).unwrap_or_default();
        self.arguments.push((name.to_owned(), value));
    }

    /// Reads inputs by expressions that are the user's; a panic in one must not become the
    /// function's.
    pub(crate) fn take(&mut self, function: &str, read: impl FnOnce(&mut Self)) {
        if reading(|| read(self)).is_err() {
            // What the panic says may be what the capsule must not keep.
            tracing::error!(
                target: "capsules",
                function,
                "an argument could not be read for its capsule"
            );
        }
    }
}

/// The instance that `capsules = EXPR` gives, by value or by reference.
pub fn borrow<C: Borrow<Capsules>>(capsules: &C) -> &Capsules {
    capsules.borrow()
}

/// Reads the inputs of a call.
pub trait ReadInputs {
    /// Reads them.
    fn read(&mut self, inputs: &mut Inputs);
}

/// By a closure.
impl<F: FnOnce(&mut Inputs)> ReadInputs for Option<F> {
    fn read(&mut self, inputs: &mut Inputs) {
        if let Some(read) = self.take() {
            read(inputs);
        }
    }
}

/// What is read of a call's arguments.
pub(crate) enum Reading<'a> {
    /// What the function is asked, and nothing else.
    Request(Reader<'a>),
    Inputs(&'a mut dyn ReadInputs),
}

impl Reading<'_> {
    pub(crate) fn read(self, inputs: &mut Inputs) {
        match self {
            Self::Request(request) => inputs.request(request),
            Self::Inputs(read) => read.read(inputs),
        }
    }
}
