//! `capsule://` URIs have one spelling each.

use capsules_core::uri::{CapsuleUri, Reference};

/// A `capsule://` URI.
pub fn uri(text: &str) {
    let Ok(uri) = text.parse::<CapsuleUri>() else {
        return;
    };
    assert_eq!(uri.to_string().parse().as_ref(), Ok(&uri));
    if !matches!(uri.reference(), Reference::Id(_)) {
        assert_eq!(uri.to_string(), text);
    }
    if let Reference::Hash(hash) = uri.reference() {
        assert!(hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()));
    }
    assert!(serde_json::to_value(&uri).is_ok());
}
