//! A future whose end is the end of an audited call.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::future::FusedFuture;
use pin_project_lite::pin_project;

use crate::call::Call;
use crate::scope::Scope;

pin_project! {
    /// The body of an asynchronous function, or the future that a function returned, running as
    /// the rest of a call, which is handed on with its output. `Send` and `Unpin` when that future is.
    #[must_use = "futures do nothing unless polled"]
    pub struct RunAsync<F> {
        // As in `Scoped`, which this is for audited functions: one type around each body.
        looked_at_first: PhantomData<Scope>,
        // Dropped before the call, whose scope the thread is in by then and which leaves it.
        #[pin]
        body: F,
        call: Call,
    }

    impl<F> PinnedDrop for RunAsync<F> {
        fn drop(this: Pin<&mut Self>) {
            this.project().call.enter_to_drop();
        }
    }
}

pin_project! {
    /// A future whose call ends with it; made by [`Call::end_with`].
    #[must_use = "futures do nothing unless polled"]
    pub struct EndWith<F, A> {
        #[pin]
        body: RunAsync<F>,
        // Empty once the future has ended.
        end: Option<A>,
    }
}

impl Call {
    /// Runs a future with the capsule as the current one, and then hands the call on. The call
    /// begins with the first poll; before that, nothing is recorded.
    #[inline]
    pub fn run_async<F: Future>(self, body: F) -> RunAsync<F> {
        RunAsync {
            looked_at_first: PhantomData,
            body,
            call: self,
        }
    }

    /// The same, with what ends the call.
    pub fn end_with<T, F, A, R>(self, body: F, end: A) -> EndWith<F, A>
    where
        F: Future<Output = T>,
        A: FnOnce(Self, T) -> R,
    {
        EndWith {
            body: self.run_async(body),
            end: Some(end),
        }
    }
}

/// `boxed = "send"`: what is in the box need not be looked at again to know that it is `Send`.
pub fn boxed_send<'a, T>(
    body: impl Future<Output = T> + Send + 'a,
) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> {
    Box::pin(body)
}

impl<F> fmt::Debug for RunAsync<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunAsync")
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

impl<F: Future> Future for RunAsync<F> {
    type Output = (Call, F::Output);

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = if this.call.is_recorded() {
            this.call.poll_recorded(context, this.body)
        } else {
            this.body.poll(context)
        };
        match polled {
            Poll::Ready(value) => Poll::Ready((this.call.take(), value)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<F: FusedFuture> FusedFuture for RunAsync<F> {
    fn is_terminated(&self) -> bool {
        self.body.is_terminated()
    }
}

impl<F, A> fmt::Debug for EndWith<F, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndWith")
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl<F, A, R> Future for EndWith<F, A>
where
    F: Future,
    A: FnOnce(Call, F::Output) -> R,
{
    type Output = R;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let this = self.project();
        let (call, value) = ready!(this.body.poll(context));
        match this.end.take() {
            Some(end) => Poll::Ready(end(call, value)),
            // Polled again after its end, which no caller may do.
            None => Poll::Pending,
        }
    }
}

impl<F, A, R> FusedFuture for EndWith<F, A>
where
    F: FusedFuture,
    A: FnOnce(Call, F::Output) -> R,
{
    fn is_terminated(&self) -> bool {
        self.body.is_terminated()
    }
}
