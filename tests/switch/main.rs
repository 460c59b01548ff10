//! Recording switched off. A process of its own with one test, since the switch is the process's.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use capsules::storage::MemoryStorage;
use capsules::{Capsule, CapsuleType, Capsules, Filter, OutcomeStatus, audit};
use capsules_core::LocalSigner;
use futures_core::Stream;

#[audit(type = "tool", agent_id = format!("agent-{left}"))]
fn add(left: u64, right: u64) -> u64 {
    capsules::current().model("none").summary("not kept");
    left + right
}

#[audit(type = "tool")]
async fn add_later(left: u64, right: u64) -> u64 {
    std::future::ready(()).await;
    left + right
}

#[audit(type = "tool", fold = "text", durability = "committed")]
fn numbers(to: u64) -> impl Stream<Item = u64> + Unpin {
    futures_util::stream::iter(0..to)
}

/// Calls everything once.
fn call_all() {
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(add(1, 2), 3);
    assert_eq!(pin!(add_later(1, 2)).poll(&mut context), Poll::Ready(3));
    let mut stream = numbers(2);
    while let Poll::Ready(Some(_)) = Pin::new(&mut stream).poll_next(&mut context) {}
}

#[audit(type = "agent", trigger_from = none)]
fn switches_off() {
    let capsule = capsules::current();
    let carried = capsules::InCurrentCapsule::in_current_capsule(|| add(1, 2));
    capsules::set_enabled(false);
    assert!(!capsules::is_enabled());
    assert!(!capsules::current().is_active());
    capsules::current().summary("not kept");
    call_all();
    assert_eq!(carried(), 3);
    assert_eq!(capsules::action(CapsuleType::Tool).run_sync(|| 7), 7);
    // A capsule that has begun can be written to, and is recorded.
    capsule.summary("began before");
}

fn recorded(capsules: &Capsules) -> Vec<Capsule> {
    let records = capsules.list(Filter::new().oldest_first()).wait().unwrap();
    records
        .iter()
        .map(|record| record.capsule().unwrap())
        .collect()
}

#[test]
fn what_runs_while_recording_is_off_is_not_recorded_and_allocates_nothing() {
    // No default instance yet, and none is opened: the switch is thrown before the first call.
    capsules::set_enabled(false);
    let allocated = allocation_counter::measure(call_all);
    assert_eq!((allocated.count_total, allocated.bytes_total), (0, 0));
    assert_eq!(capsules::stats().accepted, 0);

    capsules::set_enabled(true);
    let capsules = Capsules::builder()
        .storage(MemoryStorage::new())
        .signer(LocalSigner::generate().unwrap())
        .build()
        .unwrap();
    let installed = capsules.install();
    let allocated = allocation_counter::measure(call_all);
    assert!(allocated.count_total > 0);

    switches_off();
    let allocated = allocation_counter::measure(call_all);
    assert_eq!(allocated.count_total, 0);
    // Switched as it is already: nothing to note.
    capsules::set_enabled(false);
    capsules::set_enabled(true);
    assert_eq!(add(3, 4), 7);

    let all = recorded(&capsules);
    let told: Vec<_> = all
        .iter()
        .map(|c| (c.kind, &*c.outcome.summary, c.outcome.result.as_u64()))
        .collect();
    assert_eq!(
        told,
        [
            (CapsuleType::Tool, "not kept", Some(3)),
            (CapsuleType::Tool, "", Some(3)),
            (CapsuleType::Tool, "", None),
            (CapsuleType::System, "recording was switched off", None),
            (CapsuleType::Agent, "began before", None),
            (CapsuleType::System, "recording was switched on", None),
            (CapsuleType::Tool, "not kept", Some(7)),
        ]
    );
    assert!(
        all.iter()
            .all(|c| c.outcome.status == OutcomeStatus::Success)
    );
    assert_eq!(all[2].outcome.result, "01");
    drop(installed);
}
