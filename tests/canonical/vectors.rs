//! This project's own vectors, made by `tests/vectors/generate.py` with the published package.

use capsules_core::canonical::{Numbers, canonical_capsule, canonicalize};
use capsules_core::{Capsule, sha3_256};
use capsules_tests::python;
use serde::Deserialize;

const VECTORS: &str = include_str!("../vectors/canonical.json");
const GENERATOR: &str = include_str!("../vectors/generate.py");

#[derive(Deserialize)]
struct Vectors {
    documents: Vec<Vector>,
    capsules: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    document: String,
    canonical: String,
    sha3_256: String,
}

impl Vector {
    #[track_caller]
    fn check(&self, canonical: &str) {
        assert_eq!(canonical, self.canonical, "{}", self.name);
        let hash = sha3_256(canonical.as_bytes()).to_string();
        assert_eq!(hash, self.sha3_256, "{}", self.name);
    }
}

fn vectors() -> Vectors {
    serde_json::from_str(VECTORS).unwrap()
}

#[test]
fn documents() {
    let vectors = vectors().documents;
    assert!(vectors.len() >= 60);
    for vector in vectors {
        vector.check(&canonicalize(vector.document.as_bytes(), Numbers::Python).unwrap());
        // What is canonical stays as it is, in every mode that keeps the spelling of numbers.
        vector.check(&canonicalize(vector.canonical.as_bytes(), Numbers::AsWritten).unwrap());
    }
}

#[test]
fn capsules() {
    for vector in vectors().capsules {
        let capsule: Capsule = serde_json::from_str(&vector.document).unwrap();
        vector.check(&canonical_capsule(&capsule).unwrap());
        for numbers in [Numbers::AsWritten, Numbers::FloatTyped, Numbers::Python] {
            vector.check(&canonicalize(vector.canonical.as_bytes(), numbers).unwrap());
        }
    }
}

#[test]
fn the_file_is_what_the_published_package_gives() {
    if python::interpreter().is_none() {
        return;
    }
    let output = python::run::<&str>(GENERATOR, &[], &[]);
    let written = String::from_utf8(output.stdout).unwrap();
    // Windows ends lines differently.
    assert!(
        written.lines().eq(VECTORS.lines()),
        "run tests/vectors/generate.py again"
    );
}
