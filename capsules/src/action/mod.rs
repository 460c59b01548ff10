//! Actions: audited calls without the attribute, for closures, trait objects and frameworks.

mod future;
mod outcome;
mod running;

use std::borrow::Cow;
use std::fmt::Display;
use std::future::Future;
use std::panic::Location;

use capsules_core::CapsuleType;
use futures_core::Stream;
use serde::Serialize;

use crate::call::Call;
use crate::capsules::Capsules;
use crate::capture::{Json, Text, prompt_hash};
use crate::durability::Durability;
use crate::function::Site;
use crate::inputs::Inputs;
use crate::items::Items;
use crate::limits::Captured;
use crate::reading::reading;
use crate::stream::StreamEnd;
use crate::strict::{FromAuditError, or_error};
use crate::target::Target;
use crate::trace_parent::trace_id;

pub use future::Acting;
pub(crate) use outcome::Read;
pub use outcome::{ActionOutcome, Ended, Keep};
pub use running::Running;

/// An action that is about to be audited, where there is no function for the attribute: a closure,
/// a call through a trait object, what a framework runs.
///
/// What it is, is said first; then [`run`](Self::run), [`run_sync`](Self::run_sync) or
/// [`begin`](Self::begin) does it. It leaves the same capsule as an audited function: `success`,
/// `failure` after an `Err` or a panic, `partial` when its future is dropped before it has
/// finished, nothing when that is never polled. It is the child of the capsule that is current
/// where [`action`] is called, and inherits its session, user, correlation and tenant.
///
/// ```
/// # use capsules::storage::MemoryStorage;
/// use capsules::{Capsules, CapsuleType, Filter};
///
/// trait Tool {
///     fn name(&self) -> &str;
///     fn call(&self, input: &str) -> Result<usize, String>;
/// }
///
/// /// Runs any tool, on record.
/// fn call(tool: &dyn Tool, input: &str) -> Result<usize, String> {
///     capsules::action(CapsuleType::Tool)
///         .source(tool.name())
///         .request(input)
///         .run_sync(|| tool.call(input))
/// }
/// # struct Length;
/// # impl Tool for Length {
/// #     fn name(&self) -> &str { "length" }
/// #     fn call(&self, input: &str) -> Result<usize, String> { Ok(input.len()) }
/// # }
///
/// # let directory = tempfile::tempdir()?;
/// # let capsules = Capsules::builder().storage(MemoryStorage::new()).data_dir(directory.path()).build()?;
/// assert_eq!(capsules.scope_sync(|| call(&Length, "rust")), Ok(4));
///
/// let capsule = capsules.list(Filter::new()).wait()?[0].capsule()?;
/// assert_eq!(capsule.trigger.source, "length");
/// assert_eq!(capsule.outcome.result, 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is recorded before `run`, `run_sync` or `begin`"]
pub struct Action {
    /// `None` where nothing is recorded.
    target: Option<Target>,
    kind: CapsuleType,
    source: String,
    domain: Cow<'static, str>,
    durability: Option<Durability>,
    inputs: Inputs,
}

/// An action that is recorded as an audited function of this place would be: by the instance that
/// the task is bound to, or else by the process's default.
///
/// ```
/// # use capsules::{Capsules, storage::MemoryStorage};
/// use capsules::CapsuleType;
///
/// # let directory = tempfile::tempdir()?;
/// # let capsules = Capsules::builder().storage(MemoryStorage::new()).data_dir(directory.path()).build()?;
/// # capsules.scope_sync(|| {
/// let sum = capsules::action(CapsuleType::Tool).source("add").run_sync(|| 1 + 2);
/// assert_eq!(sum, 3);
/// # });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn action(kind: CapsuleType) -> Action {
    Action::new(kind, Target::find(None))
}

impl Capsules {
    /// An action that this instance records, whatever the task is bound to. See [`Action`].
    #[track_caller]
    pub fn action(&self, kind: CapsuleType) -> Action {
        Action::new(kind, Target::find(Some(self)))
    }
}

/// Setters that take the action and give it back.
macro_rules! setters {
    ($( $(#[$meta:meta])* $name:ident => $($field:ident).+; )*) => {$(
        $(#[$meta])*
        pub fn $name(mut self, $name: impl Into<String>) -> Self {
            self.$($field).+ = Some($name.into());
            self
        }
    )*};
}

impl Action {
    #[track_caller]
    fn new(kind: CapsuleType, target: Option<Target>) -> Self {
        let place = Location::caller();
        Self {
            inputs: target.as_ref().map(Target::inputs).unwrap_or_default(),
            target,
            kind,
            source: format!("{}:{}", place.file(), place.line()),
            domain: Cow::Borrowed("agents"),
            durability: None,
        }
    }

    /// What acts: `trigger.source`, and the name of a tool in its parent's `execution.tool_calls`.
    /// By default the file and line that made the action.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self
    }

    /// The domain; `agents` by default.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Cow::Owned(domain.into());
        self
    }

    /// What is asked, as `trigger.request`, within the limits of the instance.
    pub fn request(self, request: impl Display) -> Self {
        self.read(|inputs| inputs.request(Text::of(&request).by_display()))
    }

    /// An argument by its name, in `context.environment["capsules.arguments"]`, and of a tool in
    /// its parent's `execution.tool_calls`, within the limits of the instance.
    pub fn argument(self, name: impl Into<String>, value: &(impl Serialize + ?Sized)) -> Self {
        self.read(|inputs| inputs.argument(&name.into(), Json::of(&value).by_serialize()))
    }

    /// The full prompt, of which the SHA3-256 is kept and not the text.
    pub fn prompt(self, prompt: impl Display) -> Self {
        self.read(|inputs| inputs.prompt_hash = prompt_hash(&prompt))
    }

    setters! {
        /// Who acts; the [source](Self::source) by default.
        agent_id => inputs.agent_id;
        /// The tenant, in the sealed content; the parent's by default.
        tenant_id => inputs.tenant;
        /// The conversation or run; the parent's by default.
        session_id => inputs.session;
        /// The user on whose behalf it happens; the parent's by default.
        user_id => inputs.user;
        /// Ties together the capsules of one distributed operation; the parent's by default.
        correlation_id => inputs.correlation;
    }

    /// The correlation id from a W3C `traceparent` header, if there is one. One that is malformed
    /// is ignored; [`TraceParent`](crate::TraceParent) says what is wrong with it.
    pub fn traceparent<'h>(mut self, header: impl Into<Option<&'h str>>) -> Self {
        if let Some(id) = trace_id(header.into().map(str::to_owned)) {
            self.inputs.correlation = Some(id);
        }
        self
    }

    /// How safely the capsule is kept when the action has ended; the instance's choice by default.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }

    /// Runs a future as the action, with its capsule as the [current](crate::current) one. What it
    /// gives is recorded as [`ActionOutcome`] says.
    ///
    /// ```
    /// # use capsules::{Capsules, Filter, storage::MemoryStorage};
    /// # let directory = tempfile::tempdir()?;
    /// # let capsules = Capsules::builder().storage(MemoryStorage::new()).data_dir(directory.path()).build()?;
    /// # let runtime = tokio::runtime::Runtime::new()?;
    /// # runtime.block_on(async {
    /// use capsules::CapsuleType;
    ///
    /// let search = async |query: &str| -> Result<Vec<String>, std::io::Error> {
    ///     capsules::current().resource("requests", 1);
    ///     Ok(vec![query.to_owned()])
    /// };
    /// let action = capsules.action(CapsuleType::Tool).source("search").argument("query", "rust");
    /// let found = action.run(search("rust")).await?;
    /// # assert_eq!(found.len(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # let capsule = capsules.list(Filter::new()).wait()?[0].capsule()?;
    /// # assert_eq!(capsule.context.environment["capsules.arguments"]["query"], "rust");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run<F: Future>(self, future: F) -> Acting<F>
    where
        F::Output: ActionOutcome,
    {
        self.acting(future, ActionOutcome::ended)
    }

    /// Like [`run`](Self::run), with a closure that says what is kept of the future's output, of
    /// any type.
    ///
    /// ```
    /// # use capsules::{Capsules, Filter, storage::MemoryStorage};
    /// use capsules::CapsuleType;
    ///
    /// struct Response { status: u16, body: Vec<u8> }
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let capsules = Capsules::builder().storage(MemoryStorage::new()).data_dir(directory.path()).build()?;
    /// # let runtime = tokio::runtime::Runtime::new()?;
    /// # runtime.block_on(async {
    /// let fetch = async { Response { status: 404, body: b"no".to_vec() } };
    /// let action = capsules.action(CapsuleType::Tool).source("fetch");
    /// let response = action
    ///     .run_with(fetch, |response, keep| match response.status {
    ///         400.. => keep.error(&format_args!("HTTP {}", response.status)),
    ///         _ => keep.result(&response.body.len()),
    ///     })
    ///     .await;
    /// # assert_eq!(response.body, b"no");
    /// # });
    /// # let capsule = capsules.list(Filter::new()).wait()?[0].capsule()?;
    /// # assert_eq!(capsule.outcome.error.as_deref(), Some("HTTP 404"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_with<F, R>(self, future: F, read: R) -> Acting<F, R>
    where
        F: Future,
        R: FnOnce(&F::Output, Keep) -> Ended,
    {
        self.acting(future, read)
    }

    /// Like [`run`](Self::run), except that what succeeds and cannot be recorded gives the audit's
    /// error instead, as `#[audit(swallow_errors = false)]` does. It ends when it is committed.
    pub fn try_run<F: Future>(self, future: F) -> Acting<F>
    where
        F::Output: ActionOutcome + FromAuditError,
    {
        self.acting(future, ActionOutcome::ended as fn(&_, _) -> _)
            .settled_by(or_error)
    }

    /// Runs a stream as the action, with its capsule as the [current](crate::current) one whenever
    /// it is polled. The action ends when the stream does, at its first item in which the closure
    /// finds an error, or, as cancelled, when it is dropped before. The items are counted in
    /// `outcome.metrics`, and nothing else is kept of them.
    ///
    /// ```
    /// # use capsules::{Capsules, CapsuleType, Filter, storage::MemoryStorage};
    /// # let directory = tempfile::tempdir()?;
    /// # let capsules = Capsules::builder().storage(MemoryStorage::new()).data_dir(directory.path()).build()?;
    /// # let runtime = tokio::runtime::Runtime::new()?;
    /// # runtime.block_on(async {
    /// use futures_util::{StreamExt, stream};
    ///
    /// let tokens = stream::iter([Ok("to "), Ok("be"), Err("the model is gone")]);
    /// let tokens = capsules
    ///     .action(CapsuleType::Chat)
    ///     .source("complete")
    ///     .run_stream(tokens, |token| token.as_ref().err());
    /// assert_eq!(tokens.count().await, 3);
    /// # });
    /// # let capsule = capsules.list(Filter::new()).wait()?[0].capsule()?;
    /// # assert_eq!(capsule.outcome.error.as_deref(), Some("the model is gone"));
    /// # assert_eq!(capsule.outcome.metrics["items"], 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_stream<S, E>(
        self,
        stream: S,
        error: impl Fn(&S::Item) -> Option<&E>,
    ) -> impl Stream<Item = S::Item>
    where
        S: Stream,
        E: Display + ?Sized,
    {
        let end = StreamEnd {
            at_error: true,
            // Where errors are swallowed, whether it worked is in the statistics.
            report: (self.durability_of_instance() == Some(Durability::Committed))
                .then_some((|_| None) as fn(_) -> _),
        };
        let read = move |items: &mut Items<()>, item: &S::Item, limits| {
            let err = reading(|| error(item));
            let err = err.unwrap_or_default();
            items.read(
                None::<&()>,
                Text::new(err.as_ref()).by_display(),
                limits,
                |(), ()| (),
            );
        };
        self.call()
            .run_stream(stream, end, read, |(), _| Captured::default())
    }

    /// Runs a closure as the action; see [`run`](Self::run).
    pub fn run_sync<T: ActionOutcome>(self, run: impl FnOnce() -> T) -> T {
        self.run_sync_with(run, T::ended)
    }

    /// Runs a closure as the action; see [`run_with`](Self::run_with).
    pub fn run_sync_with<T>(
        self,
        run: impl FnOnce() -> T,
        read: impl FnOnce(&T, Keep) -> Ended,
    ) -> T {
        let mut call = self.call();
        call.admit();
        let value = call.run(run);
        call.finish_with(|limits| read(&value, Keep::within(limits)).returns());
        value
    }

    /// Runs a closure as the action; see [`try_run`](Self::try_run).
    pub fn try_run_sync<T: ActionOutcome + FromAuditError>(self, run: impl FnOnce() -> T) -> T {
        let mut call = self.call();
        call.admit();
        let value = call.run(run);
        let recorded = call.wait_with(|limits| value.ended(Keep::within(limits)).returns());
        or_error(value, recorded)
    }

    /// Begins the action: it ends when the guard is told how, or is dropped. Waits for room when
    /// the queue is full, as audited functions do.
    ///
    /// ```
    /// # use capsules::{Capsules, Filter, OutcomeStatus, storage::MemoryStorage};
    /// use capsules::CapsuleType;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let capsules = Capsules::builder().storage(MemoryStorage::new()).data_dir(directory.path()).build()?;
    /// let running = capsules.action(CapsuleType::Workflow).source("import").begin();
    /// for line in ["a", "b"] {
    ///     running.scope_sync(|| {
    ///         capsules::current().side_effect(line);
    ///     });
    /// }
    /// running.succeed("2 lines");
    /// # let capsule = capsules.list(Filter::new()).wait()?[0].capsule()?;
    /// # assert_eq!(capsule.outcome.status, OutcomeStatus::Success);
    /// # assert_eq!(capsule.outcome.side_effects.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn begin(self) -> Running {
        Running::begin(self.call())
    }

    pub(crate) fn acting<F: Future, R: Read<F::Output>>(self, future: F, read: R) -> Acting<F, R> {
        self.prepare(|| future, read)
    }

    /// Runs the future that the closure makes within the action.
    pub(crate) fn prepare<F: Future, R: Read<F::Output>>(
        self,
        make: impl FnOnce() -> F,
        read: R,
    ) -> Acting<F, R> {
        let durability = self.durability_of_instance();
        let mut call = self.call();
        let future = call.run(make);
        Acting::new(call, future, read, durability)
    }

    /// An action of which nothing is recorded.
    #[cfg(feature = "tower")]
    pub(crate) fn unrecorded() -> Self {
        Self::new(CapsuleType::System, None)
    }

    /// How safely the capsule is kept.
    fn durability_of_instance(&self) -> Option<Durability> {
        let target = self.target.as_ref()?;
        Some(
            self.durability
                .unwrap_or(target.recorder.settings().durability),
        )
    }

    /// The call, which its run or its first poll will begin.
    fn call(self) -> Call {
        let Some(target) = self.target else {
            return Call::unrecorded();
        };
        let site = Site {
            kind: self.kind,
            name: &self.source,
            source: None,
            domain: &self.domain,
            durability: self.durability,
        };
        let name = Cow::Owned(self.source.clone());
        Call::start(target, &site, name, self.inputs)
    }

    /// Reads a value of the user's, if it is recorded at all.
    fn read(mut self, read: impl FnOnce(&mut Inputs)) -> Self {
        if self.target.is_some() {
            self.inputs.take(&self.source, read);
        }
        self
    }
}
