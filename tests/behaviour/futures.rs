//! Functions that return futures: the call is the future's.

use std::future::{Future, pending, ready};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};

use capsules::{OutcomeStatus, audit};
use serde_json::json;

use crate::support::{assert_ended, audited, audited_async, instance, only, recorded};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type LocalBoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

#[audit(type = "tool")]
fn opaque(text: &str) -> impl Future<Output = Result<u8, std::num::ParseIntError>> {
    async move {
        capsules::current().summary("in the future");
        // What `?` converts to is known from the signature alone.
        let number = text.parse::<u8>()?;
        tokio::task::yield_now().await;
        Ok(number)
    }
}

#[audit(type = "tool")]
fn pinned<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = usize> + Send + 'a>> {
    if text.is_empty() {
        return Box::pin(ready(0));
    }
    Box::pin(async move { text.len() })
}

#[audit(type = "tool")]
fn aliased(text: &str) -> BoxFuture<'_, usize> {
    Box::pin(async move { text.len() })
}

#[audit(type = "tool")]
fn local(text: &str) -> LocalBoxFuture<'_, usize> {
    Box::pin(async move { std::rc::Rc::new(text).len() })
}

#[audit(type = "tool")]
fn boxed(text: &'static str) -> Box<dyn Future<Output = usize> + Send + Unpin> {
    Box::new(ready(text.len()))
}

#[tokio::test]
async fn the_output_is_what_is_recorded() {
    let ((), capsules) = audited_async(async {
        assert_eq!(opaque("7").await, Ok(7));
        assert!(opaque("x").await.is_err());
        assert_eq!(pinned("").await + pinned("abc").await, 3);
        assert_eq!(aliased("abcd").await, 4);
        assert_eq!(local("abcde").await, 5);
        assert_eq!(boxed("abcdef").await, 6);
    })
    .await;
    assert_ended(&capsules[0], &OutcomeStatus::Success, None);
    assert_eq!(capsules[0].outcome.summary, "in the future");
    assert_ended(
        &capsules[1],
        &OutcomeStatus::Failure,
        Some("invalid digit found in string"),
    );
    let requests: Vec<_> = capsules.iter().map(|c| &*c.trigger.request).collect();
    assert_eq!(requests, ["7", "x", "", "abc", "abcd", "abcde", "abcdef"]);
    let results: Vec<_> = capsules.iter().map(|c| &c.outcome.result).collect();
    assert_eq!(
        results,
        [
            &json!(7),
            &json!(null),
            &json!(0),
            &json!(3),
            &json!(4),
            &json!(5),
            &json!(6)
        ]
    );
}

#[tokio::test]
async fn the_statements_before_the_future_run_at_the_call_and_once() {
    static RUNS: AtomicU8 = AtomicU8::new(0);
    // What `async_trait` makes of an asynchronous method.
    #[audit(type = "tool")]
    fn run<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = usize> + Send + 'a>> {
        RUNS.fetch_add(1, Ordering::SeqCst);
        capsules::current().side_effect("called");
        Box::pin(async move {
            capsules::current().side_effect("polled");
            text.len()
        })
    }
    let (length, capsules) = audited_async(async {
        let future = run("abc");
        assert_eq!(RUNS.load(Ordering::SeqCst), 1);
        assert!(!capsules::current().is_active());
        future.await
    })
    .await;
    assert_eq!((length, RUNS.load(Ordering::SeqCst)), (3, 1));
    assert_eq!(only(capsules).outcome.side_effects, ["called", "polled"]);
}

#[tokio::test]
async fn the_duration_covers_the_await() {
    #[audit(type = "tool")]
    fn sleeps() -> impl Future<Output = ()> {
        tokio::time::sleep(std::time::Duration::from_millis(20))
    }
    let ((), capsules) = audited_async(async { sleeps().await }).await;
    assert!(only(capsules).execution.duration_ms >= 20);
}

#[test]
fn a_future_that_is_never_polled_leaves_nothing() {
    let (future, capsules) = audited(|| drop((opaque("1"), pinned("2"), boxed("3"))));
    assert_eq!((future, capsules.len()), ((), 0));
}

#[test]
fn a_future_that_is_dropped_early_is_a_cancellation() {
    struct Cleanup;
    impl Drop for Cleanup {
        fn drop(&mut self) {
            capsules::current().side_effect("cleaned up");
        }
    }
    #[audit(type = "tool")]
    fn forever() -> BoxFuture<'static, ()> {
        Box::pin(async {
            let _cleanup = Cleanup;
            pending::<()>().await;
        })
    }
    let capsules = instance();
    {
        let mut future = pin!(capsules.scope_sync(forever));
        let mut context = Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
    }
    let capsule = only(recorded(&capsules));
    assert_ended(
        &capsule,
        &OutcomeStatus::Partial,
        Some("cancelled: the future was dropped before it finished"),
    );
    assert_eq!(capsule.outcome.side_effects, ["cleaned up"]);
}

#[tokio::test]
async fn panics_before_and_in_the_future_are_recorded() {
    #[audit(type = "tool")]
    fn boom(early: bool) -> impl Future<Output = ()> {
        assert!(!early, "early");
        async { panic!("late") }
    }
    let capsules = instance();
    let early = capsules.scope_sync(|| std::panic::catch_unwind(|| drop(boom(true))));
    let late = tokio::spawn(capsules.scope_sync(|| boom(false))).await;
    assert!(early.is_err() && late.unwrap_err().is_panic());
    let errors: Vec<_> = recorded(&capsules)
        .into_iter()
        .map(|capsule| capsule.outcome.error.unwrap())
        .collect();
    assert_eq!(errors, ["panicked: early", "panicked: late"]);
}

#[tokio::test]
async fn a_function_may_fail_before_it_gives_its_future() {
    #[audit(type = "tool")]
    fn checked(text: &str) -> Result<impl Future<Output = usize>, std::num::ParseIntError> {
        let number = text.parse::<usize>()?;
        Ok(async move { number + 1 })
    }
    #[audit(type = "tool")]
    fn perhaps(there: bool) -> Option<BoxFuture<'static, u8>> {
        if there {
            Some(Box::pin(ready(1)))
        } else {
            None
        }
    }
    let ((), capsules) = audited_async(async {
        assert_eq!(checked("1").unwrap().await, 2);
        assert!(checked("x").is_err());
        drop(checked("2"));
        assert_eq!(perhaps(true).unwrap().await, 1);
        assert!(perhaps(false).is_none());
    })
    .await;
    let outcomes: Vec<_> = capsules
        .iter()
        .map(|c| (c.outcome.result.clone(), c.outcome.error.is_some()))
        .collect();
    assert_eq!(
        outcomes,
        [
            (json!(2), false),
            (json!(null), true),
            (json!(1), false),
            (json!(null), false)
        ]
    );
}

#[tokio::test]
async fn an_asynchronous_function_may_return_a_future() {
    #[audit(type = "tool")]
    async fn twice(number: u8) -> BoxFuture<'static, u8> {
        Box::pin(async move { number * 2 })
    }
    let (number, capsules) = audited_async(async { twice(4).await.await }).await;
    assert_eq!(number, 8);
    assert_eq!(only(capsules).outcome.result, json!(8));
}

#[tokio::test]
async fn a_future_that_waits_for_the_store() {
    #[audit(type = "tool", durability = "committed")]
    fn waits(fail: bool) -> impl Future<Output = Result<u8, capsules::Error>> {
        async move {
            if fail {
                Err(capsules::Error::Closed)
            } else {
                Ok(1)
            }
        }
    }
    #[audit(type = "tool", swallow_errors = false)]
    fn reports() -> BoxFuture<'static, Result<u8, capsules::Error>> {
        Box::pin(async { Ok(2) })
    }
    let capsules = instance();
    let values = capsules
        .scope(async {
            (
                waits(false).await,
                waits(true).await.is_err(),
                reports().await,
            )
        })
        .await;
    assert!(matches!(values, (Ok(1), true, Ok(2))));
    assert_eq!(capsules.stats().committed, 3);
    capsules.clone().close(crate::support::PATIENCE).unwrap();
    let refused = capsules.scope(async { reports().await }).await;
    assert!(matches!(refused, Err(capsules::Error::Closed)));
}

#[test]
fn send_and_unpin_are_those_of_the_future() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    fn is_unpin<T: Unpin>(value: T) -> T {
        value
    }
    #[audit(type = "tool")]
    fn given<F: Future<Output = u8>>(future: F) -> impl Future<Output = u8> {
        future
    }
    #[audit(type = "tool")]
    fn unpinned() -> impl Future<Output = u8> + Send + Unpin {
        ready(1)
    }
    drop(is_send(given(async { 1 })));
    drop(is_unpin(given(ready(1))));
    drop(is_unpin(unpinned()));
    drop(given(async {
        let shared = std::rc::Rc::new(1);
        ready(()).await;
        *shared
    }));
}

#[test]
fn a_future_that_is_polled_after_its_end_stays_pending() {
    #[audit(type = "tool")]
    fn endless() -> impl Future<Output = u8> + Unpin {
        std::future::poll_fn(|_| Poll::Ready(1))
    }
    let capsules = instance();
    let mut future = capsules.scope_sync(endless);
    let mut context = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut future).poll(&mut context).is_ready());
    assert!(Pin::new(&mut future).poll(&mut context).is_pending());
    assert_eq!(recorded(&capsules).len(), 1);
}
