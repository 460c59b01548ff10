//! Canonical JSON: the one spelling of a record that is hashed (CPS section 2).
//!
//! Keys are sorted by Unicode code point at every depth, there is no white space, strings are
//! literal UTF-8 with the shortest escapes, and floats print as Python's `repr` prints them.
//!
//! There are two ways to it. [`canonical_capsule`] writes a typed [`Capsule`](crate::Capsule)
//! that is about to be sealed. [`canonicalize`] and [`split_sealed`] rewrite the text of a
//! document that was stored: they never build a model, so unknown keys, integers of any size and
//! the spelling of every number survive, and nesting is limited by memory only.

mod check;
mod document;
mod fields;
mod lexer;
mod number;
mod order;
mod sealed;
mod text;
mod typed;
mod value;

pub(crate) use check::CanonicalHeaders;
pub use document::canonicalize;
pub(crate) use number::write_integer;
pub use sealed::{SealedParts, split_sealed};
pub(crate) use text::write_optional;
pub(crate) use typed::{Place, TYPICAL_SIZE, write_content};
pub use typed::{canonical_capsule, canonical_opening, write_capsule};

/// How [`canonicalize`] writes the numbers of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// As the document spells them. Whatever implementation sealed the document, this is what it
    /// hashed: they print the same number differently, but each stores what it printed.
    AsWritten,
    /// As written, but integers in float-typed fields (`reasoning.confidence`,
    /// `reasoning.options[].feasibility`) get `.0`.
    FloatTyped,
    /// As Python prints them after reading them, and integers in float-typed fields as floats:
    /// integers of any size exactly, everything with a fraction or an exponent as the shortest
    /// text that reads back to the same double.
    Python,
}

/// Why something has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// A field of a capsule is NaN or infinite, which JSON cannot express.
    #[error("{field} is not a finite number; set it to one before sealing")]
    NotFinite {
        /// The field's path, for instance `reasoning.options[2].feasibility`.
        field: String,
    },
    /// The document is not JSON (RFC 8259).
    #[error("not JSON: {reason} at byte {offset}")]
    Syntax {
        /// What was expected and what was found.
        reason: String,
        /// Where, in bytes from the start of the document.
        offset: usize,
    },
    /// An object has the same key twice, so readers would disagree on its value.
    #[error("the key {key:?} appears again at byte {offset}; an object's keys must be unique")]
    DuplicateKey {
        /// The key, with escapes resolved.
        key: String,
        /// Where the second one begins, in bytes from the start of the document.
        offset: usize,
    },
    /// A number is too large for a double, so Python would read it as infinity.
    #[error("the number at byte {offset} is too large for a double")]
    NumberTooLarge {
        /// Where it begins, in bytes from the start of the document.
        offset: usize,
    },
    /// A sealed record is not an object, or a part of its seal is not text.
    #[error("not a sealed record: {reason}")]
    SealedRecord {
        /// What was expected and what was found.
        reason: String,
    },
}
