//! The journal: accepted capsules on file before they are in the store.
//!
//! A caller's capsule is written to a file beside the store and then queued in memory. When the
//! process dies, what it had accepted is in that file, and whoever opens the store next recovers
//! it. Nothing is synced: the journal survives the death of the process, not that of the machine.
//!
//! Every process writes a journal of its own, as one or more segment files in the directory
//! [`directory_for`] names. The writer holds an advisory lock on each of them, so that *the owner
//! is dead* and *the lock is free* are the same thing. The invariants:
//!
//! - A segment gets its final name after it is locked, so a segment that recovery can see
//!   and lock has no living owner.
//! - A segment is deleted when every capsule in it is committed and every start in it whose action
//!   has not ended was copied to a later segment; oldest first. Recovery therefore never meets a
//!   start whose end has been deleted.
//! - Nothing is written after bytes of a failed write: they are cut off first, or the segment is
//!   given up.
//!
//! `docs/FORMAT.md` describes the bytes.

mod claim;
mod disk;
mod entry;
mod error;
mod recovery;
mod scan;
mod segment;
mod spare;
mod state;
mod survey;
#[cfg(test)]
mod tests;
mod waiting;
mod watermark;
mod writer;

use std::path::{Path, PathBuf};

pub(crate) use error::RecoverError;
pub(crate) use recovery::{Recovered, Recovery, recover};
pub use waiting::WaitingJournal;
pub(crate) use waiting::waiting;
pub(crate) use watermark::Receipt;
pub(crate) use writer::Journal;

/// The directory of the journals of the store at this path: `audit.db.journals` for `audit.db`.
///
/// Symbolic links are followed, so that everybody who opens one store finds the same journals;
/// the store has to exist for that.
pub(crate) fn directory_for(store: &Path) -> PathBuf {
    let mut name = store
        .canonicalize()
        .or_else(|_| std::path::absolute(store))
        .unwrap_or_else(|_| store.to_owned())
        .into_os_string();
    name.push(".journals");
    name.into()
}
