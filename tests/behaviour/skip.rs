//! Parameters of which nothing is kept, or only a hash.

use std::sync::{Arc, Mutex};

use capsules::{Capsules, audit};
use capsules_core::sha3_256;
use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Metadata, Subscriber, span};

use crate::redaction::assert_not_in_files;
use crate::support::{audited, only};

/// Collects everything that events say.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<String>>);

impl Visit for Events {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let text = format!("{field} = {value:?}\n");
        self.0.lock().unwrap().push_str(&text);
    }
}

impl Subscriber for Events {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// What a closure gives, and all that events say meanwhile.
fn said<R>(run: impl FnOnce() -> R) -> (R, String) {
    // As long as there is one dispatcher only, an event that another thread meets first is off for
    // good: that thread has none, and is the only one that is asked.
    let _other = Dispatch::new(Events::default());
    let events = Events::default();
    let value = tracing::subscriber::with_default(events.clone(), run);
    let said = events.0.lock().unwrap().clone();
    (value, said)
}

#[test]
fn a_skipped_argument_reaches_no_file_and_no_event() {
    #[audit(type = "auth", skip(password), tenant_id = tenants[9].clone())]
    fn login(password: &str, tenants: &[String]) -> Result<usize, String> {
        Err(format!("wrong password of {} characters", password.len()))
    }
    #[audit(type = "agent", skip(password), trigger_from = user)]
    fn outer(password: &str, user: &str) -> Result<usize, String> {
        login(password, &[user.to_owned()])
    }
    let directory = capsules_tests::temp_dir();
    let capsules = Capsules::builder()
        .data_dir(directory.path())
        .build()
        .unwrap();
    let (result, said) = said(|| capsules.scope_sync(|| outer("MARKER", "ann")));
    result.unwrap_err();
    capsules.flush().wait().unwrap();
    assert!(said.contains("an argument could not be read"), "{said}");
    assert!(!said.contains("MARKER"), "{said}");
    assert_not_in_files(directory.path(), "MARKER");
    let kept = crate::support::recorded(&capsules);
    assert_eq!(kept[0].trigger.request, "");
    assert_eq!(kept[1].trigger.request, "ann");
}

/// What an expression panics with may hold a part of an argument.
#[test]
fn an_expression_that_panics_says_nothing_in_an_event() {
    #[audit(type = "auth", tenant_id = tenant.parse::<u64>().unwrap())]
    fn login(tenant: &str) -> usize {
        tenant.len()
    }
    #[audit(type = "auth", skip(_token))]
    fn other(user: &str, _token: &str) -> usize {
        user.len()
    }
    let ((_, capsules), said) = said(|| audited(|| (login("MARKER"), other("ann", "MARKER"))));
    assert_eq!(capsules[1].trigger.request, "ann");
    assert!(!said.is_empty() && !said.contains("MARKER"), "{said}");
}

#[test]
fn a_prompt_is_kept_as_its_hash() {
    struct Request {
        text: String,
    }
    #[audit(type = "agent", prompt = "prompt")]
    fn ask(prompt: &str) -> usize {
        prompt.len()
    }
    #[audit(type = "agent", prompt = request.text)]
    fn by_field(request: &Request) -> usize {
        request.text.len()
    }
    #[audit(type = "agent")]
    fn by_setter() {
        capsules::current().prompt("MARKER");
    }
    let long = "MARKER".repeat(1_000);
    let request = Request { text: long.clone() };
    let (_, capsules) = audited(|| (ask(&long), by_field(&request), by_setter()));
    let hash = |text: &str| Some(sha3_256(text.as_bytes()).to_string());
    let hashes = [hash(&long), hash(&long), hash("MARKER")];
    for (capsule, hash) in capsules.iter().zip(hashes) {
        assert_eq!(capsule.reasoning.prompt_hash, hash);
        assert_eq!(capsule.trigger.request, "");
        assert!(!format!("{capsule:?}").contains("MARKER"));
    }
}

#[test]
fn a_secret_prompt_leaves_no_hash_of_its_mask() {
    #[audit(type = "agent", prompt = prompt)]
    fn ask(prompt: capsules::Redacted<&str>) -> usize {
        prompt.expose().len()
    }
    let (_, capsules) = audited(|| ask("MARKER".into()));
    assert_eq!(only(capsules).reasoning.prompt_hash, None);
}
