//! Active capsules: what `current()` gives to the code inside an audited function.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use capsules_core::{Capsule, CapsuleType, Uuid};
use serde::Serialize;
use serde_json::Value;

use crate::bounded_json::to_json;
use crate::durability::Durability;
use crate::fork::Process;
use crate::identity::Identity;
use crate::limits::Limits;
use crate::recorder::Recorder;
use crate::scope::{Entered, Scope};
use crate::target::Target;
use crate::trace_parent::trace_id;

/// A capsule whose action is still running.
pub(crate) struct Active {
    pub(crate) id: Uuid,
    pub(crate) recorder: Arc<Recorder>,
    /// The instance that the task had bound when the action began.
    pub(crate) bound: Option<Arc<Recorder>>,
    /// The function's name, for the parent's list of tool calls.
    pub(crate) name: Cow<'static, str>,
    pub(crate) parent: Option<Arc<Active>>,
    pub(crate) durability: Durability,
    pub(crate) started: Instant,
    /// The process that it began in.
    pub(crate) process: Process,
    /// Whether the body may run: there is room for its capsule. Before that, nothing is recorded.
    pub(crate) admitted: AtomicBool,
    /// Whether the body is a future or a stream.
    pub(crate) asynchronous: AtomicBool,
    /// The scope that the thread was in before it began to drop the body.
    left: Mutex<Option<Entered>>,
    state: Mutex<State>,
    /// The thread that holds the lock, as [`thread_number`] counts them; 0 for none.
    holder: AtomicU64,
}

enum State {
    Running(Box<Capsule>),
    /// The action has ended, and later writes go nowhere. Kept is what the children of tasks that
    /// have outlived it inherit.
    Ended(Option<Box<Identity>>),
}

thread_local! {
    static THREAD_NUMBER: u64 = {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
}

/// A number of this thread's own, never 0; `None` while the thread ends.
fn thread_number() -> Option<u64> {
    THREAD_NUMBER.try_with(|number| *number).ok()
}

impl fmt::Debug for Active {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Active")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Active {
    pub(crate) fn new(
        capsule: Box<Capsule>,
        target: Target,
        name: Cow<'static, str>,
        durability: Option<Durability>,
    ) -> Self {
        let Target {
            recorder,
            bound,
            parent,
        } = target;
        Self {
            id: capsule.id,
            durability: durability.unwrap_or(recorder.settings().durability),
            recorder,
            bound,
            name,
            parent,
            started: Instant::now(),
            process: Process::running(),
            admitted: AtomicBool::new(false),
            asynchronous: AtomicBool::new(false),
            left: Mutex::new(None),
            state: Mutex::new(State::Running(capsule)),
            holder: AtomicU64::new(0),
        }
    }

    /// Changes the capsule. `None` when its action has ended, and inside of another change by
    /// the same thread, which would otherwise wait for itself.
    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut Capsule) -> R) -> Option<R> {
        self.locked(|state| match state {
            State::Running(capsule) => Some(change(capsule)),
            State::Ended(_) => None,
        })
        .flatten()
    }

    /// How much is kept of a value.
    pub(crate) fn limits(&self) -> Limits {
        self.recorder.settings().policy.capture_limits()
    }

    /// What a child inherits, also when this action has ended.
    pub(crate) fn identity(&self) -> Identity {
        self.locked(|state| match state {
            State::Running(capsule) => Identity::of(capsule),
            State::Ended(identity) => identity.as_deref().cloned().unwrap_or_default(),
        })
        .unwrap_or_default()
    }

    /// Takes the capsule; the action has ended.
    pub(crate) fn end(self: &Arc<Self>) -> Option<Box<Capsule>> {
        // Where nobody else knows the action it has no more children.
        let shared = Arc::strong_count(self) > 1;
        self.locked(|state| {
            let State::Running(capsule) = state else {
                return None;
            };
            let ended = State::Ended(shared.then(|| Box::new(Identity::of(capsule))));
            match std::mem::replace(state, ended) {
                State::Running(capsule) => Some(capsule),
                State::Ended(_) => None,
            }
        })
        .flatten()
    }

    /// Makes this the thread's scope until [`leave_dropped`](Self::leave_dropped). What is needed for
    /// that lies here, so that it does not make every future larger.
    #[cold]
    pub(crate) fn enter_to_drop(self: &Arc<Self>) {
        let entered = Scope::of(self).enter();
        *self.left() = Some(entered);
    }

    /// Leaves the scope in which the body was dropped, if one was.
    pub(crate) fn leave_dropped(&self) {
        let entered = self.left().take();
        drop(entered);
    }

    fn left(&self) -> MutexGuard<'_, Option<Entered>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn locked<R>(&self, run: impl FnOnce(&mut State) -> R) -> Option<R> {
        let thread = thread_number()?;
        // Only this thread ever stores its own number, so the comparison needs no ordering.
        if self.holder.load(Ordering::Relaxed) == thread {
            return None;
        }
        // A closure that panicked half-way leaves a capsule that is still worth recording.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let _held = Held::mark(&self.holder, thread);
        Some(run(&mut state))
    }
}

/// Marks the lock's holder until it is dropped, also by a panic.
struct Held<'a>(&'a AtomicU64);

impl<'a> Held<'a> {
    fn mark(holder: &'a AtomicU64, thread: u64) -> Self {
        holder.store(thread, Ordering::Relaxed);
        Self(holder)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// There is no active capsule: the code does not run inside an audited function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no active capsule; are you inside a function with #[capsules::audit]?")]
pub struct NoActiveCapsule;

/// The capsule of the audited function that is running, to be enriched.
///
/// Outside of one it is a detached handle whose writes go nowhere, so that code works the same
/// whether it is audited or not. The handle follows the task across awaits and threads. Spawned
/// tasks start detached; [`InCurrentCapsule`](crate::InCurrentCapsule) carries it there.
///
/// ```
/// capsules::current().model("gpt-4o").confidence(0.95);
/// assert!(!capsules::current().is_active());
/// ```
pub fn current() -> CurrentCapsule {
    CurrentCapsule {
        scope: Scope::current(),
    }
}

/// The capsule of the audited function that is running.
///
/// # Errors
///
/// [`NoActiveCapsule`] outside of an audited function.
pub fn try_current() -> Result<CurrentCapsule, NoActiveCapsule> {
    let current = current();
    if current.is_active() {
        Ok(current)
    } else {
        Err(NoActiveCapsule)
    }
}

/// A handle on the active capsule, given by [`current`]. Cheap to clone; holds no lock.
#[derive(Clone)]
#[must_use = "the handle does nothing by itself; call its setters"]
pub struct CurrentCapsule {
    pub(crate) scope: Scope,
}

impl fmt::Debug for CurrentCapsule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurrentCapsule")
            .field("id", &self.id())
            .finish()
    }
}

/// Setters that return the handle, so that calls can be chained.
macro_rules! setters {
    ($( $(#[$meta:meta])* $name:ident($($argument:ident: $type:ty),*) => |$capsule:ident| $change:expr; )*) => {
        impl CurrentCapsule {
            $(
                $(#[$meta])*
                // The setter's work is done even when the returned handle is not used.
                #[allow(clippy::must_use_candidate, clippy::return_self_not_must_use)]
                pub fn $name(&self, $($argument: $type),*) -> &Self {
                    self.change(|$capsule| { $change; })
                }
            )*
        }
    };
}

impl CurrentCapsule {
    /// Whether writes reach a capsule: inside an audited function that has not ended.
    pub fn is_active(&self) -> bool {
        self.scope
            .active
            .as_ref()
            .is_some_and(|active| active.update(|_| ()).is_some())
    }

    /// The capsule's id; `None` for a detached handle.
    pub fn id(&self) -> Option<Uuid> {
        self.scope.active.as_ref().map(|active| active.id)
    }

    /// Changes any field of the capsule. A detached handle passes a capsule that is thrown away.
    ///
    /// The capsule is locked while the closure runs: writes to it from inside the closure go
    /// nowhere, and the closure must not wait for another thread that writes to it. `sequence`
    /// and `previous_hash` are set when the capsule is sealed. When the reasoning changes it is
    /// noted at what time, as the setters do.
    ///
    /// ```
    /// capsules::current().with(|capsule| capsule.authority.approver = Some("ops".to_owned()));
    /// ```
    pub fn with<R>(&self, change: impl FnOnce(&mut Capsule) -> R) -> R {
        let mut change = Some(change);
        let changed = self.scope.active.as_ref().and_then(|active| {
            active.update(|capsule| {
                let change = change.take()?;
                Some(capsule.change_noting_deliberation(change))
            })
        });
        match (changed.flatten(), change) {
            (Some(result), _) => result,
            (None, Some(change)) => change(&mut Capsule::new(CapsuleType::System)),
            (None, None) => unreachable!("a closure that was taken has given its result"),
        }
    }

    /// Runs the closure with this capsule as the current one, on any thread: for closures with
    /// arguments, such as those of parallel iterators. Those without can be carried by
    /// [`in_current_capsule`](crate::InCurrentCapsule).
    ///
    /// ```
    /// # fn summarise(page: &str) -> usize { page.len() }
    /// # #[capsules::audit(type = "agent")]
    /// fn read_all(pages: &[&str]) -> usize {
    ///     let capsule = capsules::current();
    ///     std::thread::scope(|threads| {
    ///         let read = |page| capsule.in_scope(|| summarise(page));
    ///         let running: Vec<_> = pages.iter().map(|page| threads.spawn(move || read(page))).collect();
    ///         running.into_iter().filter_map(|thread| thread.join().ok()).sum()
    ///     })
    /// }
    /// ```
    pub fn in_scope<R>(&self, run: impl FnOnce() -> R) -> R {
        self.scope.run(run)
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Capsule)) -> &Self {
        if let Some(active) = &self.scope.active {
            active.update(change);
        }
        self
    }

    /// Keeps something of the environment, in `context.environment`. Of a value that has no
    /// JSON form the reason is kept.
    pub fn environment(&self, key: impl Into<String>, value: impl Serialize) -> &Self {
        let value = json(value);
        self.change(|capsule| {
            capsule.context.environment.insert(key.into(), value);
        })
    }

    /// Notes a resource that was used, in `execution.resources_used`.
    pub fn resource(&self, key: impl Into<String>, value: impl Serialize) -> &Self {
        let value = json(value);
        self.change(|capsule| {
            capsule.execution.resources_used.insert(key.into(), value);
        })
    }

    /// Notes a figure of the run, in `outcome.metrics`.
    pub fn metric(&self, key: impl Into<String>, value: impl Serialize) -> &Self {
        let value = json(value);
        self.change(|capsule| {
            capsule.outcome.metrics.insert(key.into(), value);
        })
    }
}

setters! {
    /// The model that reasons.
    model(model: impl Into<String>) => |c| c.reasoning.model = Some(model.into());
    /// How sure the actor is. Brought into the range from 0 to 1; NaN counts as 0.
    confidence(confidence: f64) => |c| c.reasoning.confidence = unit(confidence);
    /// The full prompt, of which the SHA3-256 is kept and not the text.
    prompt(text: impl AsRef<str>) => |c| {
        let hash = capsules_core::sha3_256(text.as_ref().as_bytes());
        c.reasoning.prompt_hash = Some(hash.to_string());
    };
    /// SHA3-256 of the full prompt, as 64 lower-case hexadecimal digits.
    prompt_hash(hash: impl Into<String>) => |c| c.reasoning.prompt_hash = Some(hash.into());
    /// The conversation or run.
    session_id(id: impl Into<String>) => |c| c.context.session_id = Some(id.into());
    /// The user on whose behalf it happens.
    user_id(id: impl Into<String>) => |c| c.trigger.user_id = Some(id.into());
    /// Ties together the capsules of one distributed operation.
    correlation_id(id: impl Into<String>) => |c| c.trigger.correlation_id = Some(id.into());
    /// The correlation id from a W3C `traceparent` header: its trace id. A malformed header is
    /// ignored, as the recommendation asks; [`TraceParent`](crate::TraceParent) says what is wrong.
    traceparent(header: impl Into<String>) => |c| {
        if let Some(id) = trace_id(Some(header.into())) {
            c.trigger.correlation_id = Some(id);
        }
    };
    /// The tenant, in the sealed content.
    tenant_id(id: impl AsRef<str>) => |c| c.set_tenant_id(Some(id.as_ref()));
    /// How the action ends. Stands unless the function panics or is cancelled.
    status(status: capsules_core::OutcomeStatus) => |c| c.outcome.status = status;
    /// The result in a sentence.
    summary(text: impl Into<String>) => |c| c.outcome.summary = text.into();
    /// Adds something that the action changed besides.
    side_effect(text: impl Into<String>) => |c| c.outcome.side_effects.push(text.into());
}

/// A number from 0 to 1, which is what the protocol allows.
pub(crate) fn unit(value: f64) -> f64 {
    if value.is_nan() {
        0.0
    } else {
        value.clamp(0.0, 1.0)
    }
}

pub(crate) fn json(value: impl Serialize) -> Value {
    to_json(&value, Limits::ON_PURPOSE).value
}
