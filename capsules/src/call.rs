//! One audited call, from its start to its record.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use capsules_core::{Capsule, CapsuleType, Draft};

use crate::active::Active;
use crate::capsules::Capsules;
use crate::capture::Returns;
use crate::content::{Ending, conclude, describe};
use crate::durability::Durability;
use crate::error::Error;
use crate::function::{Function, Site};
use crate::inputs::{Inputs, ReadInputs, Reading};
use crate::limits::{Bounded, Limits};
use crate::reader::Reader;
use crate::reading::reading;
use crate::reply::Reply;
use crate::scope::{Lent, Scope};
use crate::switch::is_enabled;
use crate::target::Target;

/// An audited call that has started. Dropped before it is finished, it records that its future was
/// cancelled. No more than a pointer, which lies in a register while recording is switched off.
#[derive(Debug)]
#[must_use]
pub struct Call {
    /// Empty once the call has ended, and where nothing is recorded.
    active: Option<Arc<Active>>,
}

/// The body of a function, behind a trait of its own: less is compiled for each body than behind
/// `FnMut`.
trait RunBody {
    fn run(&mut self);
}

/// A body and, once it has run, its value.
struct Run<F, R> {
    body: Option<F>,
    value: Option<R>,
}

impl<F: FnOnce() -> R, R> RunBody for Run<F, R> {
    fn run(&mut self) {
        if let Some(body) = self.body.take() {
            self.value = Some(body());
        }
    }
}

impl Call {
    /// Starts a call, and waits until there is room for its capsule: records to the instance that the
    /// task has bound, else to the process's default. Inlined as far as it goes while recording is
    /// switched off.
    #[inline]
    pub fn begin(function: &'static Function, request: Reader<'_>) -> Self {
        let mut call = Self::begin_later(function, request);
        call.admit();
        call
    }

    /// The same with more than the request, and where it is given to another instance.
    #[inline]
    pub fn begin_with(
        function: &'static Function,
        capsules: Option<&Capsules>,
        inputs: &mut dyn ReadInputs,
    ) -> Self {
        let mut call = Self::begin_later_with(function, capsules, inputs);
        call.admit();
        call
    }

    /// Starts a call that begins with the first poll of what its body is or returns.
    #[inline]
    pub fn begin_later(function: &'static Function, request: Reader<'_>) -> Self {
        if is_enabled() {
            Self::begin_enabled(function, None, Reading::Request(request))
        } else {
            Self::unrecorded()
        }
    }

    /// The same with more than the request, and where it is given to another instance.
    #[inline]
    pub fn begin_later_with(
        function: &'static Function,
        capsules: Option<&Capsules>,
        inputs: &mut dyn ReadInputs,
    ) -> Self {
        if is_enabled() {
            Self::begin_enabled(function, capsules, Reading::Inputs(inputs))
        } else {
            Self::unrecorded()
        }
    }

    fn begin_enabled(
        function: &'static Function,
        capsules: Option<&Capsules>,
        reading: Reading<'_>,
    ) -> Self {
        let Some(target) = Target::find(capsules) else {
            return Self::unrecorded();
        };
        let site = function.site();
        let mut read = target.inputs();
        read.take(site.name, |read| reading.read(read));
        Self::start(target, &site, Cow::Borrowed(function.name), read)
    }

    /// Starts a call whose inputs have been read. A tool appears by its name in its parent's
    /// capsule.
    pub(crate) fn start(
        target: Target,
        site: &Site<'_>,
        name: Cow<'static, str>,
        read: Inputs,
    ) -> Self {
        let capsule = describe(site, read, target.parent.as_deref());
        let active = Active::new(Box::new(capsule), target, name, site.durability);
        Self {
            active: Some(Arc::new(active)),
        }
    }

    #[inline]
    pub(crate) fn unrecorded() -> Self {
        Self { active: None }
    }

    /// Runs the body of a function with the capsule as the current one.
    #[inline]
    pub fn run<F: FnOnce() -> R, R>(&mut self, body: F) -> R {
        if !self.is_recorded() {
            return body();
        }
        let mut run = Run {
            body: Some(body),
            value: None,
        };
        self.run_recorded(&mut run);
        match run.value {
            Some(value) => value,
            None => unreachable!("the body has run"),
        }
    }

    /// Runs what there is once for all bodies, so that little is compiled for each of them.
    fn run_recorded(&mut self, body: &mut dyn RunBody) {
        let entered = self.scope().map(Scope::enter);
        let result = catch_unwind(AssertUnwindSafe(|| body.run()));
        drop(entered);
        if let Err(panic) = result {
            self.admit();
            self.panicked(&*panic);
            resume_unwind(panic);
        }
    }

    /// Polls the body of an asynchronous function: compiled once for each type of value, and not
    /// for each body.
    pub(crate) fn poll_recorded<R>(
        &mut self,
        context: &mut Context<'_>,
        mut body: Pin<&mut dyn Future<Output = R>>,
    ) -> Poll<R> {
        let mut polled = Poll::Pending;
        ready!(self.poll_body(context, &mut |context| {
            polled = body.as_mut().poll(context);
        }));
        polled
    }

    /// Waits for room before the first time, then polls in the scope of the call.
    fn poll_body(
        &mut self,
        context: &mut Context<'_>,
        poll: &mut dyn FnMut(&mut Context<'_>),
    ) -> Poll<()> {
        ready!(self.poll_room(context));
        let lent = Lent::enter(&mut self.active);
        let result = catch_unwind(AssertUnwindSafe(|| poll(context)));
        drop(lent);
        if let Err(panic) = result {
            self.panicked(&*panic);
            resume_unwind(panic);
        }
        Poll::Ready(())
    }

    /// The call, of which nothing is left here.
    #[inline]
    pub(crate) fn take(&mut self) -> Self {
        Self {
            active: self.active.take(),
        }
    }

    /// Whether something is recorded of the call, which has not ended.
    #[inline]
    pub(crate) fn is_recorded(&self) -> bool {
        self.active.is_some()
    }

    /// Waits for room, unless that has been done.
    #[inline]
    pub(crate) fn admit(&mut self) {
        if self.is_recorded() {
            self.wait_for_room();
        }
    }

    fn wait_for_room(&mut self) {
        if let Some(active) = self.waiting() {
            let admitted = active.recorder.admit();
            self.begin_body(admitted);
        }
    }

    /// The action while its body may not run: there need not be room for its capsule.
    fn waiting(&self) -> Option<&Active> {
        let active = self.active.as_deref()?;
        (!active.admitted.load(Ordering::Relaxed)).then_some(active)
    }

    /// Waits for room before the first poll, without blocking the thread.
    #[inline]
    pub(crate) fn poll_admitted(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self.is_recorded() {
            true => self.poll_room(context),
            false => Poll::Ready(()),
        }
    }

    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(active) = self.waiting() {
            active.asynchronous.store(true, Ordering::Relaxed);
            let admitted = ready!(active.recorder.poll_admit(context));
            self.begin_body(admitted);
        }
        Poll::Ready(())
    }

    /// The body is about to run: recorded, when it was admitted.
    fn begin_body(&mut self, admitted: bool) {
        let Some(active) = &self.active else { return };
        if !admitted {
            active.end();
            self.active = None;
            return;
        }
        active.admitted.store(true, Ordering::Relaxed);
        let tool = active.update(|capsule| {
            if active.durability != Durability::Memory {
                active.recorder.note_start(capsule);
            }
            capsule.kind == CapsuleType::Tool
        });
        if let (Some(true), Some(parent)) = (tool, &active.parent) {
            parent.update(Capsule::note_tool_call);
        }
    }

    /// Ends the call with what the function returned.
    #[inline]
    pub fn finish(self, result: Reader<'_>, error: Reader<'_>) {
        if self.is_recorded() {
            self.finish_recorded(result, error);
        }
    }

    fn finish_recorded(self, result: Reader<'_>, error: Reader<'_>) {
        self.finish_with(|limits| Returns::read(result, error, limits));
    }

    /// Ends the call with what the closure makes of the value.
    pub(crate) fn finish_with(mut self, returns: impl FnOnce(Limits) -> Returns) {
        // A function may end before it has given the future that it was to return.
        self.admit();
        self.end(|limits| Ending::Returned(caught(limits, returns)));
    }

    /// Ends the call like [`finish`](Self::finish); the reply says when it is committed, or why
    /// it cannot be.
    pub fn finish_and_report(self, result: Reader<'_>, error: Reader<'_>) -> Reply<()> {
        self.report_with(|limits| Returns::read(result, error, limits))
    }

    /// The same, with what the closure makes of the value.
    pub(crate) fn report_with(mut self, returns: impl FnOnce(Limits) -> Returns) -> Reply<()> {
        match self.returned(returns) {
            Some((active, Some(draft))) => {
                active.recorder.accept_and_report(draft, active.durability)
            }
            Some((_, None)) => Reply::ready(Err(Error::Unsealable)),
            None => Reply::ready(Ok(())),
        }
    }

    /// Ends the call like [`finish`](Self::finish), and blocks the thread until it is committed.
    ///
    /// # Errors
    ///
    /// Why it cannot be.
    pub fn finish_and_wait(self, result: Reader<'_>, error: Reader<'_>) -> Result<(), Error> {
        self.wait_with(|limits| Returns::read(result, error, limits))
    }

    /// The same, with what the closure makes of the value.
    pub(crate) fn wait_with(
        mut self,
        returns: impl FnOnce(Limits) -> Returns,
    ) -> Result<(), Error> {
        match self.returned(returns) {
            Some((active, Some(draft))) => {
                active.recorder.accept_and_wait(draft, active.durability)
            }
            Some((_, None)) => Err(Error::Unsealable),
            None => Ok(()),
        }
    }

    /// Takes the action, and the draft of the capsule that it ends with; no draft when that cannot
    /// be sealed.
    fn returned(
        &mut self,
        returns: impl FnOnce(Limits) -> Returns,
    ) -> Option<(Arc<Active>, Option<Draft>)> {
        let active = self.active.take()?;
        let limits = active.limits();
        let draft = conclude(&active, Ending::Returned(caught(limits, returns)));
        Some((active, draft))
    }

    /// The scope of the body; `None` where nothing is recorded, so that the task's own stays.
    #[inline]
    pub(crate) fn scope(&self) -> Option<Scope> {
        self.active.as_ref().map(Scope::of)
    }

    /// The body of a future is about to be dropped: in the call's scope, until the call is dropped
    /// as well.
    #[inline]
    pub(crate) fn enter_to_drop(&mut self) {
        if let Some(active) = &self.active {
            active.enter_to_drop();
        }
    }

    /// A panic of the body is caught before the call is dropped, so what is left is a future that
    /// was dropped early.
    #[cold]
    fn dropped(&mut self) {
        if let Some(active) = &self.active {
            active.leave_dropped();
        }
        self.cancelled(format_args!("the future was dropped before it finished"));
    }

    /// Ends the call with a panic of its body.
    pub(crate) fn panicked(&mut self, panic: &(dyn Any + Send)) {
        self.end(|limits| {
            let message = panic_message(panic);
            Ending::Panicked(Bounded::format(format_args!("panicked: {message}"), limits))
        });
    }

    /// Ends the call because what it returned was dropped before its end.
    pub(crate) fn cancelled(&mut self, what: fmt::Arguments<'_>) {
        self.end(|limits| {
            Ending::Cancelled(Bounded::format(format_args!("cancelled: {what}"), limits))
        });
    }

    /// How much is kept of a value; `None` once the call has ended, and where nothing is recorded.
    #[inline]
    pub(crate) fn limits(&self) -> Option<Limits> {
        self.active.as_deref().map(Active::limits)
    }

    /// Changes the capsule of a call that is about to end.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Capsule)) {
        if let Some(active) = &self.active {
            active.update(change);
        }
    }

    fn end(&mut self, ending: impl FnOnce(Limits) -> Ending) {
        let Some(active) = self.active.take() else {
            return;
        };
        if !active.admitted.load(Ordering::Relaxed) {
            // The body never ran.
            return;
        }
        let limits = active.limits();
        let Some(draft) = conclude(&active, ending(limits)) else {
            return;
        };
        let asynchronous = active.asynchronous.load(Ordering::Relaxed);
        if active.durability == Durability::Committed && !asynchronous {
            // Whether it worked is in the statistics; the function's value does not depend on it.
            let _ = active.recorder.accept_and_wait(draft, active.durability);
        } else {
            active.recorder.accept(draft, active.durability);
        }
    }
}

impl Drop for Call {
    #[inline]
    fn drop(&mut self) {
        if self.is_recorded() {
            self.dropped();
        }
    }
}

/// Reads the returned value, which may run code of the user's types.
fn caught(limits: Limits, returns: impl FnOnce(Limits) -> Returns) -> Returns {
    reading(|| returns(limits)).unwrap_or_else(|panic| {
        let message = panic_message(&*panic);
        Returns {
            result: Bounded::format(format_args!("<not readable: {message}>"), limits)
                .map(Into::into),
            error: None,
        }
    })
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is not text")
}
