//! Canonical JSON (CPS section 2).

use crate::capsule::Capsule;

/// How `canonicalize` writes the numbers of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// As the document spells them.
    AsWritten,
    /// As written, but integers in float-typed fields (`reasoning.confidence`,
    /// `reasoning.options[].feasibility`) get `.0`.
    FloatTyped,
    /// As Python prints them, and integers in float-typed fields get `.0`.
    Python,
}

/// Why something has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// NaN or an infinity.
    #[error("{field} is not a finite number")]
    NotFinite {
        /// The field's path.
        field: String,
    },
    /// The document is not JSON.
    #[error("not JSON: {reason} at byte {offset}")]
    Syntax {
        /// What is wrong.
        reason: String,
        /// Where, in bytes from the start.
        offset: usize,
    },
}

/// The canonical form of a typed capsule, written directly from its fields.
pub fn canonical_capsule(_capsule: &Capsule) -> Result<String, CanonicalError> {
    todo!()
}

/// The canonical form of any JSON document.
pub fn canonicalize(_document: &[u8], _numbers: Numbers) -> Result<String, CanonicalError> {
    todo!()
}
