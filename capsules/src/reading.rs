//! Code of the user's that runs for the record alone, such as the `Display` of an argument.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::Result;

thread_local! {
    static READING: Cell<bool> = const { Cell::new(false) };
}

/// Runs code of the user's that the program itself has not called. A panic in it is the record's and
/// not the program's, and nothing is recorded of what it calls: else a `Debug` that calls an audited
/// function, of whose result it is a part, would call itself without end.
pub(crate) fn reading<R>(read: impl FnOnce() -> R) -> Result<R> {
    let _marked = Marked {
        before: READING.try_with(|reading| reading.replace(true)).ok(),
    };
    catch_unwind(AssertUnwindSafe(read))
}

/// Whether this thread runs such code.
pub(crate) fn is_reading() -> bool {
    READING.try_with(Cell::get).unwrap_or(false)
}

/// Takes the mark back.
struct Marked {
    before: Option<bool>,
}

impl Drop for Marked {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            // The thread has its mark until it ends.
            let _ = READING.try_with(|reading| reading.set(before));
        }
    }
}
