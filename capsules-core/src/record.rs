//! Sealed records: a capsule's content as it was stored, with its seal.

use crate::capsule::Capsule;

/// A sealed capsule as a store or an export holds it.
///
/// `content` is the JSON text that was stored, letter for letter. Verification works on that
/// text and never on a model rebuilt from it (CPS section 3), so a record that an older or
/// another implementation sealed still verifies, and a key that was added to it is caught.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRecord {
    /// The content, as JSON text in whatever formatting it was stored.
    pub content: String,
    /// SHA3-256 of the canonical content, as 64 lower-case hexadecimal digits.
    pub hash: String,
    /// Ed25519 over the digits of `hash`, as 128 hexadecimal digits.
    pub signature: String,
    /// ML-DSA-65 over the digits of `hash`, in hexadecimal; empty when absent.
    pub signature_pq: String,
    /// When it was sealed.
    pub signed_at: Option<String>,
    /// The fingerprint of the key that signed.
    pub signed_by: Option<String>,
    /// What the store keeps beside the content.
    pub columns: Columns,
}

/// What a store keeps beside a record's content to find it by. None of it is covered by the
/// hash; verification compares it with the content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// The capsule's id.
    pub id: String,
    /// The capsule's type.
    pub kind: String,
    /// The place in the chain.
    pub sequence: i64,
    /// The hash of the record before it.
    pub previous_hash: Option<String>,
    /// The session.
    pub session_id: Option<String>,
    /// The tenant; `None` where the store has no such column or it is empty.
    pub tenant_id: Option<String>,
    /// The domain; `None` where the store has no such column or it is empty.
    pub domain: Option<String>,
}

/// Why a record could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The content is not a capsule.
    #[error("the content of capsule {id} is not a capsule: {reason}")]
    Content {
        /// The record's id.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A sealed record is not the JSON object that the protocol defines.
    #[error("not a sealed record: {reason}")]
    Json {
        /// What is wrong with it.
        reason: String,
    },
}

impl SealedRecord {
    /// Reads the content into the typed record.
    ///
    /// # Errors
    ///
    /// [`RecordError::Content`] when it is not a capsule.
    pub fn capsule(&self) -> Result<Capsule, RecordError> {
        serde_json::from_str(&self.content).map_err(|error| RecordError::Content {
            id: self.columns.id.clone(),
            reason: error.to_string(),
        })
    }
}
