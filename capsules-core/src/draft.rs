//! Capsules that are ready to be sealed.

use std::borrow::Cow;

use uuid::Uuid;

use crate::canonical::{
    CanonicalError, Numbers, Place, TYPICAL_SIZE, canonicalize, write_content, write_integer,
    write_optional,
};
use crate::capsule::{Capsule, CapsuleType};
use crate::chain::Position;
use crate::header::Header;
use crate::json::{Object, Value};
use crate::record::Columns;

/// A capsule that is ready to be sealed: its canonical text with the place in the chain left
/// open, and the columns that a store keeps beside it.
///
/// Making a draft is the last step on the caller's thread; it is one buffer instead of a
/// structure of strings.
///
/// ```
/// use capsules_core::{Capsule, CapsuleType, Draft, Head, Position};
///
/// let draft = Draft::new(&Capsule::new(CapsuleType::Tool))?;
/// let head = Head { sequence: 4, hash: "ab".repeat(32) };
/// let content = draft.link(&Position::after(Some(&head)));
/// assert!(content.contains(r#""sequence":5,"#));
/// # Ok::<(), capsules_core::canonical::CanonicalError>(())
/// ```
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

/// A text is not a draft's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the text of a draft: {reason}")]
pub struct MalformedDraft {
    /// What is wrong with it.
    pub reason: String,
}

/// What `text` holds at the two places.
const OPEN_PREVIOUS_HASH: &str = "null";
const OPEN_SEQUENCE: &str = "0";

impl Draft {
    /// Writes the capsule's canonical text. Its `sequence` and `previous_hash` are ignored.
    ///
    /// # Errors
    ///
    /// [`CanonicalError::NotFinite`] when a confidence or feasibility is NaN or infinite.
    pub fn new(capsule: &Capsule) -> Result<Self, CanonicalError> {
        let mut text = String::with_capacity(TYPICAL_SIZE);
        let open = Place {
            sequence: 0,
            previous_hash: None,
        };
        let offsets = write_content(capsule, &open, &mut text)?;
        Ok(Self {
            id: capsule.id,
            kind: capsule.kind,
            domain: capsule.domain.clone(),
            session_id: capsule.context.session_id.clone(),
            tenant_id: capsule.tenant_id().map(str::to_owned),
            text,
            previous_hash_at: offsets.previous_hash,
            sequence_at: offsets.sequence,
        })
    }

    /// Takes up a draft again from its [`text`](Self::text), for instance from a journal.
    ///
    /// # Errors
    ///
    /// [`MalformedDraft`] when the text is not one that a draft has given.
    pub fn from_text(text: String) -> Result<Self, MalformedDraft> {
        let malformed = |reason: &str| MalformedDraft {
            reason: reason.to_owned(),
        };
        let document = Object::parse(&text).map_err(|error| malformed(&error.to_string()))?;
        let open = |key: &str, value: &str| {
            let found = document
                .get(key)
                .map(Value::text)
                .filter(|text| *text == value);
            // The value is a part of the text.
            found.map(|found| found.as_ptr().addr() - text.as_ptr().addr())
        };
        let previous_hash_at = open("previous_hash", OPEN_PREVIOUS_HASH)
            .ok_or_else(|| malformed("its `previous_hash` is not null"))?;
        let sequence_at =
            open("sequence", OPEN_SEQUENCE).ok_or_else(|| malformed("its `sequence` is not 0"))?;
        // The text is hashed as it is; a verifier hashes its canonical form.
        if canonicalize(text.as_bytes(), Numbers::AsWritten).as_deref() != Ok(&*text) {
            return Err(malformed("it is not canonical"));
        }
        let header = Header::of(&document).map_err(|error| malformed(&error.to_string()))?;
        let id = header.id.and_then(|id| id.parse().ok());
        let id = id.ok_or_else(|| malformed("its `id` is not a UUID"))?;
        let kind = header.kind.and_then(|kind| kind.parse().ok());
        let kind = kind.ok_or_else(|| malformed("its `type` is unknown"))?;
        let domain = header.domain.map(Cow::into_owned);
        let domain = domain.ok_or_else(|| malformed("it has no `domain`"))?;
        let session_id = header.session_id.map(Cow::into_owned);
        let tenant_id = header.tenant_id.map(Cow::into_owned);
        Ok(Self {
            id,
            kind,
            domain,
            session_id,
            tenant_id,
            text,
            previous_hash_at,
            sequence_at,
        })
    }

    /// The canonical content with `previous_hash` null and `sequence` 0.
    pub fn text(&self) -> &str {
        &self.text
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
    pub fn link(&self, position: &Position) -> String {
        let (before, rest) = self.text.split_at(self.previous_hash_at);
        let (between, after) = rest.split_at(self.sequence_at - self.previous_hash_at);
        let mut content = String::with_capacity(self.text.len() + LINK_SIZE);
        content.push_str(before);
        write_optional(position.previous_hash.as_deref(), &mut content);
        content.push_str(&between[OPEN_PREVIOUS_HASH.len()..]);
        write_integer(position.sequence, &mut content);
        content.push_str(&after[OPEN_SEQUENCE.len()..]);
        content
    }

    /// What a store keeps beside the content at this place in a chain.
    pub fn columns(&self, position: &Position) -> Columns {
        Columns {
            id: self.id.to_string(),
            kind: self.kind.as_str().to_owned(),
            // No chain is that long.
            sequence: i64::try_from(position.sequence).unwrap_or(i64::MAX),
            previous_hash: position.previous_hash.clone(),
            session_id: self.session_id.clone(),
            tenant_id: self.tenant_id.clone(),
            domain: Some(self.domain.clone()),
        }
    }
}

/// The most that a link adds to the text: a hash in quotes and a sequence of 20 digits.
const LINK_SIZE: usize = 66 + 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::canonical_capsule;
    use crate::chain::Head;

    #[test]
    fn a_text_gives_its_draft_back() {
        let mut capsule = Capsule::new(CapsuleType::Chat);
        capsule.set_tenant_id(Some("acme"));
        capsule.context.session_id = Some("s".to_owned());
        capsule
            .context
            .environment
            .insert("previous_hash".to_owned(), serde_json::Value::Null);
        let draft = Draft::new(&capsule).unwrap();
        assert_eq!(Draft::from_text(draft.text().to_owned()), Ok(draft.clone()));
        let linked = draft.link(&Position {
            sequence: 1,
            previous_hash: None,
        });
        let unsorted = draft
            .text()
            .replace(r#""metrics":{}"#, r#""z":1,"metrics":{}"#);
        let spaced = draft.text().replace(',', ", ");
        for text in ["", "{}", "[]", &linked, &unsorted, &spaced] {
            assert!(Draft::from_text(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn linking_equals_writing_the_linked_capsule() {
        let mut capsule = Capsule::new(CapsuleType::Workflow);
        // Text that looks like the open places.
        capsule.reasoning.analysis = r#""previous_hash":null,"sequence":0"#.to_owned();
        capsule.set_tenant_id(Some("acme"));
        let draft = Draft::new(&capsule).unwrap();
        for head in [
            None,
            Some(Head {
                sequence: 0,
                hash: "0f".repeat(32),
            }),
            Some(Head {
                sequence: u64::MAX - 1,
                hash: "ab".repeat(32),
            }),
        ] {
            let position = Position::after(head.as_ref());
            capsule.sequence = position.sequence;
            capsule.previous_hash.clone_from(&position.previous_hash);
            let content = draft.link(&position);
            assert_eq!(content, canonical_capsule(&capsule).unwrap());
            assert!(
                content.capacity() <= draft.text.len() + LINK_SIZE,
                "grew while linking"
            );
        }
    }

    #[test]
    fn a_draft_ignores_the_place_that_the_capsule_names() {
        let mut capsule = Capsule::new(CapsuleType::Tool);
        let unplaced = Draft::new(&capsule).unwrap();
        capsule.sequence = 7;
        capsule.previous_hash = Some("ab".repeat(32));
        assert_eq!(Draft::new(&capsule).unwrap(), unplaced);
    }

    #[test]
    fn columns_follow_the_content() {
        let mut capsule = Capsule::new(CapsuleType::Tool);
        capsule.context.session_id = Some("session-abc".to_owned());
        capsule.set_tenant_id(Some("acme"));
        let head = Head {
            sequence: 1,
            hash: "ab".repeat(32),
        };
        let columns = Draft::new(&capsule)
            .unwrap()
            .columns(&Position::after(Some(&head)));
        assert_eq!(
            columns,
            Columns {
                id: capsule.id.to_string(),
                kind: "tool".to_owned(),
                sequence: 2,
                previous_hash: Some("ab".repeat(32)),
                session_id: Some("session-abc".to_owned()),
                tenant_id: Some("acme".to_owned()),
                domain: Some("agents".to_owned()),
            }
        );
    }
}
