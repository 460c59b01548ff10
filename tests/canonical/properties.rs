//! Properties that hold of any document and any capsule. `CAPSULES_PROPERTY_CASES` says how many
//! are tried.

use capsules_core::canonical::{Numbers, canonical_capsule, canonicalize};
use capsules_core::{Draft, Position, sha3_256};
use capsules_tests::python;

use crate::peer::{Question, ask};
use crate::random::{Random, cases, seed};
use crate::{documents, records};

#[test]
fn documents_are_rewritten_as_python_does() {
    if python::interpreter().is_none() {
        return;
    }
    let (seed, cases) = (seed(), cases());
    let (mut accepted, mut refused) = (0, 0);
    ask(
        repeat(seed, cases, |random| Question {
            kind: "document",
            document: documents::document(random),
        }),
        |question, answer| {
            let canonical = canonicalize(question.document.as_bytes(), Numbers::Python);
            match (&canonical, &answer) {
                (Ok(canonical), Some((expected, hash))) => {
                    assert_eq!(canonical, expected, "seed {seed}: {:?}", question.document);
                    assert_eq!(&sha3_256(canonical.as_bytes()).to_string(), hash);
                    accepted += 1;
                }
                (Err(_), None) => refused += 1,
                _ => panic!(
                    "seed {seed}: {:?}\nhere: {canonical:?}\nPython: {answer:?}",
                    question.document
                ),
            }
        },
    );
    assert_eq!(accepted + refused, cases);
    assert!(
        accepted > refused,
        "seed {seed}: of {cases} documents only {accepted} were JSON"
    );
    assert!(
        refused > cases / 20,
        "seed {seed}: of {cases} documents only {refused} were refused"
    );
}

#[test]
fn capsules_are_written_as_python_does() {
    if python::interpreter().is_none() {
        return;
    }
    let (seed, cases) = (seed(), cases() / 10);
    let mut capsules = repeat(seed, cases, records::capsule);
    ask(
        repeat(seed, cases, |random| Question {
            kind: "capsule",
            document: serde_json::to_string(&records::capsule(random)).unwrap(),
        }),
        |question, answer| {
            let canonical = canonical_capsule(&capsules.next().unwrap()).unwrap();
            let (expected, hash) = answer.unwrap();
            assert_eq!(canonical, expected, "seed {seed}: {:?}", question.document);
            assert_eq!(sha3_256(canonical.as_bytes()).to_string(), hash);
        },
    );
}

#[test]
fn both_ways_to_a_capsules_canonical_form_agree() {
    let seed = seed();
    for mut capsule in repeat(seed, cases(), records::capsule) {
        // The document has no model that derives one from the other.
        let reasoning = &mut capsule.reasoning;
        reasoning.options_considered = reasoning
            .options
            .iter()
            .map(|option| option.description.clone())
            .collect();

        let typed = canonical_capsule(&capsule).unwrap();
        let document = serde_json::to_string_pretty(&capsule).unwrap();
        let rewritten = canonicalize(document.as_bytes(), Numbers::Python);
        assert_eq!(rewritten.as_ref(), Ok(&typed), "seed {seed}");
        let again = canonicalize(typed.as_bytes(), Numbers::AsWritten);
        assert_eq!(again.as_ref(), Ok(&typed), "seed {seed}");
    }
}

#[test]
fn a_linked_draft_is_the_linked_capsule() {
    let seed = seed();
    for capsule in repeat(seed, cases(), records::capsule) {
        let position = Position {
            sequence: capsule.sequence,
            previous_hash: capsule.previous_hash.clone(),
        };
        let linked = Draft::new(&capsule).unwrap().link(&position);
        assert_eq!(linked, canonical_capsule(&capsule).unwrap(), "seed {seed}");
    }
}

/// The values that `make` gives for a seed.
fn repeat<T>(
    seed: u64,
    cases: usize,
    make: impl Fn(&mut Random) -> T + Clone,
) -> impl Iterator<Item = T> + Clone {
    let random = Random::new(seed);
    std::iter::repeat_n((), cases).scan(random, move |random, ()| Some(make(random)))
}
