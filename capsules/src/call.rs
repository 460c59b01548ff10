//! One audited call, from its start to its record.

use std::any::{Any, type_name};
use std::borrow::{Borrow, Cow};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use capsules_core::{
    AuthorityType, Capsule, CapsuleType, Draft, OutcomeStatus, ToolCall, TriggerType,
};
use serde_json::{Map, Value};

use crate::active::Active;
use crate::capsules::Capsules;
use crate::capture::Returns;
use crate::durability::Durability;
use crate::error::Error;
use crate::identity::Identity;
use crate::limits::{Bounded, Captured, Limits};
use crate::redaction::{ARGUMENTS, note_cut, note_redacted};
use crate::reply::Reply;
use crate::scope::Scope;
use crate::switch::is_enabled;
use crate::target::Target;

/// What the attribute says of a function, or the builder of an action.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The type of its capsules.
    pub kind: CapsuleType,
    /// The function's qualified name.
    pub name: &'a str,
    /// Its name without the path.
    pub short_name: &'a str,
    /// `trigger.source`, when it is not the qualified name.
    pub source: Option<&'a str>,
    /// The domain.
    pub domain: &'a str,
    /// How safely its capsules are kept; the instance's choice when `None`.
    pub durability: Option<Durability>,
}

/// What the attribute reads from the arguments, before the body takes them.
#[derive(Debug, Default)]
pub struct Inputs {
    /// How much of them is kept.
    pub limits: Limits,
    /// `trigger.request`.
    pub request: Option<Captured<String>>,
    /// Arguments by their names.
    pub(crate) arguments: Vec<(String, Captured<Value>)>,
    /// `reasoning.prompt_hash`.
    pub prompt_hash: Option<String>,
    /// `context.agent_id`.
    pub agent_id: Option<String>,
    /// The tenant.
    pub tenant: Option<String>,
    /// `context.session_id`.
    pub session: Option<String>,
    /// `trigger.user_id`.
    pub user: Option<String>,
    /// `trigger.correlation_id`.
    pub correlation: Option<String>,
}

impl Inputs {
    /// Keeps an argument.
    pub fn argument(&mut self, name: impl Into<String>, value: Captured<Value>) {
        self.arguments.push((name.into(), value));
    }

    /// Reads inputs by expressions that are the user's; a panic in one must not become the
    /// function's.
    pub(crate) fn take(&mut self, function: &str, read: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| read(self))).is_err() {
            // What the panic says may be what the capsule must not keep.
            tracing::error!(
                target: "capsules",
                function,
                "an argument could not be read for its capsule"
            );
        }
    }
}

/// The instance that `capsules = EXPR` gives, by value or by reference.
pub fn borrow<C: Borrow<Capsules>>(capsules: &C) -> &Capsules {
    capsules.borrow()
}

/// The qualified name of a function, given an item `__capsules_here` that is declared inside of
/// it. Runs with every call, so it compares suffixes and searches nothing.
pub fn enclosing_function<F>(_: F) -> &'static str {
    let inner = type_name::<F>();
    let mut name = inner.strip_suffix("::__capsules_here").unwrap_or(inner);
    // Inside an `async fn` the item lies in the closures that the compiler makes of it.
    while let Some(outer) = name.strip_suffix("::{{closure}}") {
        name = outer;
    }
    name
}

/// An audited call that has started. Dropped before it is finished, it records why: a panic, or
/// a future that was cancelled.
#[derive(Debug)]
#[must_use]
pub struct Call {
    /// Empty once the call has ended, and where nothing is recorded.
    active: Option<Arc<Active>>,
    /// Whether the body may run: there is room for its capsule. Before that, nothing is recorded.
    admitted: bool,
    asynchronous: bool,
}

/// How a call ended.
enum Ending {
    Returned(Returns),
    Panicked(Captured<String>),
    Cancelled(Captured<String>),
}

impl Call {
    /// Starts a call: records to `capsules`, else to the instance that the task has bound, else
    /// to the process's default. Inlined as far as it goes while recording is switched off.
    #[inline]
    pub fn begin(
        site: impl FnOnce() -> Site<'static>,
        capsules: Option<&Capsules>,
        inputs: impl FnOnce(&mut Inputs),
    ) -> Self {
        if is_enabled() {
            Self::begin_enabled(site, capsules, inputs)
        } else {
            Self::unrecorded()
        }
    }

    fn begin_enabled(
        site: impl FnOnce() -> Site<'static>,
        capsules: Option<&Capsules>,
        inputs: impl FnOnce(&mut Inputs),
    ) -> Self {
        let Some(target) = Target::find(capsules) else {
            return Self::unrecorded();
        };
        let site = &site();
        let mut read = target.inputs();
        read.take(site.name, inputs);
        Self::start(target, site, Cow::Borrowed(site.short_name), read)
    }

    /// Starts a call whose inputs have been read. A tool appears by its name in its parent's
    /// capsule.
    pub(crate) fn start(
        target: Target,
        site: &Site<'_>,
        name: Cow<'static, str>,
        read: Inputs,
    ) -> Self {
        let Target { recorder, parent } = target;
        let durability = site.durability.unwrap_or(recorder.settings().durability);
        let capsule = describe(site, read, parent.as_deref());
        let active = Active::new(Box::new(capsule), recorder, name, parent, durability);
        Self {
            active: Some(Arc::new(active)),
            admitted: false,
            asynchronous: false,
        }
    }

    #[inline]
    pub(crate) fn unrecorded() -> Self {
        Self {
            active: None,
            admitted: true,
            asynchronous: false,
        }
    }

    /// Runs the body of a function with the capsule as the current one.
    pub fn run<R>(&mut self, body: impl FnOnce() -> R) -> R {
        self.admit();
        self.prepare(body)
    }

    /// Runs the body of a function that returns a future or a stream, whose first poll is what
    /// begins the call.
    pub fn prepare<R>(&mut self, body: impl FnOnce() -> R) -> R {
        let Some(scope) = self.scope() else {
            return body();
        };
        let result = {
            let _entered = scope.enter();
            catch_unwind(AssertUnwindSafe(body))
        };
        result.unwrap_or_else(|panic| {
            self.admit();
            self.panicked(&*panic);
            resume_unwind(panic)
        })
    }

    /// Waits for room, unless that has been done.
    #[inline]
    pub(crate) fn admit(&mut self) {
        if !self.admitted {
            self.wait_for_room();
        }
    }

    fn wait_for_room(&mut self) {
        let admitted = self
            .active
            .as_ref()
            .is_none_or(|active| active.recorder.admit());
        self.begin_body(admitted);
    }

    /// Waits for room before the first poll, without blocking the thread.
    #[inline]
    pub(crate) fn poll_admitted(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.admitted {
            return Poll::Ready(());
        }
        self.poll_room(context)
    }

    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.asynchronous = true;
        let admitted = match &self.active {
            Some(active) => ready!(active.recorder.poll_admit(context)),
            None => true,
        };
        self.begin_body(admitted);
        Poll::Ready(())
    }

    /// The body is about to run: recorded, when it was admitted.
    fn begin_body(&mut self, admitted: bool) {
        self.admitted = true;
        let Some(active) = &self.active else { return };
        if !admitted {
            active.end();
            self.active = None;
            return;
        }
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

    /// The call beside the value of its body.
    pub fn and<T>(self, value: T) -> (Self, T) {
        (self, value)
    }

    /// Ends the call with what the function returned.
    pub fn finish(mut self, returns: impl FnOnce(Limits) -> Returns) {
        // A function may end before it has given the future that it was to return.
        self.admit();
        self.end(|limits| Ending::Returned(caught(limits, returns)));
    }

    /// Ends the call like [`finish`](Self::finish); the reply says when it is committed, or why
    /// it cannot be.
    pub fn finish_and_report(mut self, returns: impl FnOnce(Limits) -> Returns) -> Reply<()> {
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
    pub fn finish_and_wait(mut self, returns: impl FnOnce(Limits) -> Returns) -> Result<(), Error> {
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
        let limits = active.recorder.settings().policy.capture_limits();
        let draft = conclude(&active, Ending::Returned(caught(limits, returns)));
        Some((active, draft))
    }

    /// The scope of the body; `None` where nothing is recorded, so that the task's own stays.
    #[inline]
    pub(crate) fn scope(&self) -> Option<Scope> {
        self.active.as_ref().map(scope_of)
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
    pub(crate) fn limits(&self) -> Option<Limits> {
        let active = self.active.as_ref()?;
        Some(active.recorder.settings().policy.capture_limits())
    }

    /// Changes the capsule of a call that is about to end.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Capsule)) {
        if let Some(active) = &self.active {
            active.update(change);
        }
    }

    #[inline]
    fn end(&mut self, ending: impl FnOnce(Limits) -> Ending) {
        if let Some(active) = self.active.take() {
            self.end_recorded(&active, ending);
        }
    }

    fn end_recorded(&mut self, active: &Arc<Active>, ending: impl FnOnce(Limits) -> Ending) {
        if !self.admitted {
            // The body never ran.
            return;
        }
        let limits = active.recorder.settings().policy.capture_limits();
        let Some(draft) = conclude(active, ending(limits)) else {
            return;
        };
        if active.durability == Durability::Committed && !self.asynchronous {
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
        // A panic of the body is caught before the call is dropped, so what is left is a future
        // that was dropped early.
        self.cancelled(format_args!("the future was dropped before it finished"));
    }
}

fn scope_of(active: &Arc<Active>) -> Scope {
    Scope {
        active: Some(Arc::clone(active)),
        ..Scope::current()
    }
}

/// The capsule of a call that begins.
fn describe(site: &Site<'_>, read: Inputs, parent: Option<&Active>) -> Capsule {
    let mut capsule = Capsule::new(site.kind);
    site.domain.clone_into(&mut capsule.domain);
    capsule.trigger.kind = TriggerType::Agent;
    site.source
        .unwrap_or(site.name)
        .clone_into(&mut capsule.trigger.source);
    capsule.authority.kind = AuthorityType::Autonomous;
    capsule.context.agent_id = read.agent_id.unwrap_or_else(|| site.name.to_owned());
    let mut identity = Identity {
        session: read.session,
        user: read.user,
        correlation: read.correlation,
        tenant: read.tenant,
    };
    if let Some(parent) = parent {
        capsule.parent_id = Some(parent.id);
        identity.inherit(parent.identity());
    }
    #[cfg(feature = "tracing")]
    if identity.correlation.is_none() {
        identity.correlation = crate::correlation::of_current_span();
    }
    identity.give_to(&mut capsule);
    capsule.reasoning.prompt_hash = read.prompt_hash;
    if let Some(request) = read.request {
        capsule.trigger.request = noted(&mut capsule, "trigger.request", request);
    }
    if !read.arguments.is_empty() {
        let mut arguments = Map::new();
        for (name, value) in read.arguments {
            let field = format!("context.environment.{ARGUMENTS}.{name}");
            arguments.insert(name, noted(&mut capsule, &field, value));
        }
        let environment = &mut capsule.context.environment;
        environment.insert(ARGUMENTS.to_owned(), arguments.into());
    }
    capsule
}

/// Completes the capsule of a call that has ended and writes its draft. `None` when it has been
/// recorded already, or has no canonical form, which is counted.
fn conclude(active: &Arc<Active>, ending: Ending) -> Option<Draft> {
    let elapsed = active.started.elapsed();
    let mut capsule = active.end()?;
    if active.process.is_ancestor() {
        // The action ends in two processes. The id is that of the one in which it began.
        capsule.parent_id = Some(capsule.id);
        capsule.id = Capsule::new(capsule.kind).id;
    }
    capsule.execution.duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let (status, error) = match ending {
        Ending::Returned(Returns {
            result,
            error: None,
        }) => {
            if capsule.outcome.result.is_null() {
                capsule.outcome.result = noted(&mut capsule, "outcome.result", result);
            }
            (own_status(&capsule).unwrap_or(OutcomeStatus::Success), None)
        }
        Ending::Returned(Returns { error, .. }) => (
            own_status(&capsule).unwrap_or(OutcomeStatus::Failure),
            error,
        ),
        Ending::Panicked(message) => (OutcomeStatus::Failure, Some(message)),
        Ending::Cancelled(message) => (OutcomeStatus::Partial, Some(message)),
    };
    capsule.outcome.status = status;
    if let Some(error) = error {
        capsule.outcome.error = Some(noted(&mut capsule, "outcome.error", error));
    }
    active.recorder.settings().policy.apply(&mut capsule);
    if capsule.kind == CapsuleType::Tool
        && let Some(parent) = &active.parent
    {
        let call = tool_call(&active.name, &capsule);
        parent.update(|parent| parent.execution.tool_calls.push(call));
    }
    Draft::new(&capsule)
        .map_err(|error| active.recorder.reject(&capsule, &error.into()))
        .ok()
}

/// The status that the function has set itself.
fn own_status(capsule: &Capsule) -> Option<OutcomeStatus> {
    (capsule.outcome.status != OutcomeStatus::Pending).then(|| capsule.outcome.status.clone())
}

/// A tool's call as its parent's capsule shows it.
fn tool_call(name: &str, capsule: &Capsule) -> ToolCall {
    ToolCall {
        tool: name.to_owned(),
        arguments: arguments(capsule).cloned().unwrap_or_default(),
        result: capsule.outcome.result.clone(),
        success: capsule.outcome.status == OutcomeStatus::Success,
        duration_ms: capsule.execution.duration_ms,
        error: capsule.outcome.error.clone(),
    }
}

/// The arguments that a capsule keeps.
fn arguments(capsule: &Capsule) -> Option<&Map<String, Value>> {
    capsule.context.environment.get(ARGUMENTS)?.as_object()
}

/// The value of a field, noting what of it was not kept.
pub(crate) fn noted<T>(capsule: &mut Capsule, field: &str, captured: Captured<T>) -> T {
    if captured.cut {
        note_cut(capsule, field);
    }
    if captured.secret {
        note_redacted(capsule, field);
    }
    captured.value
}

/// Reads the returned value, which may run code of the user's types.
fn caught(limits: Limits, returns: impl FnOnce(Limits) -> Returns) -> Returns {
    catch_unwind(AssertUnwindSafe(|| returns(limits))).unwrap_or_else(|panic| {
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
