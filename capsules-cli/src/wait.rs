//! Waiting for something to happen elsewhere, as long as anybody wants to know.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Waits until it is interrupted or nobody reads standard output any more.
#[derive(Debug)]
pub(crate) struct Waiter {
    interrupted: Arc<AtomicBool>,
}

impl Waiter {
    /// From here on the first interrupt is noticed by [`wait`](Self::wait); the second ends the
    /// process, in case that nothing waits.
    pub(crate) fn new() -> Self {
        use signal_hook::consts::{SIGINT, SIGTERM};
        use signal_hook::flag;

        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            let flag = &interrupted;
            let _ = flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(flag));
            let _ = flag::register(signal, Arc::clone(flag));
        }
        Self { interrupted }
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Waits for this long, and says whether to go on.
    pub(crate) fn wait(&self, pause: Duration) -> ControlFlow<()> {
        if self.is_interrupted() || is_unread(pause) || self.is_interrupted() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// Waits for the pause, or until nobody reads standard output any more or a signal comes.
#[cfg(unix)]
fn is_unread(pause: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let stdout = std::io::stdout();
    // Nothing is asked for: the ends of a pipe and of a terminal are told regardless.
    let mut output = [PollFd::new(&stdout, PollFlags::empty())];
    let timeout = Timespec::try_from(pause).ok();
    match poll(&mut output, timeout.as_ref()) {
        Ok(events) => events > 0,
        Err(_) => false,
    }
}

#[cfg(not(unix))]
fn is_unread(pause: Duration) -> bool {
    std::thread::sleep(pause);
    false
}
