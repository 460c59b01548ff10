//! What must hold for any input: a function for each reader of bytes that somebody else may have
//! written. It panics where something does not hold.
//!
//! `fuzz/` calls them with inputs that libFuzzer looks for, and the tests with the corpus that is
//! kept there and with changes of it.
#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "a panic is the finding"
)]

mod canonical;
mod document;
mod import;
mod journal;
mod keyring;
mod uri;

pub use canonical::canonical;
pub use document::document;
pub use import::import;
pub use journal::journal;
pub use keyring::keyring;
pub use uri::uri;

use capsules_core::canonical::{Numbers, canonicalize};

/// Whether `serde_json` reads every number as it is written. Some it reads as the double beside it,
/// unless its feature `float_roundtrip` is on, which is not ours to choose for a whole build.
fn is_read_exactly(text: &str) -> bool {
    let read: serde_json::Value = serde_json::from_str(text).expect("it is JSON");
    let canonical = |text: &str| canonicalize(text.as_bytes(), Numbers::Python);
    canonical(&read.to_string()) == canonical(text)
}
