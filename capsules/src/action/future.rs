//! The future of an action.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::call::Call;
use crate::durability::Durability;
use crate::error::Error;
use crate::future::RunAsync;
use crate::reply::Reply;

use super::{Ended, Keep, Read};

pin_project! {
    /// An action that runs as a future; made by [`Action::run`](crate::Action::run).
    #[must_use = "futures do nothing unless polled"]
    pub struct Acting<F, R = fn(&<F as Future>::Output, Keep) -> Ended>
    where
        F: Future,
    {
        #[pin]
        body: RunAsync<F>,
        // Empty once the body has ended.
        read: Option<R>,
        // Whether the end waits for the store.
        waits: bool,
        settle: Settle<F::Output>,
        // The body's value, while the store is waited for.
        ended: Option<(F::Output, Reply<()>)>,
    }
}

/// What becomes of the value once it is known whether it was recorded.
type Settle<T> = fn(T, Result<(), Error>) -> T;

impl<F: Future, R: Read<F::Output>> Acting<F, R> {
    pub(crate) fn new(call: Call, future: F, read: R, durability: Option<Durability>) -> Self {
        Self {
            body: call.run_async(future),
            read: Some(read),
            waits: durability == Some(Durability::Committed),
            // Where errors are swallowed, whether it worked is in the statistics.
            settle: |value, _| value,
            ended: None,
        }
    }

    /// Waits for the store, and lets this decide what becomes of the value then.
    pub(crate) fn settled_by(self, settle: Settle<F::Output>) -> Self {
        Self {
            waits: true,
            settle,
            ..self
        }
    }
}

impl<F: Future, R> fmt::Debug for Acting<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acting").finish_non_exhaustive()
    }
}

impl<F: Future, R: Read<F::Output>> Future for Acting<F, R> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if this.ended.is_none() {
            let (call, value) = ready!(this.body.poll(context));
            let read = this.read.take();
            let returns = |limits| {
                let keep = Keep::within(limits);
                read.map_or_else(Ended::nothing, |read| read.read(&value, keep))
                    .returns()
            };
            if !*this.waits {
                call.finish_with(returns);
                return Poll::Ready(value);
            }
            let reply = call.report_with(returns);
            *this.ended = Some((value, reply));
        }
        let Some((_, reply)) = this.ended else {
            return Poll::Pending;
        };
        let recorded = ready!(Pin::new(reply).poll(context));
        match this.ended.take() {
            Some((value, _)) => Poll::Ready((this.settle)(value, recorded)),
            None => Poll::Pending,
        }
    }
}
