//! Capsules that are ready to be sealed.

use uuid::Uuid;

use crate::canonical::{
    CanonicalError, Place, TYPICAL_SIZE, write_content, write_integer, write_optional,
};
use crate::capsule::{Capsule, CapsuleType};
use crate::chain::Position;
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
