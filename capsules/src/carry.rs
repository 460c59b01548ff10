//! Carrying the active capsule to where a task's own scope does not reach: spawned tasks, other
//! threads, thread pools.

use std::future::Future;

use futures_core::Stream;

use crate::scope::{Scope, Scoped};

/// Carries the current capsule into spawned tasks and other threads, which start without one.
///
/// For futures and streams, and for closures without arguments:
///
/// ```
/// use capsules::InCurrentCapsule;
/// # use capsules::{Capsules, Filter, storage::MemoryStorage};
///
/// #[capsules::audit(type = "tool")]
/// fn search(query: &str) -> usize {
///     query.len()
/// }
///
/// #[capsules::audit(type = "agent")]
/// async fn research(topic: String) -> Option<usize> {
///     let question = topic.clone();
///     let task = tokio::spawn(async move { search(&question) }.in_current_capsule());
///     let thread = tokio::task::spawn_blocking((move || search(&topic)).in_current_capsule());
///     Some(task.await.ok()? + thread.await.ok()?)
/// }
///
/// # let directory = tempfile::tempdir()?;
/// # let capsules = Capsules::builder().storage(MemoryStorage::new()).data_dir(directory.path()).build()?;
/// # let runtime = tokio::runtime::Runtime::new()?;
/// let found = runtime.block_on(capsules.scope(research("rust".to_owned())));
/// assert_eq!(found, Some(8));
/// // Both searches are on record as children of the research.
/// let records = capsules.list(Filter::new()).wait()?;
/// assert_eq!(records[0].capsule()?.execution.tool_calls.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The same for `std::thread::spawn` and `rayon::spawn`; closures with arguments, such as those
/// of parallel iterators, call [`CurrentCapsule::in_scope`](crate::CurrentCapsule::in_scope)
/// inside. What is carried is what was current when `in_current_capsule` was called: the capsule,
/// and the instance that [`Capsules::scope`](crate::Capsules::scope) has bound.
///
/// A task may outlive the capsule that it carries. What it audits then still names that capsule as
/// its parent and inherits from it, but `current()` writes nowhere, and its tool calls are no longer
/// listed by a parent that is already on record.
///
/// `Kind` tells futures, streams and closures apart; the compiler finds it.
pub trait InCurrentCapsule<Kind>: Sized {
    /// Binds this to the current capsule.
    #[must_use = "futures, streams and closures do nothing by themselves"]
    fn in_current_capsule(self) -> impl Sized;
}

/// The kinds of things that [`InCurrentCapsule`] carries a capsule into.
#[doc(hidden)]
#[allow(missing_debug_implementations, reason = "types without values")]
pub mod kind {
    pub enum OfFuture {}
    pub enum OfStream {}
    pub enum OfClosure {}
}

// The types that the implementations name say more than the trait's, and callers see them.
#[allow(refining_impl_trait)]
impl<F: Future> InCurrentCapsule<kind::OfFuture> for F {
    fn in_current_capsule(self) -> Scoped<F> {
        Scoped::new(Some(Scope::current()), self)
    }
}

#[allow(refining_impl_trait)]
impl<S: Stream> InCurrentCapsule<kind::OfStream> for S {
    fn in_current_capsule(self) -> Scoped<S> {
        Scoped::new(Some(Scope::current()), self)
    }
}

#[allow(refining_impl_trait)]
impl<F: FnOnce() -> R, R> InCurrentCapsule<(kind::OfClosure, R)> for F {
    fn in_current_capsule(self) -> impl FnOnce() -> R {
        let scope = Scope::current();
        move || scope.run(self)
    }
}
