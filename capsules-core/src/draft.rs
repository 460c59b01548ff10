//! Capsules that are ready to be sealed.

use uuid::Uuid;

use crate::canonical::CanonicalError;
use crate::capsule::{Capsule, CapsuleType};
use crate::chain::Position;

/// A capsule that is ready to be sealed: its canonical text with the place in the chain left
/// open, and the columns that a store keeps beside it.
///
/// Making a draft is the last step on the caller's thread; it is one buffer instead of a
/// structure of strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    id: Uuid,
    kind: CapsuleType,
    domain: String,
    session_id: Option<String>,
    tenant_id: Option<String>,
    /// Canonical content with `previous_hash` null and `sequence` 0.
    text: String,
    /// Where the values of `previous_hash` and `sequence` begin in `text`.
    previous_hash_at: usize,
    sequence_at: usize,
}

impl Draft {
    /// Writes the capsule's canonical text. Its `sequence` and `previous_hash` are ignored.
    pub fn new(_capsule: &Capsule) -> Result<Self, CanonicalError> {
        todo!()
    }

    /// The capsule's id.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The capsule's type.
    pub fn kind(&self) -> CapsuleType {
        self.kind
    }

    /// The domain.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The session.
    pub fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    /// The tenant that the content names.
    pub fn tenant_id(&self) -> Option<&str> {
        self.tenant_id.as_deref()
    }

    /// The canonical content at this place in a chain: the bytes that are hashed.
    pub fn link(&self, _position: &Position) -> String {
        todo!()
    }
}
