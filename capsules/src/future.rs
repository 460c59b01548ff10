//! A future whose end is the end of an audited call.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::future::FusedFuture;
use pin_project_lite::pin_project;

use crate::call::Call;
use crate::scope::{Binding, Scope};

pin_project! {
    /// The body of an asynchronous function, or the future that a function returned, running as
    /// the rest of a call. `Send` and `Unpin` when that future is.
    pub struct RunAsync<F, A> {
        // As in `Scoped`, which this is for audited functions: one type around each body.
        looked_at_first: PhantomData<Scope>,
        // Dropped before the binding, which is entered by then, and before the call, which notes
        // how it ended.
        #[pin]
        body: F,
        binding: Binding,
        // Empty once the future has ended.
        rest: Option<(Call, A)>,
    }

    impl<F, A> PinnedDrop for RunAsync<F, A> {
        fn drop(this: Pin<&mut Self>) {
            this.project().binding.enter_to_drop();
        }
    }
}

impl Call {
    /// Runs a future with the capsule as the current one, and then hands the call on. The call
    /// begins with the first poll; before that, nothing is recorded.
    #[inline]
    pub fn run_async<T, F, A, R>(self, body: F, after: A) -> RunAsync<F, A>
    where
        F: Future<Output = T>,
        A: FnOnce(Self, T) -> R,
    {
        RunAsync {
            looked_at_first: PhantomData,
            body,
            binding: Binding::new(self.scope()),
            rest: Some((self, after)),
        }
    }
}

/// `boxed = "send"`: what is in the box need not be looked at again to know that it is `Send`.
pub fn boxed_send<'a, T>(
    body: impl Future<Output = T> + Send + 'a,
) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> {
    Box::pin(body)
}

impl<F, A> fmt::Debug for RunAsync<F, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunAsync")
            .field("call", &self.rest.as_ref().map(|(call, _)| call))
            .finish_non_exhaustive()
    }
}

impl<F, A, R> Future for RunAsync<F, A>
where
    F: Future,
    A: FnOnce(Call, F::Output) -> R,
{
    type Output = R;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let mut this = self.project();
        let value = match this.rest {
            Some((call, _)) if call.is_recorded() => {
                let mut polled = Poll::Pending;
                ready!(call.poll_recorded(this.binding, context, &mut |context| {
                    polled = this.body.as_mut().poll(context);
                }));
                ready!(polled)
            }
            _ => ready!(this.body.poll(context)),
        };
        match this.rest.take() {
            Some((call, after)) => Poll::Ready(after(call, value)),
            // Polled again after its end, which no caller may do.
            None => Poll::Pending,
        }
    }
}

impl<F, A, R> FusedFuture for RunAsync<F, A>
where
    F: FusedFuture,
    A: FnOnce(Call, F::Output) -> R,
{
    fn is_terminated(&self) -> bool {
        self.body.is_terminated()
    }
}
