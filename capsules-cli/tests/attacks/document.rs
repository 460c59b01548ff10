//! `docs/ATTACKS.md` says of each attack what the tests check.

use std::fmt::Write;
use std::{env, fs};

use capsules_core::verify::Level;
use capsules_tests::workspace_root;

use crate::CORPUS;
use crate::attack::{Attack, Python, Verdict};
use crate::evidence::LEVELS;

const INTRODUCTION: &str = "\
# Ways to falsify a chain

Each line is a test: something is done to a chain of six records in a SQLite file, sealed with Ed25519 and ML-DSA-65, and
the library, the command `capsules verify` and the command of the Python package give the verdict that stands here. The
tests write this page (`capsules-cli/tests/attacks`); `docs/THREATS.md` says what follows from it.

- *Found* is the question that fails, the lowest level at which something is found, the capsule by its place from 0, and
  the protocol's code where it has one. The chain is invalid then, exit status 1.
- *Reported*: the question fails, and the chain stays valid, since clocks are set back and keys outlive their epoch honestly.
- *Left open*: the chain is valid, and the question reads as not checked, which it does not for a chain that nobody touched.
- *Checkpoint*: the chain is right in itself. Whoever kept a checkpoint of the one that was there finds it (`--since`).
- *Key*: the keyring was changed as well. Whoever kept the key finds it (`--pubkey`).
- *Nothing*: what was changed is not sealed, as the protocol has it.
- The last column is what `qp-capsule` 1.5.4 says: the same at every level; nothing, at any level; or
  something else, which is that it finds it at another place or level, or ends without an answer.
";

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut number = 0;
    for (title, attacks) in CORPUS {
        let _ = write!(
            page,
            "\n## {title}\n\n| | what is done | verdict | Python |\n|---|---|---|---|\n"
        );
        for attack in *attacks {
            number += 1;
            let (name, verdict) = (attack.name, verdict(attack));
            let python = match attack.python {
                Python::Same => "same",
                Python::Misses => "nothing",
                Python::Differs => "other",
            };
            let _ = writeln!(page, "| {number} | {name} | {verdict} | {python} |");
        }
    }
    page
}

fn verdict(attack: &Attack) -> String {
    match attack.verdict {
        Verdict::Fails(_) => found(attack),
        Verdict::Reported(check, place) => format!("reported: {check} at {place}"),
        Verdict::Open(check) => format!("left open: {check}"),
        Verdict::Checkpoint(check) => format!("checkpoint: {check}"),
        Verdict::Key(place) => format!("key: signatures at {place}"),
        Verdict::Unseen(why) => format!("nothing: {why}"),
    }
}

/// What is found at each level, the ones that find the same as the one before left out.
fn found(attack: &Attack) -> String {
    let mut parts = Vec::new();
    let mut before = None;
    for level in LEVELS {
        let found = attack.verdict.failure(level);
        if let Some(failure) = found.filter(|_| found != before) {
            let code = failure
                .code
                .map_or_else(String::new, |code| format!(", `{}`", code.as_str()));
            parts.push(format!(
                "`{level}`: {} at {}{code}",
                failure.check, failure.place
            ));
        }
        before = found;
    }
    debug_assert!(attack.verdict.failure(Level::Signatures).is_some());
    format!("found, {}", parts.join("; "))
}

#[test]
fn the_page_is_what_the_tests_check() {
    let path = workspace_root().join("docs/ATTACKS.md");
    let page = page();
    if env::var_os("CAPSULES_UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/ATTACKS.md is not up to date; CAPSULES_UPDATE_DOCS=1 in the environment of this test \
         writes it"
    );
}
