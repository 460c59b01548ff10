//! Validation of content documents: is this JSON a capsule's content?
//!
//! The rules and their order are those of the protocol's reference, so that both give the same
//! category and field for the same document. They do not go deep. Not checked are:
//!
//! - the types of most fields inside of sections: strings, the items of arrays, everything in
//!   options and tool calls;
//! - the values of `trigger.type`, `authority.type` and `outcome.status`, which are open;
//! - that an option's feasibility lies between 0 and 1, that an option which was not selected
//!   has a reason, and that a duration is not negative;
//! - unknown keys inside of sections, also with [`Options::strict`].
//!
//! Reading the document as a [`Capsule`](crate::Capsule) checks every type.

mod forms;
mod rules;

use std::fmt;

use serde::Serialize;

use crate::canonical::{CanonicalError, Numbers, canonicalize};

/// What to validate besides the rules for every document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options<'a> {
    /// The hash that the content is said to have, as 64 hexadecimal digits.
    pub claimed_hash: Option<&'a str>,
    /// Refuses top-level keys that the protocol does not name.
    pub strict: bool,
}

/// What kind of rule a document breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Category {
    /// A required key is absent.
    MissingField,
    /// A value has another JSON type.
    WrongType,
    /// A value has the right type and cannot be right.
    InvalidValue,
    /// `sequence` and `previous_hash` contradict each other.
    ChainViolation,
    /// The content has another hash than was claimed.
    IntegrityViolation,
}

impl Category {
    /// The name in the protocol.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingField => "missing_field",
            Self::WrongType => "wrong_type",
            Self::InvalidValue => "invalid_value",
            Self::ChainViolation => "chain_violation",
            Self::IntegrityViolation => "integrity_violation",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The first rule that a document breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct Violation {
    /// What kind of rule it is.
    pub category: Category,
    /// The path of the field, such as `trigger.timestamp`; empty for the document as a whole.
    pub field: String,
    /// What is wrong, in a sentence.
    pub message: String,
}

impl Violation {
    fn new(category: Category, field: &str, message: impl Into<String>) -> Self {
        Self {
            category,
            field: field.to_owned(),
            message: message.into(),
        }
    }
}

/// Validates a content document: a capsule without its seal.
///
/// A document that has a key twice is refused, whereas the reference reads the last one: readers
/// disagree on what it says, and it has no hash.
///
/// ```
/// use capsules_core::validate::{Category, Options, validate};
///
/// let violation = validate(br#"{"id": 5}"#, Options::default()).unwrap_err();
/// assert_eq!((violation.category, &*violation.field), (Category::MissingField, "type"));
/// ```
///
/// # Errors
///
/// [`Violation`] of the first rule that the document breaks.
pub fn validate(document: &[u8], options: Options<'_>) -> Result<(), Violation> {
    let canonical = canonicalize(document, Numbers::AsWritten).map_err(|error| match &error {
        CanonicalError::DuplicateKey { key, .. } => {
            Violation::new(Category::InvalidValue, key, error.to_string())
        }
        _ => Violation::new(Category::WrongType, "", error.to_string()),
    })?;
    rules::check(&canonical, options.strict)?;
    match options.claimed_hash {
        Some(claimed) => rules::check_hash(&canonical, claimed),
        None => Ok(()),
    }
}
