//! What appends have left to do, beside further ones.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use capsules_core::Storage;

use super::shared::Shared;
use super::spawn;
use crate::error::Error;

/// What is to be tidied.
#[derive(Debug, Clone, Copy)]
pub(super) enum Task {
    Store,
    Journal,
}

/// Starts the thread that does what it is told, and ends when its sender is dropped.
pub(super) fn start(
    storage: Arc<dyn Storage>,
    shared: Arc<Shared>,
) -> Result<SyncSender<Task>, Error> {
    let (wake, woken) = sync_channel(1);
    spawn("capsules-tidy", move || {
        let mut failing = false;
        while let Ok(task) = woken.recv() {
            match task {
                Task::Store => failing = tidy(&*storage, failing),
                Task::Journal => {
                    if let Some(journal) = shared.journal.get() {
                        // It is tried again, and reported, when the segment is needed.
                        let _ = journal.prepare();
                    }
                }
            }
        }
    })?;
    Ok(wake)
}

/// Whether it failed, which is said once.
fn tidy(storage: &dyn Storage, failing: bool) -> bool {
    // The store is the application's to choose; a panic of its is a failure.
    let tidy = AssertUnwindSafe(|| storage.tidy().map_err(Error::from));
    let tidied = catch_unwind(tidy).unwrap_or(Err(Error::Panicked));
    if let Err(error) = &tidied
        && !failing
    {
        tracing::warn!(target: "capsules", %error, "the capsule store could not be tidied");
    }
    tidied.is_err()
}
