//! A stream whose end is the end of an audited call.

use std::fmt;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use serde_json::Value;

use crate::call::Call;
use crate::capture::Returns;
use crate::content::noted;
use crate::error::Error;
use crate::items::Items;
use crate::limits::{Captured, Limits};
use crate::reading::reading;
use crate::reply::Reply;
use crate::scope::Scoped;

/// When the call of a stream ends, and whether the stream waits for its record.
#[derive(Debug)]
pub struct StreamEnd<T> {
    /// Whether the first `Err` item ends it, or the stream alone.
    pub at_error: bool,
    /// `None` where nobody waits for the record.
    pub report: Option<Report<T>>,
}

/// Gives what is yielded after the last item, once it is known whether the call could be recorded.
type Report<T> = fn(Result<(), Error>) -> Option<T>;

pin_project! {
    /// The stream that a function returned, running as the rest of a call. `Send` and `Unpin` when
    /// that stream is.
    pub struct RunStream<S: Stream, A, R, K>
    where
        K: Fn(A, Limits) -> Captured<Value>,
    {
        // Dropped before the progress, which notes how the call ended.
        #[pin]
        body: Scoped<S>,
        progress: Progress<A, K>,
        read: R,
        end: StreamEnd<S::Item>,
    }
}

impl Call {
    /// Runs a stream with the capsule as the current one, shows each item to `read`, and keeps
    /// what `keep` makes of what has been read. The call begins with the first poll; before that,
    /// nothing is recorded.
    pub fn run_stream<T, S, A, R, K>(
        self,
        body: S,
        end: StreamEnd<T>,
        read: R,
        keep: K,
    ) -> RunStream<S, A, R, K>
    where
        S: Stream<Item = T>,
        A: Default,
        R: Fn(&mut Items<A>, &T, Limits),
        K: Fn(A, Limits) -> Captured<Value>,
    {
        RunStream {
            body: Scoped::new(self.scope(), body),
            progress: Progress {
                state: State::Running(self),
                items: Some(Items::default()),
                keep,
            },
            read,
            end,
        }
    }
}

/// How far the call of a stream has come. Dropped before the stream has ended, it records that.
struct Progress<A, K>
where
    K: Fn(A, Limits) -> Captured<Value>,
{
    state: State,
    /// Empty once the call has ended.
    items: Option<Items<A>>,
    keep: K,
}

enum State {
    Running(Call),
    /// The call has ended, and the stream waits for its record.
    Waiting {
        reply: Reply<()>,
        place: Place,
    },
    /// The record's error was the last item.
    LastGiven,
    Ended,
}

/// Where in a stream its call has ended.
#[derive(Clone, Copy)]
enum Place {
    /// At an error item, after which the stream goes on.
    Error,
    /// At the end.
    End {
        /// Whether an error of the record may be the last item: a stream's own error wins.
        successful: bool,
    },
}

impl<A, K> Progress<A, K>
where
    K: Fn(A, Limits) -> Captured<Value>,
{
    /// Ends the call with what was read of the items.
    fn end(&mut self, wait: bool, at_error: bool) {
        let State::Running(call) = std::mem::replace(&mut self.state, State::Ended) else {
            return;
        };
        let recorded = call.limits().is_some();
        let error = self.note(&call);
        let place = match at_error {
            true => Place::Error,
            false => Place::End {
                successful: error.is_none(),
            },
        };
        let returns = |_| error.map_or_else(Returns::nothing, Returns::failure);
        if wait && recorded {
            let reply = call.report_with(returns);
            self.state = State::Waiting { reply, place };
        } else {
            call.finish_with(returns);
        }
    }

    /// Puts what was read of the items into the capsule: the first error among them, to be the
    /// call's.
    fn note(&mut self, call: &Call) -> Option<Captured<String>> {
        let (items, limits) = (self.items.take()?, call.limits()?);
        let (count, failed, error) = (items.count, items.failed, items.error);
        let result = items.folded.and_then(|folded| {
            // How the user's type reads is the user's code.
            reading(|| (self.keep)(folded, limits)).ok()
        });
        let result = result.unwrap_or_else(|| Captured::whole("<not readable>".into()));
        call.note(|capsule| {
            let metrics = &mut capsule.outcome.metrics;
            metrics.entry("items").or_insert(count.into());
            if failed > 0 {
                metrics.entry("failed_items").or_insert(failed.into());
            }
            if capsule.outcome.result.is_null() {
                capsule.outcome.result = noted(capsule, "outcome.result", result);
            }
        });
        error
    }
}

impl<A, K> Drop for Progress<A, K>
where
    K: Fn(A, Limits) -> Captured<Value>,
{
    fn drop(&mut self) {
        let State::Running(mut call) = std::mem::replace(&mut self.state, State::Ended) else {
            return;
        };
        let count = self.items.as_ref().map_or(0, |items| items.count);
        self.note(&call);
        call.cancelled(format_args!(
            "the stream was dropped after {count} items, before it ended"
        ));
    }
}

impl<S: Stream, A, R, K> RunStream<S, A, R, K>
where
    K: Fn(A, Limits) -> Captured<Value>,
{
    /// Waits until the record of a call that has ended is kept. Gives what the stream yields then,
    /// when it has ended as well.
    fn poll_recorded(
        progress: &mut Progress<A, K>,
        end: &StreamEnd<S::Item>,
        context: &mut Context<'_>,
    ) -> Poll<ControlFlow<Option<S::Item>>> {
        let State::Waiting { reply, place } = &mut progress.state else {
            return Poll::Ready(ControlFlow::Continue(()));
        };
        let (recorded, place) = (ready!(Pin::new(reply).poll(context)), *place);
        progress.state = State::Ended;
        let Place::End { successful } = place else {
            return Poll::Ready(ControlFlow::Continue(()));
        };
        let report = end.report.filter(|_| successful);
        let last = report.and_then(|report| report(recorded));
        if last.is_some() {
            progress.state = State::LastGiven;
        }
        Poll::Ready(ControlFlow::Break(last))
    }
}

impl<S, A, R, K> Stream for RunStream<S, A, R, K>
where
    S: Stream,
    R: Fn(&mut Items<A>, &S::Item, Limits),
    K: Fn(A, Limits) -> Captured<Value>,
{
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        match &mut this.progress.state {
            State::Running(call) => {
                ready!(call.poll_admitted(context));
                if !call.is_recorded() {
                    this.body.as_mut().unbind();
                }
            }
            State::LastGiven => {
                this.progress.state = State::Ended;
                return Poll::Ready(None);
            }
            State::Waiting { .. } => {
                let recorded = Self::poll_recorded(this.progress, this.end, context);
                if let ControlFlow::Break(last) = ready!(recorded) {
                    return Poll::Ready(last);
                }
            }
            State::Ended => {}
        }
        let polled = catch_unwind(AssertUnwindSafe(|| this.body.as_mut().poll_next(context)));
        let next = match polled {
            Ok(poll) => ready!(poll),
            Err(panic) => {
                if let State::Running(mut call) =
                    std::mem::replace(&mut this.progress.state, State::Ended)
                {
                    this.progress.note(&call);
                    call.panicked(&*panic);
                }
                resume_unwind(panic)
            }
        };
        let waits = this.end.report.is_some();
        match &next {
            Some(item) => {
                if let State::Running(call) = &this.progress.state
                    && let (Some(limits), Some(items)) = (call.limits(), &mut this.progress.items)
                {
                    (this.read)(items, item, limits);
                    if this.end.at_error && items.error.is_some() {
                        this.progress.end(waits, true);
                    }
                }
            }
            None => {
                this.progress.end(waits, false);
                let recorded = Self::poll_recorded(this.progress, this.end, context);
                if let ControlFlow::Break(last) = ready!(recorded) {
                    return Poll::Ready(last);
                }
            }
        }
        Poll::Ready(next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match (&self.progress.state, self.end.report) {
            // An error of the record may follow the last item.
            (State::Running(_) | State::Waiting { .. }, Some(_)) => {
                let (lower, upper) = self.body.size_hint();
                (lower, upper.and_then(|upper| upper.checked_add(1)))
            }
            _ => self.body.size_hint(),
        }
    }
}

impl<S, A, R, K> FusedStream for RunStream<S, A, R, K>
where
    S: FusedStream,
    R: Fn(&mut Items<A>, &S::Item, Limits),
    K: Fn(A, Limits) -> Captured<Value>,
{
    fn is_terminated(&self) -> bool {
        matches!(self.progress.state, State::Ended) && self.body.get_ref().is_terminated()
    }
}

impl<S, A, R, K> fmt::Debug for RunStream<S, A, R, K>
where
    S: Stream,
    K: Fn(A, Limits) -> Captured<Value>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunStream")
            .field(
                "items",
                &self.progress.items.as_ref().map(|items| items.count),
            )
            .finish_non_exhaustive()
    }
}
