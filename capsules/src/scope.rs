//! What the running task has bound: the active capsule and the instance.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::active::Active;
use crate::recorder::Recorder;

/// What the running task has bound.
#[derive(Clone, Default)]
pub(crate) struct Scope {
    /// The capsule of the innermost audited call.
    pub(crate) active: Option<Arc<Active>>,
    /// The instance that audited calls record to instead of the process's default.
    pub(crate) recorder: Option<Arc<Recorder>>,
}

thread_local! {
    static SCOPE: RefCell<Scope> = const { RefCell::new(Scope { active: None, recorder: None }) };
}

impl Scope {
    /// The scope of the running task; empty while the thread ends.
    pub(crate) fn current() -> Self {
        SCOPE
            .try_with(|scope| scope.borrow().clone())
            .unwrap_or_default()
    }

    /// Runs the closure in this scope.
    pub(crate) fn run<R>(&self, run: impl FnOnce() -> R) -> R {
        let _entered = self.clone().enter();
        run()
    }

    /// Makes this the running task's scope until the guard is dropped.
    pub(crate) fn enter(self) -> Entered {
        Entered {
            previous: replace(self),
        }
    }

    /// Exchanges this and the running task's scope until the guard is dropped. No reference is
    /// counted, so a poll costs two moves.
    fn exchange(&mut self) -> Exchanged<'_> {
        swap(self);
        Exchanged(self)
    }
}

/// Restores the scope before, also when the thread unwinds.
pub(crate) struct Entered {
    previous: Scope,
}

impl Drop for Entered {
    fn drop(&mut self) {
        drop(replace(std::mem::take(&mut self.previous)));
    }
}

/// Exchanges the scopes back, also when the thread unwinds.
struct Exchanged<'a>(&'a mut Scope);

impl Drop for Exchanged<'_> {
    fn drop(&mut self) {
        swap(self.0);
    }
}

/// Exchanges the thread's scope with this one; while the thread ends neither changes.
fn swap(scope: &mut Scope) {
    // On an error there is nothing to exchange, on the way back as on the way there.
    let _ = SCOPE.try_with(|current| std::mem::swap(&mut *current.borrow_mut(), scope));
}

/// Sets the thread's scope and gives the one before. The old one is dropped by the caller, after
/// the borrow has ended: its drop may run code that asks for the scope.
fn replace(scope: Scope) -> Scope {
    SCOPE
        .try_with(|current| current.replace(scope))
        .unwrap_or_default()
}

pin_project! {
    /// A future or stream that is bound to a capsule or an instance: each poll, and the drop, sees
    /// them, and what the thread had bound is restored after it.
    #[must_use = "futures and streams do nothing unless polled"]
    pub struct Scoped<F> {
        // Without one the thread's own stays.
        scope: Option<Scope>,
        // Empty only while and after the drop, so that the value is dropped in its scope.
        #[pin]
        inner: Option<F>,
    }

    impl<F> PinnedDrop for Scoped<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = this.scope.take().map(Scope::enter);
            this.inner.set(None);
        }
    }
}

impl<F> Scoped<F> {
    pub(crate) fn new(scope: Option<Scope>, inner: F) -> Self {
        Self {
            scope,
            inner: Some(inner),
        }
    }

    pub(crate) fn get_ref(&self) -> Option<&F> {
        self.inner.as_ref()
    }
}

impl<F> fmt::Debug for Scoped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").finish_non_exhaustive()
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _exchanged = this.scope.as_mut().map(Scope::exchange);
        match this.inner.as_pin_mut() {
            Some(future) => future.poll(context),
            None => Poll::Pending,
        }
    }
}

impl<S: Stream> Stream for Scoped<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let _exchanged = this.scope.as_mut().map(Scope::exchange);
        match this.inner.as_pin_mut() {
            Some(stream) => stream.poll_next(context),
            None => Poll::Ready(None),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}
