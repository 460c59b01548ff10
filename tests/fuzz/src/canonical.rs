//! Canonical JSON: of any text, and of a capsule against its document.

use capsules_core::Capsule;
use capsules_core::canonical::{Numbers, canonical_capsule, canonicalize};
use serde_json::Value;

use crate::is_read_exactly;

/// Canonical JSON of any text, and of a capsule.
pub fn canonical(text: &[u8]) {
    for numbers in [Numbers::AsWritten, Numbers::FloatTyped, Numbers::Python] {
        let Ok(canonical) = canonicalize(text, numbers) else {
            continue;
        };
        let again = canonicalize(canonical.as_bytes(), numbers);
        assert_eq!(again.as_deref(), Ok(&*canonical), "not idempotent");
        same_value(text, &canonical, numbers);
    }
    if let Ok(capsule) = serde_json::from_slice::<Capsule>(text) {
        typed_is_document(&capsule);
    }
}

/// What we accept another parser accepts too, and reads the same from both texts. It has limits of
/// its own: the depth of nesting, and numbers beyond a double.
fn same_value(text: &[u8], canonical: &str, numbers: Numbers) {
    let (before, after) = (
        serde_json::from_slice(text),
        serde_json::from_str(canonical),
    );
    match (before, after) {
        (Ok::<Value, _>(before), Ok::<Value, _>(after)) => {
            if numbers == Numbers::AsWritten {
                assert_eq!(before, after, "another value");
            }
        }
        (Err(error), _) | (_, Err(error)) => {
            let reason = error.to_string();
            assert!(
                reason.contains("recursion limit") || reason.contains("out of range"),
                "accepted, and not JSON: {reason}"
            );
        }
    }
}

/// The text that is written from the typed record is the canonical form of itself.
fn typed_is_document(capsule: &Capsule) {
    let Ok(text) = canonical_capsule(capsule) else {
        return;
    };
    for numbers in [Numbers::AsWritten, Numbers::FloatTyped, Numbers::Python] {
        assert_eq!(
            canonicalize(text.as_bytes(), numbers).as_deref(),
            Ok(&*text),
            "the typed text is not canonical"
        );
    }
    if !is_read_exactly(&text) {
        return;
    }
    let read: Capsule = serde_json::from_str(&text).expect("a capsule reads what it wrote");
    assert_eq!(canonical_capsule(&read).as_deref(), Ok(&*text));
}
