//! Answers that are awaited or waited for.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::error::Error;

/// An answer that is on its way: `.await` it in asynchronous code, [`wait`](Self::wait) for it
/// elsewhere. The work goes on when the reply is dropped.
///
/// Needs no runtime, and any runtime will do.
#[derive(Debug)]
#[must_use = "await the reply, or call `.wait()`"]
pub struct Reply<T> {
    receiver: oneshot::Receiver<Result<T, Error>>,
}

/// Gives the answer of a [`Reply`]. Dropped without one, the reply is [`Error::Closed`].
pub(crate) type Answer<T> = oneshot::Sender<Result<T, Error>>;

impl<T> Reply<T> {
    pub(crate) fn new() -> (Answer<T>, Self) {
        let (answer, receiver) = oneshot::channel();
        (answer, Self { receiver })
    }

    pub(crate) fn ready(result: Result<T, Error>) -> Self {
        let (answer, reply) = Self::new();
        // The receiver is alive: it is in `reply`.
        let _ = answer.send(result);
        reply
    }

    /// Blocks the thread until the answer is there.
    ///
    /// # Errors
    ///
    /// The error of the operation, or [`Error::Closed`] when the instance ended first.
    pub fn wait(self) -> Result<T, Error> {
        block_on(self, None).unwrap_or(Err(Error::Closed))
    }

    /// Blocks the thread until the answer is there or the time has passed.
    pub(crate) fn wait_timeout(self, timeout: Duration) -> Option<Result<T, Error>> {
        block_on(self, Some(Instant::now() + timeout))
    }
}

impl<T> Future for Reply<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver)
            .poll(context)
            .map(|answer| answer.unwrap_or(Err(Error::Closed)))
    }
}

/// Unparks the waiting thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread, until the deadline. Unlike a runtime's own it works inside of
/// any runtime.
fn block_on<F: Future + Unpin>(mut future: F, deadline: Option<Instant>) -> Option<F::Output> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = Pin::new(&mut future).poll(&mut context) {
            return Some(output);
        }
        match deadline {
            None => thread::park(),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return None;
                }
                thread::park_timeout(left);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_another_thread() {
        let (answer, reply) = Reply::new();
        let other = thread::spawn(move || {
            thread::sleep(Duration::from_millis(10));
            answer.send(Ok(7)).unwrap();
        });
        assert_eq!(reply.wait().unwrap(), 7);
        other.join().unwrap();
    }

    #[test]
    fn a_lost_answer_is_an_error() {
        let (answer, reply) = Reply::<()>::new();
        drop(answer);
        assert!(matches!(reply.wait(), Err(Error::Closed)));
    }

    #[test]
    fn the_deadline_ends_the_wait() {
        let (_answer, reply) = Reply::<()>::new();
        assert!(reply.wait_timeout(Duration::from_millis(5)).is_none());
    }
}
