//! Asynchronous functions: cancellation, panics, interleaving, `Send`.

use std::future::{Future, pending, ready};
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use capsules::{Capsules, OutcomeStatus, audit};
use tokio::sync::Notify;

use crate::support::{assert_ended, audited_async, instance, only, recorded};

const CANCELLED: &str = "cancelled: the future was dropped before it finished";

#[audit(type = "agent")]
async fn forever(name: &str) {
    capsules::current().summary(format!("{name} started"));
    pending::<()>().await;
}

#[audit(type = "agent", trigger_from = none)]
async fn starts(started: mpsc::Sender<()>) {
    started.send(()).unwrap();
    pending::<()>().await;
}

#[tokio::test]
async fn a_value_and_an_error_are_recorded() {
    #[audit(type = "agent")]
    async fn checked(value: u8) -> Result<u8, String> {
        tokio::task::yield_now().await;
        if value > 9 {
            return Err(format!("{value} is too much"));
        }
        Ok(value)
    }
    let (values, capsules) = audited_async(async { (checked(1).await, checked(10).await) }).await;
    assert_eq!(values, (Ok(1), Err("10 is too much".to_owned())));
    assert_ended(&capsules[0], &OutcomeStatus::Success, None);
    assert_ended(
        &capsules[1],
        &OutcomeStatus::Failure,
        Some("10 is too much"),
    );
}

#[tokio::test]
async fn a_time_out_is_a_cancellation() {
    let (timed_out, capsules) = audited_async(tokio::time::timeout(
        Duration::from_millis(5),
        forever("slow"),
    ))
    .await;
    assert!(timed_out.is_err());
    let capsule = only(capsules);
    assert_ended(&capsule, &OutcomeStatus::Partial, Some(CANCELLED));
    assert_eq!(capsule.outcome.summary, "slow started");
}

#[tokio::test]
async fn a_cancelled_call_has_lasted_until_it_was_dropped() {
    #[audit(type = "agent", trigger_from = none)]
    async fn rests(rested: &Notify) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        rested.notify_one();
        pending::<()>().await;
    }
    let rested = Notify::new();
    let ((), capsules) = audited_async(async {
        tokio::select! {
            () = rests(&rested) => {}
            () = rested.notified() => {}
        }
    })
    .await;
    assert!(only(capsules).execution.duration_ms >= 20);
}

#[tokio::test]
async fn a_lost_race_and_an_abort_are_cancellations() {
    let capsules = instance();
    capsules
        .scope(async {
            tokio::select! {
                biased;
                () = forever("loser") => {}
                () = ready(()) => {}
            }
        })
        .await;
    let (started, has_started) = mpsc::channel();
    let task = tokio::spawn(capsules.scope(starts(started)));
    tokio::task::yield_now().await;
    has_started.recv().unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let recorded = recorded(&capsules);
    assert_eq!(recorded.len(), 2);
    assert!(
        recorded
            .iter()
            .all(|c| c.outcome.error.as_deref() == Some(CANCELLED))
    );
}

#[test]
fn a_future_that_is_never_polled_leaves_nothing() {
    let capsules = instance();
    drop(capsules.scope(forever("never")));
    assert_eq!(recorded(&capsules), []);
}

#[tokio::test]
async fn a_panic_is_recorded_and_goes_on() {
    #[audit(type = "agent")]
    async fn boom() -> u8 {
        ready(()).await;
        panic!("asynchronous")
    }
    let capsules = instance();
    let error = tokio::spawn(capsules.scope(boom())).await.unwrap_err();
    assert!(error.is_panic());
    assert_ended(
        &only(recorded(&capsules)),
        &OutcomeStatus::Failure,
        Some("panicked: asynchronous"),
    );
}

#[test]
fn locals_that_are_dropped_by_a_cancellation_see_the_capsule() {
    struct Cleanup;
    impl Drop for Cleanup {
        fn drop(&mut self) {
            capsules::current().side_effect("cleaned up");
        }
    }
    #[audit(type = "agent")]
    async fn holds() {
        let _cleanup = Cleanup;
        pending::<()>().await;
    }
    let capsules = instance();
    {
        let mut future = pin!(capsules.scope(holds()));
        let mut context = Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(
        only(recorded(&capsules)).outcome.side_effects,
        ["cleaned up"]
    );
}

#[test]
fn two_tasks_on_one_thread_never_see_each_other() {
    #[audit(type = "agent")]
    async fn step(name: &'static str) {
        for _ in 0..3 {
            let id = capsules::current().id();
            yield_once().await;
            assert_eq!(capsules::current().id(), id);
            capsules::current().side_effect(name);
        }
    }
    let capsules = instance();
    let mut left = pin!(capsules.scope(step("left")));
    let mut right = pin!(capsules.scope(step("right")));
    let mut context = Context::from_waker(Waker::noop());
    let mut done = [false; 2];
    while done != [true; 2] {
        if !done[0] {
            done[0] = left.as_mut().poll(&mut context).is_ready();
        }
        assert!(!capsules::current().is_active());
        if !done[1] {
            done[1] = right.as_mut().poll(&mut context).is_ready();
        }
    }
    for capsule in recorded(&capsules) {
        let name = &capsule.trigger.request;
        assert_eq!(capsule.outcome.side_effects, [name.as_str(); 3]);
    }
}

async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[tokio::test]
async fn a_spawned_task_starts_detached() {
    #[audit(type = "agent")]
    async fn spawns() -> bool {
        assert!(capsules::current().is_active());
        tokio::spawn(async { capsules::current().is_active() })
            .await
            .unwrap()
    }
    let (active, _) = audited_async(spawns()).await;
    assert!(!active);
}

/// The recorder waits for nobody's runtime: what was recorded on one that has stopped arrives.
#[test]
fn a_stopped_runtime_loses_nothing() {
    let capsules = instance();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (started, has_started) = mpsc::channel();
    runtime.spawn(capsules.scope(starts(started)));
    has_started.recv().unwrap();
    drop(runtime);
    assert_ended(
        &only(recorded(&capsules)),
        &OutcomeStatus::Partial,
        Some(CANCELLED),
    );
}

#[test]
fn the_future_is_send_and_stays_small() {
    #[audit(type = "agent")]
    async fn not_send_value() -> std::rc::Rc<u8> {
        ready(()).await;
        std::rc::Rc::new(1)
    }
    #[audit(type = "agent", trigger_from = none)]
    async fn audited(buffer: [u8; 64]) -> u8 {
        ready(()).await;
        buffer[0]
    }
    async fn plain(buffer: [u8; 64]) -> u8 {
        ready(()).await;
        buffer[0]
    }
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    drop(is_send(not_send_value()));
    let grown = size_of_val(&audited([0; 64])) - size_of_val(&plain([0; 64]));
    // The argument is moved into the body's future, so it is there twice.
    assert!(grown <= 96 + 64, "grown by {grown} bytes");
}

#[test]
fn an_instance_and_its_futures_can_cross_threads() {
    fn is_send_sync<T: Send + Sync>() {}
    is_send_sync::<Capsules>();
    is_send_sync::<capsules::CurrentCapsule>();
}
