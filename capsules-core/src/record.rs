//! Sealed records: a capsule's content as it was stored, with its seal.

use std::borrow::Cow;

use crate::canonical::{CanonicalError, split_sealed};
use crate::capsule::Capsule;
use crate::header::Header;
use crate::json::Object;

/// A record that takes more bytes than this is refused by whoever reads it, so that a hostile store
/// or export cannot exhaust the memory: 72 MiB, room for the largest content that a journal holds
/// (64 MiB) and its seal.
pub const MAX_RECORD_BYTES: usize = 72 << 20;

/// A sealed capsule as a store or an export holds it.
///
/// `content` is the JSON text that was stored, letter for letter. Verification works on that
/// text and never on a model rebuilt from it (CPS section 3), so a record that an older or
/// another implementation sealed still verifies, and a key that was added to it is caught.
///
/// An export holds a record as one object, the content's keys and the five of the seal side by
/// side:
///
/// ```
/// use capsules_core::SealedRecord;
///
/// let export = br#"{"id":"a1b2c3d4-e5f6-7890-abcd-ef1234567890","type":"tool","sequence":7,
///     "confidence":1.50,"hash":"ab","signature":"cd","signature_pq":"","signed_at":null,
///     "signed_by":"qp_key_0123"}"#;
/// let record = SealedRecord::from_json(export)?;
/// assert_eq!(record.hash, "ab");
/// assert_eq!(record.columns.sequence, 7);
/// assert!(record.content.contains("1.50"), "numbers keep their text");
/// assert_eq!(SealedRecord::from_json(record.to_json()?.as_bytes())?, record);
/// # Ok::<(), capsules_core::RecordError>(())
/// ```
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

/// A [`SealedRecord`] that somebody else holds, for instance a store the row that it has just read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of SealedRecord")]
pub struct RecordRef<'a> {
    pub content: &'a str,
    pub hash: &'a str,
    pub signature: &'a str,
    pub signature_pq: &'a str,
    pub signed_at: Option<&'a str>,
    pub signed_by: Option<&'a str>,
    pub columns: ColumnsRef<'a>,
}

/// [`Columns`] that somebody else holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of Columns")]
pub struct ColumnsRef<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    pub sequence: i64,
    pub previous_hash: Option<&'a str>,
    pub session_id: Option<&'a str>,
    pub tenant_id: Option<&'a str>,
    pub domain: Option<&'a str>,
}

impl RecordRef<'_> {
    /// A copy of its own.
    pub fn to_owned(&self) -> SealedRecord {
        let columns = &self.columns;
        SealedRecord {
            content: self.content.to_owned(),
            hash: self.hash.to_owned(),
            signature: self.signature.to_owned(),
            signature_pq: self.signature_pq.to_owned(),
            signed_at: self.signed_at.map(str::to_owned),
            signed_by: self.signed_by.map(str::to_owned),
            columns: Columns {
                id: columns.id.to_owned(),
                kind: columns.kind.to_owned(),
                sequence: columns.sequence,
                previous_hash: columns.previous_hash.map(str::to_owned),
                session_id: columns.session_id.map(str::to_owned),
                tenant_id: columns.tenant_id.map(str::to_owned),
                domain: columns.domain.map(str::to_owned),
            },
        }
    }
}

/// Why a record could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
        serde_json::from_str(&self.content).map_err(|error| self.bad_content(error.to_string()))
    }

    /// Reads the object that an export holds.
    ///
    /// The content is what remains without the five keys of the seal, in canonical form; its
    /// numbers keep their text. A key of the seal that is absent or null is empty, and
    /// verification says so. The columns are taken from the content.
    ///
    /// # Errors
    ///
    /// [`RecordError::Json`] when the text is not one JSON object, an object in it has a key
    /// twice, a value of the seal is not a string, `trigger` or `context` is not an object, or
    /// `sequence` is not a 64-bit integer.
    pub fn from_json(text: &[u8]) -> Result<Self, RecordError> {
        let parts = split_sealed(text).map_err(|error| RecordError::Json {
            reason: match error {
                CanonicalError::SealedRecord { reason } => reason,
                other => other.to_string(),
            },
        })?;
        let header = Header::read(&parts.content).map_err(|error| RecordError::Json {
            reason: error.to_string(),
        })?;
        Ok(Self {
            columns: Columns::of(header)?,
            content: parts.content,
            hash: parts.hash.unwrap_or_default(),
            signature: parts.signature.unwrap_or_default(),
            signature_pq: parts.signature_pq.unwrap_or_default(),
            signed_at: parts.signed_at,
            signed_by: parts.signed_by,
        })
    }

    /// The record as one JSON object: the content as it was stored, followed by the five keys of
    /// the seal.
    ///
    /// # Errors
    ///
    /// [`RecordError::Content`] when the content is not a JSON object, which is so only when the
    /// store was damaged.
    pub fn to_json(&self) -> Result<String, RecordError> {
        Object::parse(&self.content).map_err(|error| self.bad_content(error.to_string()))?;
        let content = self.content.trim_end();
        let open = content.strip_suffix('}').unwrap_or(content).trim_end();
        let comma = if open.ends_with('{') { "" } else { "," };
        let seal = serde_json::json!({
            "hash": self.hash,
            "signature": self.signature,
            "signature_pq": self.signature_pq,
            "signed_at": self.signed_at,
            "signed_by": self.signed_by,
        })
        .to_string();
        Ok(format!("{open}{comma}{}", &seal[1..]))
    }

    /// The record without a copy.
    pub fn as_ref(&self) -> RecordRef<'_> {
        let columns = &self.columns;
        RecordRef {
            content: &self.content,
            hash: &self.hash,
            signature: &self.signature,
            signature_pq: &self.signature_pq,
            signed_at: self.signed_at.as_deref(),
            signed_by: self.signed_by.as_deref(),
            columns: ColumnsRef {
                id: &columns.id,
                kind: &columns.kind,
                sequence: columns.sequence,
                previous_hash: columns.previous_hash.as_deref(),
                session_id: columns.session_id.as_deref(),
                tenant_id: columns.tenant_id.as_deref(),
                domain: columns.domain.as_deref(),
            },
        }
    }

    fn bad_content(&self, reason: String) -> RecordError {
        RecordError::Content {
            id: self.columns.id.clone(),
            reason,
        }
    }
}

impl Columns {
    /// The columns that a store would keep beside this content. The tenant is the one that the
    /// content names.
    fn of(header: Header<'_>) -> Result<Self, RecordError> {
        let sequence = header.sequence.map_or(Ok(0), |text| {
            text.parse().map_err(|_| RecordError::Json {
                reason: format!("`sequence` is {text}, which is not a 64-bit integer"),
            })
        })?;
        Ok(Self {
            id: header.id.map(Cow::into_owned).unwrap_or_default(),
            kind: header.kind.map(Cow::into_owned).unwrap_or_default(),
            sequence,
            previous_hash: header.previous_hash.map(Cow::into_owned),
            session_id: header.session_id.map(Cow::into_owned),
            tenant_id: header.tenant_id.map(Cow::into_owned),
            domain: header.domain.map(Cow::into_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(content: &str) -> SealedRecord {
        SealedRecord {
            content: content.to_owned(),
            hash: "ab".to_owned(),
            signature: "cd".to_owned(),
            signature_pq: String::new(),
            signed_at: None,
            signed_by: Some("qp_key_0123".to_owned()),
            columns: Columns::default(),
        }
    }

    #[test]
    fn canonical_content_goes_through_json_letter_for_letter() {
        let content = r#"{"a":[1.50,1e-7,100000000000000000000000],"ä\"b":{"y":1,"z":2}}"#;
        let json = record(content).to_json().unwrap();
        assert_eq!(
            SealedRecord::from_json(json.as_bytes()).unwrap().content,
            content
        );
        for (content, json) in [
            ("{}", r#"{"hash":"ab","#),
            (" { \n} ", r#" {"hash":"ab","#),
            ("{\"a\":1 }\n", r#"{"a":1,"hash":"ab","#),
        ] {
            let written = record(content).to_json().unwrap();
            assert!(written.starts_with(json), "{written}");
            assert!(
                SealedRecord::from_json(written.as_bytes()).is_ok(),
                "{written}"
            );
        }
    }

    #[test]
    fn a_seal_may_be_absent_but_not_of_another_type() {
        let read = SealedRecord::from_json(br#"{"id":"x","hash":null}"#).unwrap();
        assert_eq!(
            (&*read.hash, &*read.signature, read.signed_at),
            ("", "", None)
        );
        for text in [
            r#"{"hash":5}"#,
            r#"{"signed_at":[]}"#,
            r#"{"hash":"a","hash":"b"}"#,
            "[]",
            "",
        ] {
            let error = SealedRecord::from_json(text.as_bytes()).unwrap_err();
            assert!(matches!(error, RecordError::Json { .. }), "{text}: {error}");
        }
        assert!(SealedRecord::from_json(b"{\"id\":\"\xff\"}").is_err());
        assert!(SealedRecord::from_json(br#"{"sequence":1.0}"#).is_err());
    }

    #[test]
    fn damaged_content_is_not_written() {
        for content in ["", "[]", "{\"a\":1", "null"] {
            let error = record(content).to_json().unwrap_err();
            assert!(matches!(error, RecordError::Content { .. }), "{content}");
        }
    }
}
