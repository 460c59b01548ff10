//! Sealed records in one object, as exports hold them.

use super::document::{Rewriter, duplicate_key};
use super::text::unescape;
use super::{CanonicalError, Numbers};

/// A sealed record in one object, taken apart by [`split_sealed`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealedParts {
    /// The object without the five keys of the seal: canonical, with numbers as written.
    pub content: String,
    /// The value of `hash`; this and the others are `None` when the key is absent or null.
    pub hash: Option<String>,
    /// The value of `signature`.
    pub signature: Option<String>,
    /// The value of `signature_pq`.
    pub signature_pq: Option<String>,
    /// The value of `signed_at`.
    pub signed_at: Option<String>,
    /// The value of `signed_by`.
    pub signed_by: Option<String>,
}

/// Takes a sealed record, as exports hold it, apart: one object whose top level has the keys of
/// the content and the five of the seal (CPS section 1).
///
/// ```
/// use capsules_core::canonical::split_sealed;
///
/// let parts = split_sealed(br#"{"type": "agent", "hash": "8c71", "signature_pq": "", "id": "x"}"#)?;
/// assert_eq!(parts.content, r#"{"id":"x","type":"agent"}"#);
/// assert_eq!(parts.hash.as_deref(), Some("8c71"));
/// assert_eq!(parts.signed_by, None);
/// # Ok::<(), capsules_core::canonical::CanonicalError>(())
/// ```
///
/// # Errors
///
/// [`CanonicalError::SealedRecord`] when the document is not an object or a key of the seal holds
/// something other than a string or null, and the errors of [`canonicalize`](super::canonicalize).
pub fn split_sealed(document: &[u8]) -> Result<SealedParts, CanonicalError> {
    let mut parts = SealedParts::default();
    let mut seen = Vec::new();
    let mut rewriter = Rewriter::new(document, Numbers::AsWritten)?;
    rewriter.run(|key, value, offset| {
        let field = match key {
            "hash" => &mut parts.hash,
            "signature" => &mut parts.signature,
            "signature_pq" => &mut parts.signature_pq,
            "signed_at" => &mut parts.signed_at,
            "signed_by" => &mut parts.signed_by,
            _ => return Ok(true),
        };
        if seen.iter().any(|seen| seen == key) {
            return Err(duplicate_key(key, offset));
        }
        seen.push(key.to_owned());
        *field = seal_value(key, value)?;
        Ok(false)
    })?;
    let content = rewriter.finish();
    if !content.starts_with('{') {
        return Err(CanonicalError::SealedRecord {
            reason: "expected an object".to_owned(),
        });
    }
    parts.content = content;
    Ok(parts)
}

/// The text of a string in canonical form, or `None` for null.
fn seal_value(key: &str, canonical: &str) -> Result<Option<String>, CanonicalError> {
    if canonical == "null" {
        return Ok(None);
    }
    canonical
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .and_then(|text| String::from_utf8(unescape(text.as_bytes()).collect()).ok())
        .map(Some)
        .ok_or_else(|| CanonicalError::SealedRecord {
            reason: format!("expected a string or null as `{key}`"),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_outermost_keys_belong_to_the_seal() {
        let parts = split_sealed(
            br#"{"signed_by":"k\u00e9y","hash":null,"b":{"hash":"x","c":1.50},"signed_at":"t","a":[{"signature":"y"}]}"#,
        )
        .unwrap();
        assert_eq!(
            parts,
            SealedParts {
                content: r#"{"a":[{"signature":"y"}],"b":{"c":1.50,"hash":"x"}}"#.to_owned(),
                signed_at: Some("t".to_owned()),
                signed_by: Some("kéy".to_owned()),
                ..SealedParts::default()
            }
        );
    }

    #[test]
    fn the_seal_leaves_no_trace_in_the_content() {
        for (document, content) in [
            (r#"{"hash":""}"#, "{}"),
            (r#"{"hash":"","signature":"","a":1}"#, r#"{"a":1}"#),
            (
                r#"{"a":1,"hash":"","b":2,"signed_at":null}"#,
                r#"{"a":1,"b":2}"#,
            ),
            (r#"{"z":1,"hash":"","y":2}"#, r#"{"y":2,"z":1}"#),
        ] {
            assert_eq!(split_sealed(document.as_bytes()).unwrap().content, content);
        }
    }

    #[test]
    fn what_is_not_a_sealed_record_is_refused() {
        for (document, message) in [
            ("[]", "not a sealed record: expected an object"),
            (
                r#"{"hash":1}"#,
                "not a sealed record: expected a string or null as `hash`",
            ),
            (
                r#"{"signed_at":["t"]}"#,
                "not a sealed record: expected a string or null as `signed_at`",
            ),
            (
                r#"{"hash":null,"a":1,"hash":"x"}"#,
                "the key \"hash\" appears again at byte 19; an object's keys must be unique",
            ),
            (
                r#"{"hash":"x"}}"#,
                "not JSON: expected the end of the document, found `}` at byte 12",
            ),
        ] {
            assert_eq!(
                split_sealed(document.as_bytes()).unwrap_err().to_string(),
                message
            );
        }
    }
}
