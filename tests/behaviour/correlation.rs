//! Where the correlation id comes from.

use std::collections::HashMap;

use capsules::{TraceParent, audit, current};

use crate::support::{audited, only};

const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn a_traceparent_gives_its_trace_id() {
    struct Request {
        traceparent: Option<String>,
    }
    #[audit(type = "agent", traceparent = "header")]
    fn by_name(header: &str) {}
    #[audit(type = "agent", trigger_from = none, traceparent = request.traceparent)]
    fn by_field(request: &Request) {}
    #[audit(type = "agent", trigger_from = none, traceparent = headers.get("traceparent"))]
    fn by_expression(headers: &HashMap<&str, &str>) {}
    #[audit(type = "agent")]
    fn by_setter(header: &str) {
        current().traceparent(header);
    }
    let traceparent = Some(HEADER.to_owned());
    let ((), capsules) = audited(|| {
        by_name(HEADER);
        by_field(&Request { traceparent });
        by_expression(&HashMap::from([("traceparent", HEADER)]));
        by_setter(HEADER);
    });
    assert_eq!(capsules.len(), 4);
    for capsule in capsules {
        assert_eq!(capsule.trigger.correlation_id.as_deref(), Some(TRACE));
    }
}

#[test]
fn a_traceparent_that_is_missing_or_malformed_leaves_what_is_inherited() {
    #[audit(type = "tool", traceparent = header)]
    fn child(header: Option<&str>) {}
    #[audit(type = "agent")]
    fn parent() {
        current().correlation_id("run-1");
        child(None);
        child(Some("00-nonsense"));
        child(Some(HEADER));
        current().traceparent("00-nonsense");
    }
    let ((), capsules) = audited(parent);
    let ids: Vec<_> = capsules
        .iter()
        .map(|capsule| capsule.trigger.correlation_id.as_deref())
        .collect();
    assert_eq!(
        ids,
        [Some("run-1"), Some("run-1"), Some(TRACE), Some("run-1")]
    );
}

#[test]
fn the_parsed_header_names_the_trace() {
    #[audit(type = "agent", correlation_from = "trace_id")]
    fn agent(trace_id: &str) {}
    let parent: TraceParent = HEADER.parse().unwrap();
    let ((), capsules) = audited(|| agent(&parent.trace_id()));
    let capsule = only(capsules);
    assert_eq!(capsule.trigger.correlation_id.as_deref(), Some(TRACE));
}
