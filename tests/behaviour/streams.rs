//! Functions that return streams: the call is the stream's.
#![allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "functions that fold see items by reference"
)]

use std::cell::Cell;
use std::convert::Infallible;
use std::num::ParseIntError;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use async_stream::{stream, try_stream};
use capsules::{Capsule, OutcomeStatus, audit};
use futures_core::Stream;
use futures_core::stream::{BoxStream, FusedStream, LocalBoxStream};
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream as streams};
use serde_json::{Value, json};

use crate::support::{assert_ended, audited, audited_async, instance, only, recorded};

#[audit(type = "agent")]
fn count(to: u8) -> impl Stream<Item = u8> {
    streams::iter(1..=to)
}

#[audit(type = "agent", fold = "text")]
fn tokens(prompt: &str) -> impl Stream<Item = &str> + use<'_> {
    stream! {
        capsules::current().model("gpt-4o");
        for token in prompt.split_inclusive(' ') {
            tokio::task::yield_now().await;
            yield token;
        }
    }
}

/// Numbers, until a text that is none.
#[audit(type = "tool", fold = "text")]
fn parse(texts: Vec<&'static str>) -> impl Stream<Item = Result<u8, ParseIntError>> + Send {
    try_stream! {
        for text in texts {
            let number = text.parse::<u8>()?;
            yield number;
        }
    }
}

/// Like the one before, but goes on after an error.
#[audit(type = "tool", until = "end", fold = add)]
fn parse_all(texts: &'static [&str]) -> BoxStream<'static, Result<u8, ParseIntError>> {
    streams::iter(texts).map(|text| text.parse()).boxed()
}

fn add(sum: &mut u32, number: &u8) {
    *sum += u32::from(*number);
}

/// Polls without waiting.
fn poll<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop()))
}

fn items(capsule: &Capsule) -> &Value {
    &capsule.outcome.metrics["items"]
}

#[tokio::test]
async fn a_stream_is_recorded_at_its_end_with_the_number_of_items() {
    let capsules = instance();
    capsules
        .scope(async {
            let mut stream = count(3);
            while stream.next().await.is_some() {
                assert_eq!(recorded(&capsules).len(), 0);
            }
            assert_eq!(recorded(&capsules).len(), 1);
            // What it does after its end is its own affair.
            assert_eq!(stream.next().await, None);
        })
        .await;
    let capsule = only(recorded(&capsules));
    assert_ended(&capsule, &OutcomeStatus::Success, None);
    assert_eq!(capsule.trigger.request, "3");
    assert_eq!(
        (items(&capsule), &capsule.outcome.result),
        (&json!(3), &Value::Null)
    );
}

#[tokio::test]
async fn an_error_item_ends_the_record_and_not_the_stream() {
    #[audit(type = "tool")]
    fn mixed() -> impl Stream<Item = Result<u8, &'static str>> {
        streams::iter([Ok(1), Err("first"), Err("second"), Ok(2)])
    }
    let ((), capsules) = audited_async(async {
        assert!(
            parse(vec!["1", "22", "x", "3"])
                .try_collect::<Vec<_>>()
                .await
                .is_err()
        );
    })
    .await;
    let capsule = only(capsules);
    assert_ended(
        &capsule,
        &OutcomeStatus::Failure,
        Some("invalid digit found in string"),
    );
    assert_eq!(
        (items(&capsule), &capsule.outcome.result),
        (&json!(3), &json!("122"))
    );

    let (all, capsules) = audited_async(async { mixed().collect::<Vec<_>>().await }).await;
    assert_eq!(all, [Ok(1), Err("first"), Err("second"), Ok(2)]);
    let capsule = only(capsules);
    assert_ended(&capsule, &OutcomeStatus::Failure, Some("first"));
    assert_eq!(items(&capsule), &json!(2));
}

#[tokio::test]
async fn until_end_records_at_the_end_with_the_first_error() {
    let (all, capsules) =
        audited_async(async { parse_all(&["1", "x", "", "4"]).collect::<Vec<_>>().await }).await;
    assert_eq!(all.iter().filter(|item| item.is_ok()).count(), 2);
    let capsule = only(capsules);
    assert_ended(
        &capsule,
        &OutcomeStatus::Failure,
        Some("invalid digit found in string"),
    );
    assert_eq!(
        Value::Object(capsule.outcome.metrics.clone()),
        json!({"items": 4, "failed_items": 2})
    );
    assert_eq!(capsule.outcome.result, json!(5));
}

#[tokio::test]
async fn a_stream_that_is_dropped_early_is_partial() {
    struct Cleanup;
    impl Drop for Cleanup {
        fn drop(&mut self) {
            capsules::current().side_effect("cleaned up");
        }
    }
    #[audit(type = "agent", fold = "text")]
    fn forever() -> impl Stream<Item = &'static str> {
        stream! {
            let _cleanup = Cleanup;
            loop { yield "a"; }
        }
    }
    let (taken, capsules) =
        audited_async(async { forever().take(3).collect::<Vec<_>>().await }).await;
    assert_eq!(taken, ["a"; 3]);
    let capsule = only(capsules);
    assert_ended(
        &capsule,
        &OutcomeStatus::Partial,
        Some("cancelled: the stream was dropped after 3 items, before it ended"),
    );
    assert_eq!(
        (items(&capsule), &capsule.outcome.result),
        (&json!(3), &json!("aaa"))
    );
    assert_eq!(capsule.outcome.side_effects, ["cleaned up"]);
}

#[test]
fn a_stream_that_is_never_polled_leaves_nothing() {
    let ((), capsules) = audited(|| drop((count(1), tokens("a"), parse_all(&["1"]))));
    assert_eq!(capsules.len(), 0);
}

#[tokio::test]
async fn a_panic_while_polling_is_a_failure_after_so_many_items() {
    #[audit(type = "tool")]
    fn boom() -> impl Stream<Item = u8> {
        streams::iter([1, 0]).map(|number| if number == 0 { panic!("boom") } else { number })
    }
    let capsules = instance();
    let caught = capsules
        .scope(async {
            std::panic::AssertUnwindSafe(boom().count())
                .catch_unwind()
                .await
        })
        .await;
    assert!(caught.is_err());
    let capsule = only(recorded(&capsules));
    assert_ended(&capsule, &OutcomeStatus::Failure, Some("panicked: boom"));
    assert_eq!(items(&capsule), &json!(1));
}

#[tokio::test]
async fn the_capsule_is_current_while_the_stream_is_polled_and_not_between() {
    let (text, capsules) = audited_async(async {
        let mut text = String::new();
        let mut stream = pin!(tokens("one two three"));
        while let Some(token) = stream.next().await {
            assert!(!capsules::current().is_active());
            text += token;
        }
        text
    })
    .await;
    let capsule = only(capsules);
    assert_eq!(capsule.reasoning.model.as_deref(), Some("gpt-4o"));
    assert_eq!(capsule.outcome.result, json!(text));
}

#[tokio::test]
async fn children_of_two_streams_that_are_polled_in_turn_are_not_mixed_up() {
    #[audit(type = "tool")]
    fn child(of: u8) -> u8 {
        of
    }
    #[audit(type = "agent")]
    fn parent(number: u8) -> impl Stream<Item = u8> {
        streams::iter(0..3).map(move |_| child(number))
    }
    let ((), capsules) = audited_async(async {
        let both = streams::select(parent(1), parent(2));
        assert_eq!(both.count().await, 6);
    })
    .await;
    let parents: Vec<_> = capsules.iter().filter(|c| c.parent_id.is_none()).collect();
    assert_eq!(parents.len(), 2);
    for parent in parents {
        let children: Vec<_> = capsules
            .iter()
            .filter(|c| c.parent_id == Some(parent.id))
            .collect();
        assert_eq!(children.len(), 3);
        assert!(
            children
                .iter()
                .all(|c| c.trigger.request == parent.trigger.request)
        );
        assert_eq!(parent.execution.tool_calls.len(), 3);
    }
}

#[tokio::test]
async fn every_form_of_a_stream_is_recorded_at_its_end() {
    #[audit(type = "tool")]
    fn pinned<'a>(text: &'a str) -> Pin<Box<dyn Stream<Item = u8> + Send + 'a>> {
        Box::pin(streams::iter(text.bytes()))
    }
    #[audit(type = "tool")]
    fn local(text: &str) -> LocalBoxStream<'_, char> {
        let text = Rc::new(text);
        streams::iter(text.chars())
            .map(move |c| c.max(text.chars().next().unwrap()))
            .boxed_local()
    }
    #[audit(type = "tool")]
    fn boxed() -> Box<dyn Stream<Item = u8> + Send + Unpin> {
        Box::new(streams::iter([1]))
    }
    #[audit(type = "tool")]
    fn checked(text: &str) -> Result<impl Stream<Item = u8> + use<>, ParseIntError> {
        Ok(streams::iter(0..text.parse()?))
    }
    #[audit(type = "tool")]
    fn perhaps(there: bool) -> Option<BoxStream<'static, u8>> {
        there.then(|| streams::iter([1]).boxed())
    }
    #[audit(type = "tool")]
    async fn later(text: &str) -> Result<BoxStream<'_, u8>, Infallible> {
        tokio::task::yield_now().await;
        Ok(streams::iter(text.bytes()).boxed())
    }
    #[audit(type = "tool")]
    fn in_a_future(text: &str) -> impl Future<Output = Result<impl Stream<Item = u8>, Infallible>> {
        async move { Ok(streams::iter(text.bytes())) }
    }
    let ((), capsules) = audited_async(async {
        assert_eq!(pinned("1").count().await, 1);
        assert_eq!(local("12").count().await, 2);
        assert_eq!(boxed().count().await, 1);
        assert_eq!(checked("2").unwrap().count().await, 2);
        assert!(checked("x").is_err());
        assert_eq!(perhaps(true).unwrap().count().await, 1);
        assert!(perhaps(false).is_none());
        assert_eq!(later("123").await.unwrap().count().await, 3);
        assert_eq!(in_a_future("1234").await.unwrap().count().await, 4);
    })
    .await;
    let counts: Vec<_> = capsules
        .iter()
        .map(|c| {
            (
                c.outcome.metrics.get("items").and_then(Value::as_u64),
                c.outcome.error.is_some(),
            )
        })
        .collect();
    assert_eq!(
        counts,
        [
            (Some(1), false),
            (Some(2), false),
            (Some(1), false),
            (Some(2), false),
            (None, true),
            (Some(1), false),
            (None, false),
            (Some(3), false),
            (Some(4), false)
        ]
    );
}

#[tokio::test]
async fn an_asynchronous_function_whose_stream_is_not_polled_has_run() {
    #[audit(type = "tool")]
    async fn later() -> impl Stream<Item = u8> {
        streams::iter([1])
    }
    let ((), capsules) = audited_async(async { drop(later().await) }).await;
    let capsule = only(capsules);
    assert_eq!(capsule.outcome.status, OutcomeStatus::Partial);
    assert_eq!(items(&capsule), &json!(0));
}

#[tokio::test]
async fn a_fold_is_cut_and_may_be_any_function() {
    struct Delta(Option<&'static str>);
    #[derive(Default, serde::Serialize)]
    struct Answer {
        text: String,
        deltas: usize,
    }
    #[audit(type = "chat", fold = "text")]
    fn long() -> impl Stream<Item = Option<&'static str>> {
        streams::repeat(Some("äö")).take(1_000)
    }
    #[audit(type = "chat", fold = |answer: &mut Answer, delta: &Delta| {
        answer.text += delta.0.unwrap_or_default();
        answer.deltas += 1;
    })]
    fn deltas() -> impl Stream<Item = Result<Delta, Infallible>> {
        streams::iter([Ok(Delta(Some("a"))), Ok(Delta(None)), Ok(Delta(Some("b")))])
    }
    #[audit(type = "chat", fold = |all: &mut Vec<_>, text: &&'static str| all.push(*text), result = "debug")]
    fn owned() -> impl Stream<Item = &'static str> {
        streams::iter(["a", "b"])
    }
    let ((), capsules) = audited_async(async {
        assert_eq!(long().count().await, 1_000);
        assert_eq!(deltas().count().await, 3);
        assert_eq!(owned().count().await, 2);
    })
    .await;
    let text = capsules[0].outcome.result.as_str().unwrap();
    assert_eq!(
        (text.chars().count(), text.chars().last()),
        (500, Some('…'))
    );
    assert_eq!(
        capsules[0].context.environment["capsules.cut"],
        json!(["outcome.result"])
    );
    assert_eq!(
        capsules[1].outcome.result,
        json!({"text": "ab", "deltas": 3})
    );
    assert_eq!(capsules[2].outcome.result, json!("[\"a\", \"b\"]"));
}

#[tokio::test]
async fn a_fold_that_panics_does_not_reach_the_stream() {
    fn broken(_: &mut u8, _: &u8) {
        panic!("broken");
    }
    #[audit(type = "tool", fold = broken)]
    fn stream() -> impl Stream<Item = u8> {
        streams::iter([1, 2])
    }
    let (count, capsules) = audited_async(async { stream().count().await }).await;
    assert_eq!(count, 2);
    let capsule = only(capsules);
    assert_ended(&capsule, &OutcomeStatus::Success, None);
    assert_eq!(capsule.outcome.result, json!("<not readable>"));
}

#[tokio::test]
async fn secrets_are_not_folded() {
    #[audit(type = "vault", fold = "text")]
    fn keys() -> impl Stream<Item = capsules::Redacted<&'static str>> {
        streams::iter([capsules::Redacted::new("sk-1")])
    }
    let (_, capsules) = audited_async(async { keys().count().await }).await;
    assert_eq!(only(capsules).outcome.result, json!("[redacted]"));
}

#[tokio::test]
async fn a_stream_that_waits_for_the_store() {
    #[audit(type = "tool", durability = "committed")]
    fn waits() -> impl Stream<Item = u8> {
        streams::iter([1, 2])
    }
    #[audit(type = "tool", swallow_errors = false)]
    fn reports(fail: bool) -> BoxStream<'static, Result<u8, capsules::Error>> {
        let last = if fail {
            Err(capsules::Error::Unsealable)
        } else {
            Ok(2)
        };
        // This one panics when it is polled after its end.
        let items = vec![last, Ok(1)];
        streams::unfold(items, |mut items| async { Some((items.pop()?, items)) }).boxed()
    }
    #[audit(type = "tool", swallow_errors = false, until = "end")]
    fn reports_at_the_end() -> BoxStream<'static, Result<u8, capsules::Error>> {
        streams::iter([Err(capsules::Error::Unsealable)]).boxed()
    }
    let capsules = instance();
    capsules
        .scope(async {
            assert_eq!(waits().count().await, 2);
            assert_eq!(capsules.stats().committed, 1);
            assert_eq!(reports(false).count().await, 2);
            assert_eq!(reports(true).count().await, 2);
            assert_eq!(capsules.stats().committed, 3);
        })
        .await;
    capsules.clone().close(crate::support::PATIENCE).unwrap();
    capsules
        .scope(async {
            let refused: Vec<_> = reports(false).collect().await;
            assert!(matches!(
                &refused[..],
                [Ok(1), Ok(2), Err(capsules::Error::Closed)]
            ));
            let mut stream = reports(false);
            assert!(stream.by_ref().skip(2).next().await.is_some());
            assert!(stream.next().await.is_none());
            // Its own error wins.
            assert_eq!(reports(true).count().await, 2);
            assert_eq!(reports_at_the_end().count().await, 1);
        })
        .await;
}

#[test]
fn what_a_stream_says_of_itself_stays() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    fn is_unpin<T: Unpin>(value: T) -> T {
        value
    }
    #[audit(type = "tool")]
    fn given<S: Stream<Item = u8>>(stream: S) -> impl Stream<Item = u8> {
        stream
    }
    #[audit(type = "tool")]
    fn fused() -> impl FusedStream<Item = u8> + Send + Unpin {
        streams::iter([1]).fuse()
    }
    let ((), capsules) = audited(|| {
        drop(is_send(given(stream! { yield 1; })));
        assert_eq!(
            is_unpin(given(streams::iter([1, 2]))).size_hint(),
            (2, Some(2))
        );
        drop(given(stream! {
            let shared = Rc::new(Cell::new(1));
            yield 0;
            yield shared.get();
        }));
        let mut stream = fused();
        assert_eq!(poll(&mut stream), Poll::Ready(Some(1)));
        assert!(!stream.is_terminated());
        assert_eq!(poll(&mut stream), Poll::Ready(None));
        assert!(stream.is_terminated());
    });
    assert_eq!(capsules.len(), 1);
}

#[tokio::test]
async fn the_duration_is_that_of_the_stream() {
    #[audit(type = "tool")]
    fn slow() -> impl Stream<Item = ()> {
        streams::once(tokio::time::sleep(std::time::Duration::from_millis(20)))
    }
    let (_, capsules) = audited_async(async { pin!(slow()).count().await }).await;
    assert!(only(capsules).execution.duration_ms >= 20);
}
