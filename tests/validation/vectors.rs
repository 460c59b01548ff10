//! The published vectors of invalid documents and of URIs.

use capsules_core::canonical::{Numbers, canonicalize};
use capsules_core::uri::CapsuleUri;
use capsules_core::validate::{Options, validate};
use capsules_tests::conformance;
use serde_json::Value;

#[test]
fn invalid_documents_are_refused_for_their_reason() {
    let Some(vectors) = conformance::load("invalid-fixtures.json") else {
        return;
    };
    let vectors = vectors["fixtures"].as_array().unwrap();
    assert_eq!(vectors.len(), 16);
    for vector in vectors {
        let document = vector["capsule_dict"].to_string();
        let options = Options {
            claimed_hash: vector["claimed_hash"].as_str(),
            strict: false,
        };
        let violation = validate(document.as_bytes(), options).unwrap_err();
        assert_eq!(
            violation.category.as_str(),
            vector["expected_error"],
            "{vector}"
        );
        assert_eq!(violation.field, vector["error_field"], "{vector}");
    }
}

#[test]
fn golden_documents_are_valid_and_have_their_hash() {
    let Some(vectors) = conformance::load("fixtures.json") else {
        return;
    };
    let vectors = vectors["fixtures"].as_array().unwrap();
    assert_eq!(vectors.len(), 16);
    for vector in vectors {
        let document = vector["canonical_json"].as_str().unwrap();
        let options = Options {
            claimed_hash: vector["sha3_256_hash"].as_str(),
            strict: true,
        };
        assert!(options.claimed_hash.is_some(), "{vector}");
        assert_eq!(validate(document.as_bytes(), options), Ok(()), "{vector}");
        let formatted = format!("\n{}", document.replacen("{\"", "{ \"", 3));
        assert_eq!(
            canonicalize(formatted.as_bytes(), Numbers::AsWritten).unwrap(),
            document
        );
        assert_eq!(validate(formatted.as_bytes(), options), Ok(()), "{vector}");
    }
}

#[test]
fn uris_have_their_parts_or_are_refused() {
    let Some(vectors) = conformance::load("uri-fixtures.json") else {
        return;
    };
    let (valid, invalid) = (
        vectors["valid"].as_array().unwrap(),
        vectors["invalid"].as_array().unwrap(),
    );
    assert_eq!((valid.len(), invalid.len()), (10, 11));
    for vector in valid {
        let text = vector["uri"].as_str().unwrap();
        let uri: CapsuleUri = text.parse().unwrap();
        let parts: Value = serde_json::to_value(&uri).unwrap();
        assert_eq!(parts, vector["expected"], "{text}");
        assert_eq!(uri.to_string(), text);
    }
    for vector in invalid {
        let text = vector["uri"].as_str().unwrap();
        assert!(text.parse::<CapsuleUri>().is_err(), "{vector}");
    }
}
