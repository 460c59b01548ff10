//! The published golden vectors of the protocol.

use capsules_core::canonical::{Numbers, canonical_capsule, canonicalize};
use capsules_core::{Capsule, sha3_256};
use capsules_tests::conformance;

#[test]
fn published_vectors() {
    let Some(document) = conformance::load("fixtures.json") else {
        return;
    };
    let vectors = document["fixtures"].as_array().unwrap();
    assert_eq!(vectors.len(), 16);
    for vector in vectors {
        let name = vector["name"].as_str().unwrap();
        let expected = vector["canonical_json"].as_str().unwrap();
        let hash = vector["sha3_256_hash"].as_str().unwrap();

        let capsule: Capsule = serde_json::from_value(vector["capsule_dict"].clone()).unwrap();
        let typed = canonical_capsule(&capsule).unwrap();
        assert_eq!(typed, expected, "{name}: from the typed capsule");
        assert_eq!(sha3_256(typed.as_bytes()).to_string(), hash, "{name}");

        let stored = serde_json::to_string_pretty(&vector["capsule_dict"]).unwrap();
        for numbers in [Numbers::AsWritten, Numbers::FloatTyped, Numbers::Python] {
            let rewritten = canonicalize(stored.as_bytes(), numbers).unwrap();
            assert_eq!(
                rewritten, expected,
                "{name}: from the document, {numbers:?}"
            );
        }
    }
}
