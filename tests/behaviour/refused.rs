//! Calls that run unrecorded because the queue is full: as they would without the attribute.

use std::future::Future;
use std::sync::{Mutex, MutexGuard};

use capsules::{Capsule, CapsuleType, Capsules, LocalSigner, Overflow, StorageError, Uuid, audit};
use capsules::{action, current};
use capsules_tests::hooked::{HookedStorage, Hooks, Operation};
use futures_core::Stream;
use futures_util::{StreamExt, stream};

use crate::support::recorded;

/// A store that appends nothing while this is locked.
#[derive(Default)]
struct Gate(Mutex<()>);

impl Hooks for Gate {
    fn around<T>(
        &self,
        operation: Operation,
        run: impl FnOnce() -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let _open = (operation == Operation::Append).then(|| self.0.lock().unwrap());
        run()
    }

    fn location(&self) -> String {
        "a store with a gate".to_owned()
    }
}

/// An instance with room for one capsule.
fn narrow(store: &HookedStorage<Gate>) -> Capsules {
    Capsules::builder()
        .storage(store.clone())
        .signer(LocalSigner::generate().unwrap())
        .queue(1, usize::MAX)
        .overflow(Overflow::Drop)
        .build()
        .unwrap()
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

/// What the instance has recorded, besides the gap.
fn kept(capsules: &Capsules) -> Vec<Capsule> {
    capsules.flush().wait().unwrap();
    let mut recorded = recorded(capsules);
    recorded.retain(|capsule| capsule.kind != CapsuleType::System);
    recorded
}

/// Takes the room that there is.
#[audit(type = "vault")]
fn fills() {}

#[audit(type = "tool")]
fn tool() -> Option<Uuid> {
    current().side_effect("called a tool");
    current().id()
}

#[audit(type = "chat")]
fn refused() -> [Option<Uuid>; 2] {
    [current().id(), tool()]
}

#[audit(type = "chat")]
async fn refused_later() -> [Option<Uuid>; 2] {
    let first = current().id();
    tokio::task::yield_now().await;
    assert_eq!(current().id(), first);
    [first, tool()]
}

#[audit(type = "chat")]
fn refused_future() -> impl Future<Output = [Option<Uuid>; 2]> {
    async {
        tokio::task::yield_now().await;
        [current().id(), tool()]
    }
}

#[audit(type = "chat")]
fn refused_stream() -> impl Stream<Item = [Option<Uuid>; 2]> {
    stream::once(async {
        tokio::task::yield_now().await;
        [current().id(), tool()]
    })
}

/// Everything that is seen inside of calls that are refused.
async fn seen() -> Vec<Option<Uuid>> {
    fills();
    let mut seen = vec![
        refused(),
        refused_later().await,
        refused_future().await,
        action(CapsuleType::Chat)
            .run_sync_with(|| [current().id(), tool()], |_, keep| keep.nothing()),
    ];
    seen.extend(refused_stream().collect::<Vec<_>>().await);
    seen.concat()
}

#[test]
fn inside_of_a_refused_call_the_capsule_is_the_callers() {
    #[audit(type = "agent")]
    async fn caller() -> (Option<Uuid>, Vec<Option<Uuid>>) {
        (current().id(), seen().await)
    }
    let store = HookedStorage::<Gate>::new(Gate::default());
    let capsules = narrow(&store);
    let closed = store.0.lock().unwrap();
    let (id, seen) = block_on(capsules.scope(caller()));
    assert_eq!(seen, [id; 10]);
    assert_eq!(capsules.stats().dropped, 10);
    drop(closed);
    let [_, caller] = <[_; 2]>::try_from(kept(&capsules)).unwrap();
    assert_eq!(caller.outcome.side_effects, ["called a tool"; 5]);
}

#[test]
fn what_a_refused_call_calls_once_there_is_room_belongs_to_its_caller() {
    #[audit(type = "chat", trigger_from = none)]
    async fn refused_first(closed: MutexGuard<'_, ()>, capsules: &Capsules) {
        drop(closed);
        capsules.flush().await.unwrap();
        tool();
    }
    #[audit(type = "agent", trigger_from = none)]
    async fn caller(store: &HookedStorage<Gate>, capsules: &Capsules) {
        let closed = store.0.lock().unwrap();
        fills();
        refused_first(closed, capsules).await;
    }
    let store = HookedStorage::<Gate>::new(Gate::default());
    let capsules = narrow(&store);
    block_on(capsules.scope(caller(&store, &capsules)));
    let [_, tool, caller] = <[_; 3]>::try_from(kept(&capsules)).unwrap();
    assert_eq!(tool.parent_id, Some(caller.id));
}
