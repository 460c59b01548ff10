//! A store that fails at any one operation, in any way.

use std::fmt::Write;
use std::sync::Mutex;

use capsules::{Capsules, Storage};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::faulty::{Fault, Faulty, Kind, Moment};
use crate::support::{PATIENCE, assert_holds, leave_journal, record, settle, signer};

/// Everything that was said under the target `capsules`.
static EVENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Collect;

impl Subscriber for Collect {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "capsules"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                write!(self.0, "{field}={value:?} ").unwrap();
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        EVENTS.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Recovers a journal, and records three batches, on a store with this fault. Whether the fault
/// came about.
fn survives(fault: Fault) -> bool {
    let directory = capsules_tests::temp_dir();
    let journals = directory.path().join("journals");
    leave_journal(&journals, 0..4);
    let store = Faulty::new(fault);
    let capsules = Capsules::builder()
        .storage(store.clone())
        .signer(signer())
        .journals(&journals)
        .build()
        .unwrap();
    for batch in 0..3 {
        record(&capsules, 4 + batch * 4..8 + batch * 4);
        settle(&capsules);
    }
    let failed = store.has_failed();
    let stats = capsules.close(PATIENCE).unwrap();
    assert_eq!(
        (stats.accepted, stats.committed, stats.recovered),
        (12, 12, 4),
        "{fault:?}"
    );
    assert_eq!((stats.failed, stats.dropped), (0, 0), "{fault:?}");
    assert_holds(store.records(), 0..16);
    assert_eq!(stats.store_errors > 0, failed, "{fault:?}");
    if failed {
        let name = match fault.kind {
            Kind::Panic => "panicked".to_owned(),
            _ => store.location(),
        };
        assert!(stats.last_error.unwrap().contains(&name));
        let events = EVENTS.lock().unwrap();
        assert!(events.iter().any(|event| event.contains(&name)), "{name}");
        assert!(events.iter().any(|event| event.contains("recording again")));
    }
    failed
}

#[test]
fn nothing_is_lost_doubled_or_out_of_order() {
    tracing::subscriber::set_global_default(Collect).unwrap();
    // Other tests may have met an event between the subscriber's first moment and this one.
    tracing::callsite::rebuild_interest_cache();
    for kind in [Kind::Write, Kind::Locked, Kind::Read, Kind::Panic] {
        for moment in [Moment::BeforeTheEffect, Moment::AfterTheEffect] {
            for times in [1, 3] {
                let mut operations = 0;
                for at in 1.. {
                    let fault = Fault {
                        at,
                        times,
                        moment,
                        kind,
                    };
                    if !survives(fault) {
                        break;
                    }
                    operations += 1;
                }
                // Four look-ups and an append of the recovery, and an append for each batch.
                assert!(operations >= 8, "{operations} {kind:?} {moment:?}");
            }
        }
    }
}
