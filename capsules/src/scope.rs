//! What the running task has bound: the active capsule and the instance.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::active::Active;
use crate::recorder::Recorder;
use crate::switch::is_enabled;

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
    /// The scope of the running task; empty while the thread ends. No capsule is active while
    /// recording is switched off.
    pub(crate) fn current() -> Self {
        let scope = SCOPE
            .try_with(|scope| scope.borrow().clone())
            .unwrap_or_default();
        Self {
            active: scope.active.filter(|_| is_enabled()),
            ..scope
        }
    }

    /// The scope of an action's body.
    pub(crate) fn of(active: &Arc<Active>) -> Self {
        Self {
            active: Some(Arc::clone(active)),
            recorder: active.bound.clone(),
        }
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
    pub(crate) fn exchange(&mut self) -> Exchanged<'_> {
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
pub(crate) struct Exchanged<'a>(&'a mut Scope);

impl Drop for Exchanged<'_> {
    fn drop(&mut self) {
        swap(self.0);
    }
}

/// An action that is the running task's until this is dropped, also when the thread unwinds. The
/// reference that is held at home is lent, so that none is counted.
pub(crate) struct Lent<'a> {
    home: &'a mut Option<Arc<Active>>,
    /// What the thread had bound before.
    previous: Scope,
}

impl<'a> Lent<'a> {
    pub(crate) fn enter(home: &'a mut Option<Arc<Active>>) -> Option<Self> {
        let active = home.take()?;
        let mut scope = Scope {
            recorder: active.bound.clone(),
            active: Some(active),
        };
        swap(&mut scope);
        Some(Self {
            home,
            previous: scope,
        })
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        swap(&mut self.previous);
        *self.home = self.previous.active.take();
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
        // The compiler looks at the fields in their order and remembers what it has proved. With
        // the scope's own depth out of its way, deeper chains of futures are `Send`.
        looked_at_first: PhantomData<Scope>,
        // Dropped before the binding, which is entered by then.
        #[pin]
        inner: F,
        binding: Binding,
    }

    impl<F> PinnedDrop for Scoped<F> {
        fn drop(this: Pin<&mut Self>) {
            this.project().binding.enter_to_drop();
        }
    }
}

/// The scope of a value, and how to leave it after the value's drop. The value itself is not
/// wrapped for that: each type around it brings chains of futures closer to the depth at which
/// the compiler gives up proving that they are `Send`.
pub(crate) enum Binding {
    /// The thread's own scope stays.
    None,
    Bound(Scope),
    /// The value is being dropped; this is what the thread had bound before.
    Entered(Scope),
}

impl Binding {
    pub(crate) fn new(scope: Option<Scope>) -> Self {
        scope.map_or(Self::None, Self::Bound)
    }

    /// Exchanges the scope and the running task's until the guard is dropped.
    #[inline]
    pub(crate) fn exchange(&mut self) -> Option<Exchanged<'_>> {
        match self {
            Self::Bound(scope) => Some(scope.exchange()),
            Self::None | Self::Entered(_) => None,
        }
    }

    /// The value is about to be dropped: the scope is the running task's until this is dropped too.
    #[inline]
    pub(crate) fn enter_to_drop(&mut self) {
        if let Self::Bound(scope) = self {
            swap(scope);
            *self = Self::Entered(std::mem::take(scope));
        }
    }
}

impl Drop for Binding {
    fn drop(&mut self) {
        if let Self::Entered(previous) = self {
            swap(previous);
        }
    }
}

impl<F> Scoped<F> {
    pub(crate) fn new(scope: Option<Scope>, inner: F) -> Self {
        Self {
            looked_at_first: PhantomData,
            inner,
            binding: Binding::new(scope),
        }
    }

    pub(crate) fn get_ref(&self) -> &F {
        &self.inner
    }

    /// Leaves the value in the scope that the thread has when it is polled or dropped.
    pub(crate) fn unbind(self: Pin<&mut Self>) {
        *self.project().binding = Binding::None;
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
        let _exchanged = this.binding.exchange();
        this.inner.poll(context)
    }
}

impl<S: Stream> Stream for Scoped<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let _exchanged = this.binding.exchange();
        this.inner.poll_next(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}
