//! The correlation id of the running `tracing` span.

use std::fmt::Debug;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Subscriber, dispatcher};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, Registry, SpanRef};

use crate::trace_parent::trace_id;

/// Takes the correlation id of capsules from the spans of `tracing`: a layer of the program's
/// subscriber, which stands on the `Registry` of `tracing-subscriber`.
///
/// It notes the fields `correlation_id`, `trace_id` and `traceparent` of every span. A capsule takes
/// the id of the span that is current when its call begins, or of the nearest span around that
/// which has one; of several fields of one span the first in this order counts. What is more
/// explicit goes before it: [`CurrentCapsule::correlation_id`](crate::CurrentCapsule::correlation_id),
/// then the keys `correlation_from` and `traceparent` of the attribute and the setters of
/// [`Action`](crate::Action), then what the parent's capsule says.
///
/// ```
/// # use capsules::testing::Recorder;
/// use capsules::CorrelationLayer;
/// use tracing_subscriber::layer::SubscriberExt;
///
/// #[capsules::audit(type = "agent")]
/// fn answer(question: &str) -> usize {
///     question.len()
/// }
///
/// let subscriber = tracing_subscriber::registry().with(CorrelationLayer);
/// # let recorder = Recorder::new();
/// tracing::subscriber::with_default(subscriber, || {
///     let request = tracing::info_span!("request", correlation_id = "run-7");
/// #   recorder.scope_sync(|| {
///     request.in_scope(|| answer("why?"));
/// #   });
/// });
/// # assert_eq!(recorder.capsules()[0].trigger.correlation_id.as_deref(), Some("run-7"));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct CorrelationLayer;

impl<S> Layer<S> for CorrelationLayer
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        note(context.span(id), |noted| attributes.record(noted));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        note(context.span(id), |noted| values.record(noted));
    }
}

/// The correlation id of the current span, or of the nearest around it that has one.
pub(crate) fn of_current_span() -> Option<String> {
    dispatcher::get_default(|dispatch| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        let current = dispatch.current_span();
        let span = registry.span(current.id()?)?;
        span.scope().find_map(|span| {
            let extensions = span.extensions();
            extensions.get::<Noted>()?.id()
        })
    })
}

/// The fields of a span that say to what it belongs.
#[derive(Clone, Default)]
struct Noted {
    correlation_id: Option<String>,
    trace_id: Option<String>,
    traceparent: Option<String>,
}

impl Noted {
    fn id(&self) -> Option<String> {
        let id = self.correlation_id.clone().or(self.trace_id.clone());
        id.or_else(|| trace_id(self.traceparent.clone()))
    }
}

impl Visit for Noted {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let noted = match field.name() {
            "correlation_id" => &mut self.correlation_id,
            "trace_id" => &mut self.trace_id,
            "traceparent" => &mut self.traceparent,
            _ => return,
        };
        // An empty one says nothing.
        *noted = Some(format!("{value:?}")).filter(|text| !text.is_empty());
    }
}

/// Adds to what is noted of a span, which may be told of a field after it was made.
fn note<'a, S>(span: Option<SpanRef<'a, S>>, record: impl FnOnce(&mut Noted))
where
    S: LookupSpan<'a>,
{
    let Some(span) = span else { return };
    let noted = span.extensions().get::<Noted>().cloned();
    let mut noted = noted.unwrap_or_default();
    // The values' own code runs while the span is not locked.
    record(&mut noted);
    if noted.correlation_id.is_some() || noted.trace_id.is_some() || noted.traceparent.is_some() {
        span.extensions_mut().replace(noted);
    }
}
