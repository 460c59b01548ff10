//! Runs every example as a user does. `cargo test` has built them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What each example prints, among other things, in this order.
const EXPECTED: [(&str, &[&str]); 7] = [
    (
        "actions",
        &[
            "Err(\"no letters\")\n",
            "tool word_count      success {\"text\":\"to be or not to be\"}\n",
            "tool letter_count    failure {\"text\":\"\"}\n",
            "workflow import          partial\n",
            "agent examples/examples/actions.rs:",
        ],
    ),
    ("minimal", &["write a haiku: an old silent pond\n"]),
    (
        "own_instance",
        &[
            "here: success 42 None\n",
            "there: failure null Some(\"1 / 0 has no value\")\n",
            "failures there: 1\n",
            "Stats { accepted: 1, committed: 1, waiting: 0, ",
        ],
    ),
    (
        "quickstart",
        &[
            "  workflow review ",
            "    tool read_file Cargo.lock     success ",
            "    agent advise ",
            "      tool read_file deny.toml    failure ",
            "  1. Trigger\n",
            "  2. Context\n",
            "  3. Reasoning\n",
            "     rejected ",
            "  4. Authority\n",
            "  5. Execution\n",
            "read_file: deny.toml: ",
            "find_duplicates: ok\n",
            "  6. Outcome\n",
            "  links         passed ",
            "  content       passed ",
            "  signatures    passed ",
            "  VALID\n",
            " -- verify --signatures --data-dir ",
        ],
    ),
    (
        "service",
        &[
            "200 4\n500 \n",
            "tool lookup acme success 4bf92f3577b34da6a3ce929d0e0e4736\n",
            "agent /ask acme success 4bf92f3577b34da6a3ce929d0e0e4736\n",
            "tool lookup acme failure none\n",
            "agent /ask acme failure none\n",
        ],
    ),
    (
        "testing",
        &[
            "as it should be\n",
            "- was expected and is missing",
            "-      tool book within travel: success\n",
            "+ #0   tool testing::search within #1 testing::travel: failure, \"no flights to Atlantis\"\n",
            "#1   agent testing::travel: success\n",
        ],
    ),
    (
        "verify_offline",
        &[
            "as exported: valid, 3 capsules\n",
            "as forged:   Content hash mismatch at sequence 1\n",
        ],
    ),
];

#[test]
fn every_example_does_what_it_says() {
    for (name, expected) in EXPECTED {
        let data_dir = tempfile::tempdir().unwrap();
        let output = Command::new(executable(name))
            .env("QUANTUMPIPES_DATA_DIR", data_dir.path())
            .output()
            .unwrap_or_else(|error| panic!("{name}: {error}; run `cargo test` to build it"));
        let printed = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {errors}");
        assert_eq!(errors, "", "{name}");
        let mut rest = &*printed;
        for text in expected {
            let (_, after) = rest
                .split_once(text)
                .unwrap_or_else(|| panic!("{name}: no {text:?} in this place of\n{printed}"));
            rest = after;
        }
    }
}

#[test]
fn no_example_is_forgotten() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let entries = fs::read_dir(directory).unwrap();
    let there: BTreeSet<_> = entries
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_owned())
        .collect();
    let tested = EXPECTED.iter().map(|(name, _)| (*name).into()).collect();
    assert_eq!(there, tested);
}

/// Cargo puts examples beside the directory of the tests.
fn executable(name: &str) -> PathBuf {
    let this = env::current_exe().unwrap();
    let built = this.ancestors().nth(2).unwrap().join("examples");
    built.join(name).with_extension(env::consts::EXE_EXTENSION)
}
