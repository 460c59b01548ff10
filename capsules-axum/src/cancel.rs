//! Work that is no longer wanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use capsules_core::StorageError;

/// Tells long work that nobody waits for it any more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cancel(Option<Arc<AtomicBool>>);

impl Cancel {
    /// Work that is always wanted.
    pub(crate) const fn never() -> Self {
        Self(None)
    }

    /// Work that is wanted until the guard is dropped.
    pub(crate) fn when_dropped() -> (Self, CancelOnDrop) {
        let flag = Arc::new(AtomicBool::new(false));
        (Self(Some(Arc::clone(&flag))), CancelOnDrop(flag))
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        let flag = self.0.as_ref();
        flag.is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// An error for whoever would take what was read until then for everything. Nobody sees it.
    pub(crate) fn check(&self, location: impl FnOnce() -> String) -> Result<(), StorageError> {
        match self.is_cancelled() {
            false => Ok(()),
            true => Err(StorageError::Read {
                location: location(),
                reason: "nobody waits for the answer any more".to_owned(),
            }),
        }
    }
}

/// Cancels when it is dropped.
#[derive(Debug)]
pub(crate) struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
