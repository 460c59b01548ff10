//! Tidying the store beside the appends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use capsules_core::Storage;

use super::spawn;
use crate::error::Error;

/// Starts the thread that tidies the store whenever it is told to, and ends when its sender is
/// dropped.
pub(super) fn start(storage: Arc<dyn Storage>) -> Result<SyncSender<()>, Error> {
    let (wake, woken) = sync_channel(1);
    spawn("capsules-tidy", move || {
        let mut failing = false;
        while woken.recv().is_ok() {
            // The store is the application's to choose; a panic of its is a failure.
            let tidy = AssertUnwindSafe(|| storage.tidy().map_err(Error::from));
            let tidied = catch_unwind(tidy).unwrap_or(Err(Error::Panicked));
            if let Err(error) = &tidied
                && !failing
            {
                tracing::warn!(target: "capsules", %error, "the capsule store could not be tidied");
            }
            failing = tidied.is_err();
        }
    })?;
    Ok(wake)
}
