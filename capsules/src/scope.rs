//! What the running task has bound: the active capsule and the instance.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

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

    /// Makes this the running task's scope until the guard is dropped.
    pub(crate) fn enter(self) -> Entered {
        Entered {
            previous: replace(self),
        }
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

/// Sets the thread's scope and gives the one before. The old one is dropped by the caller, after
/// the borrow has ended: its drop may run code that asks for the scope.
fn replace(scope: Scope) -> Scope {
    SCOPE
        .try_with(|current| current.replace(scope))
        .unwrap_or_default()
}

pin_project! {
    /// A future that runs in a scope: each poll, and its drop, sees the scope, and the thread's
    /// own is restored after it.
    pub(crate) struct Scoped<F> {
        scope: Scope,
        // Empty only while and after the drop, so that the future is dropped in its scope.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Scoped<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = this.scope.clone().enter();
            this.future.set(None);
        }
    }
}

impl<F> Scoped<F> {
    pub(crate) fn new(scope: Scope, future: F) -> Self {
        Self {
            scope,
            future: Some(future),
        }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.scope.clone().enter();
        match this.future.as_pin_mut() {
            Some(future) => future.poll(context),
            None => Poll::Pending,
        }
    }
}
