//! The corpus of `fuzz/`, and changes of it: what a short run of the fuzzer would try, with the
//! compiler that the other tests use.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use proptest::prelude::*;

/// Runs a target over its corpus, then over so many changes of it.
fn replay(name: &str, changes: u32, target: fn(&[u8])) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let seeds: Vec<Vec<u8>> = fs::read_dir(seeds.join(name))
        .unwrap()
        .map(|seed| fs::read(seed.unwrap().path()).unwrap())
        .collect();
    assert!(!seeds.is_empty());
    for seed in &seeds {
        target(seed);
    }
    proptest!(ProptestConfig::with_cases(changes), |(input in changed(seeds))| target(&input));
}

/// An input of the corpus, of which something was changed.
fn changed(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec(change(&seeds), 1..6);
    (prop::sample::select(seeds), changes).prop_map(|(mut input, changes)| {
        for (change, place) in changes {
            change.apply(&mut input, place);
        }
        input
    })
}

#[derive(Debug, Clone)]
enum Change {
    Cut(usize),
    Insert(Vec<u8>),
    Replace(u8),
    /// A part once more.
    Repeat(usize),
    /// The rest is that of another input.
    Splice(Vec<u8>),
}

impl Change {
    fn apply(self, input: &mut Vec<u8>, place: prop::sample::Index) {
        let size = input.len();
        let at = place.index(size + 1);
        let end = |length: usize| size.min(at + length);
        match self {
            Self::Cut(length) => drop(input.drain(at..end(length))),
            Self::Insert(bytes) => drop(input.splice(at..at, bytes)),
            Self::Replace(by) => input[at..end(1)].fill(by),
            Self::Repeat(length) => input.extend_from_within(at..end(length)),
            Self::Splice(other) => {
                input.truncate(at);
                input.extend(other.iter().skip(at));
            }
        }
    }
}

fn change(seeds: &[Vec<u8>]) -> impl Strategy<Value = (Change, prop::sample::Index)> + use<> {
    // What the readers treat in a way of its own.
    let tokens: &[&[u8]] = &[
        b"\"",
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\\u0000",
        b"\\ud83d",
        b"1e400",
        b"-0",
        b"null",
        b"/",
        b"#",
        b"%",
        b"\n",
        b"\0",
        b"\xff",
        b"\xffcj\xfe",
    ];
    let tokens: Vec<Vec<u8>> = tokens.iter().map(|token| token.to_vec()).collect();
    let change = prop_oneof![
        (1..40_usize).prop_map(Change::Cut),
        prop::sample::select(tokens).prop_map(Change::Insert),
        prop::collection::vec(any::<u8>(), 1..5).prop_map(Change::Insert),
        any::<u8>().prop_map(Change::Replace),
        (1..200_usize).prop_map(Change::Repeat),
        prop::sample::select(seeds.to_vec()).prop_map(Change::Splice),
    ];
    (change, any::<prop::sample::Index>())
}

#[test]
fn canonical() {
    replay("canonical", 2_000, capsules_fuzz_tests::canonical);
}

#[test]
fn document() {
    replay("document", 1_000, capsules_fuzz_tests::document);
}

#[test]
fn import() {
    replay("import", 500, capsules_fuzz_tests::import);
}

#[test]
fn journal() {
    replay("journal", 100, capsules_fuzz_tests::journal);
}

#[test]
fn keyring() {
    replay("keyring", 2_000, capsules_fuzz_tests::keyring);
}

#[test]
fn uri() {
    replay("uri", 5_000, |input| {
        if let Ok(text) = std::str::from_utf8(input) {
            capsules_fuzz_tests::uri(text);
        }
    });
}
