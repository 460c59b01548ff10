//! Correlation ids of `tracing` spans.

use capsules::testing::Recorder;
use capsules::{CapsuleType, CorrelationLayer, action, audit, current};
use tracing::{Instrument, field, info_span};
use tracing_subscriber::layer::SubscriberExt;

const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[audit(type = "tool")]
fn work() {}

#[audit(type = "agent", correlation_from = id)]
fn with_own(id: Option<&str>) {
    work();
}

/// The correlation ids of what runs under a subscriber with the layer.
fn ids(run: impl FnOnce()) -> Vec<Option<String>> {
    let recorder = Recorder::new();
    let subscriber = tracing_subscriber::registry().with(CorrelationLayer);
    tracing::subscriber::with_default(subscriber, || recorder.scope_sync(run));
    let capsules = recorder.capsules().into_iter();
    capsules.map(|c| c.trigger.correlation_id).collect()
}

fn some<const N: usize>(ids: [&str; N]) -> Vec<Option<String>> {
    ids.into_iter().map(|id| Some(id.to_owned())).collect()
}

#[test]
fn every_field_that_names_it_in_every_form() {
    let number = 7_u64;
    let ids = ids(|| {
        info_span!("a", correlation_id = "text").in_scope(work);
        info_span!("a", correlation_id = %format_args!("display-{number}")).in_scope(work);
        info_span!("a", correlation_id = number).in_scope(work);
        info_span!("a", trace_id = "t-1").in_scope(work);
        info_span!("a", traceparent = HEADER).in_scope(work);
        info_span!("a", traceparent = HEADER, trace_id = "t-1").in_scope(work);
        info_span!("a", trace_id = "t-1", correlation_id = "c-1").in_scope(work);
    });
    let trace = &HEADER[3..35];
    assert_eq!(
        ids,
        some(["text", "display-7", "7", "t-1", trace, "t-1", "c-1"])
    );
}

#[test]
fn the_nearest_span_that_has_one() {
    let ids = ids(|| {
        let outer = info_span!("outer", correlation_id = "outer");
        let _outer = outer.enter();
        info_span!("inner", other = "x").in_scope(work);
        info_span!("inner", traceparent = "00-nonsense", correlation_id = "").in_scope(work);
        info_span!("inner", correlation_id = "inner").in_scope(work);
        info_span!(parent: None, "root").in_scope(work);
        let late = info_span!("late", correlation_id = field::Empty, trace_id = "t-1");
        late.in_scope(work);
        late.record("correlation_id", "late");
        late.in_scope(work);
    });
    let mut expected = some(["outer", "outer", "inner", "", "t-1", "late"]);
    expected[3] = None;
    assert_eq!(ids, expected);
}

#[test]
fn what_is_more_explicit_goes_before_it() {
    let span = || info_span!("span", correlation_id = "span");
    let ids = ids(|| {
        span().in_scope(|| with_own(None));
        span().in_scope(|| with_own(Some("own")));
        span().in_scope(|| {
            let action = action(CapsuleType::Tool).correlation_id("own");
            action.run_sync(|| ());
        });
        // The parent's, which began in another span, goes before its own.
        let parent = action(CapsuleType::Agent).correlation_id("parent").begin();
        parent.scope_sync(|| span().in_scope(work));
        parent.capsule().correlation_id("set");
        parent.succeed(&());
    });
    assert_eq!(
        ids,
        some(["span", "span", "own", "own", "own", "parent", "set"])
    );
}

#[test]
fn of_the_task_that_polls() {
    #[audit(type = "agent")]
    async fn run() {
        tokio::task::yield_now().await;
        assert!(current().is_active());
        work();
    }
    let mut ids = ids(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            let one = run().instrument(info_span!("one", correlation_id = "one"));
            let two = run().instrument(info_span!("two", correlation_id = "two"));
            tokio::join!(one, two);
        });
    });
    // Which of the two is polled first is the runtime's choice.
    ids.sort();
    assert_eq!(ids, some(["one", "one", "two", "two"]));
}

#[test]
fn without_the_layer_or_a_span_there_is_none() {
    assert_eq!(ids(work), [None]);
    let recorder = Recorder::new();
    tracing::subscriber::with_default(tracing_subscriber::registry(), || {
        let span = info_span!("span", correlation_id = "span");
        span.in_scope(|| recorder.scope_sync(work));
    });
    assert_eq!(recorder.capsules()[0].trigger.correlation_id, None);
}
