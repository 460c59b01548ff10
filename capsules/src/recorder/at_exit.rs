//! The end of threads, and with the main one of the process.

use std::cell::RefCell;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Recorder;

/// How long a thread that ends waits for what it recorded.
const TIMEOUT: Duration = Duration::from_secs(10);

thread_local! {
    static RECORDED_TO: AtExit = const { AtExit(RefCell::new(Vec::new())) };
}

/// The recorders that a thread has recorded to. When the thread ends it waits until they have
/// committed what it gave them, so that a program that simply returns from `main` finds its
/// capsules in the store. What is not committed in time stays in the journal.
pub(super) struct AtExit(RefCell<Vec<Weak<Recorder>>>);

impl AtExit {
    /// Makes this thread wait for the recorder when it ends.
    pub(super) fn wait_for(recorder: &Arc<Recorder>) {
        // A thread that records while its destructors run waits for nothing any more.
        let _ = RECORDED_TO.try_with(|Self(recorders)| {
            let mut recorders = recorders.borrow_mut();
            if !recorders
                .iter()
                .any(|known| known.as_ptr() == Arc::as_ptr(recorder))
            {
                recorders.retain(|known| known.strong_count() > 0);
                recorders.push(Arc::downgrade(recorder));
            }
        });
    }
}

impl Drop for AtExit {
    fn drop(&mut self) {
        for recorder in self.0.take() {
            if let Some(recorder) = recorder.upgrade() {
                // What could not be committed in time is in the journal.
                let _ = recorder.flush_within(TIMEOUT);
            }
        }
    }
}
