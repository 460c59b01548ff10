//! Ways to falsify a chain, each with the verdict that it gets: from the library, from the command
//! and from the command of the Python implementation. `docs/ATTACKS.md` lists them.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod accepted;
mod attack;
mod checked;
mod columns;
mod contents;
mod document;
mod evidence;
mod history;
mod order;
mod seals;
mod splices;
mod times;

use crate::attack::Attack;

/// Every attack, by what it aims at.
const CORPUS: &[(&str, &[Attack])] = &[
    ("Contents", contents::ATTACKS),
    ("Order", order::ATTACKS),
    ("Parts from elsewhere", splices::ATTACKS),
    ("Signatures and keys", seals::ATTACKS),
    ("Columns and tenants", columns::ATTACKS),
    ("Times and names of keys", times::ATTACKS),
    ("Whole chains", history::ATTACKS),
];

fn attacks() -> impl Iterator<Item = &'static Attack> {
    CORPUS.iter().flat_map(|(_, attacks)| attacks.iter())
}
