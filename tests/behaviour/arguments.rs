//! Arguments that are kept by their names.

use capsules::storage::MemoryStorage;
use capsules::{Capsule, CapsuleType, Capsules, action, audit};
use capsules_core::LocalSigner;
use serde::Serialize;
use serde_json::{Value, json};

use crate::support::{audited, audited_async, only, recorded};

#[derive(Serialize)]
struct Page {
    size: u8,
}

/// What a capsule keeps of the arguments.
fn kept(capsule: &Capsule) -> Value {
    let environment = &capsule.context.environment;
    environment
        .get("capsules.arguments")
        .cloned()
        .unwrap_or_default()
}

/// What the parent's list of tool calls says of them.
fn listed(parent: &Capsule) -> Vec<Value> {
    let calls = parent.execution.tool_calls.iter();
    calls.map(|call| call.arguments.clone().into()).collect()
}

#[test]
fn all_or_those_that_are_listed() {
    struct Opaque;
    #[audit(type = "tool", arguments)]
    fn all(query: &str, page: &Page, _opaque: &Opaque, r#in: Option<&std::path::Path>) {
        let _ = (query, page, r#in);
    }
    #[audit(type = "tool", arguments(page, limit))]
    fn some(query: &str, page: Box<Page>, mut limit: u64) -> u64 {
        limit += query.len() as u64;
        drop(page);
        limit
    }
    #[audit(type = "tool")]
    fn none(_query: &str) {}
    #[audit(type = "agent")]
    fn parent() {
        all("rust", &Page { size: 3 }, &Opaque, None);
        some("rust", Box::new(Page { size: 3 }), 7);
        none("rust");
    }
    let ((), capsules) = audited(parent);
    let expected = [
        json!({"query": "rust", "page": {"size": 3}, "_opaque": null, "in": null}),
        json!({"page": {"size": 3}, "limit": 7}),
        json!({}),
    ];
    assert_eq!(listed(&capsules[3]), expected);
    assert_eq!(kept(&capsules[0]), expected[0]);
    assert_eq!(kept(&capsules[1]), expected[1]);
    assert_eq!(kept(&capsules[2]), Value::Null);
}

#[tokio::test]
async fn of_methods_and_asynchronous_functions() {
    struct Index(u8);
    impl Index {
        #[audit(type = "tool", arguments)]
        async fn search(&self, query: impl AsRef<str> + Serialize, (_a, _b): (u8, u8)) -> u8 {
            tokio::task::yield_now().await;
            self.0
        }
        #[audit(type = "tool", arguments)]
        fn later(&self, query: String) -> impl Future<Output = String> {
            std::future::ready(format!("{query}{}", self.0))
        }
    }
    let (_, capsules) = audited_async(async {
        Index(1).search("rust", (1, 2)).await;
        Index(1).later("chain".to_owned()).await
    })
    .await;
    assert_eq!(kept(&capsules[0]), json!({"query": "rust"}));
    assert_eq!(kept(&capsules[1]), json!({"query": "chain"}));
}

#[test]
fn what_is_skipped_or_hashed_is_not_among_them() {
    #[audit(type = "tool", arguments, skip(password), prompt = prompt)]
    fn ask(user: &str, password: &str, prompt: &str) -> usize {
        user.len() + password.len() + prompt.len()
    }
    #[audit(type = "agent")]
    fn parent() {
        ask("ann", "MARKER", "MARKER too");
    }
    let ((), capsules) = audited(parent);
    assert_eq!(listed(&capsules[1]), [json!({"user": "ann"})]);
    assert!(!format!("{capsules:?}").contains("MARKER"));
}

#[test]
fn secrets_and_what_exceeds_the_limits_are_noted() {
    #[audit(type = "tool", arguments, trigger_from = none)]
    fn call(key: capsules::Redacted<&str>, text: &str) -> usize {
        key.expose().len() + text.len()
    }
    let (_, capsules) = audited(|| call("MARKER".into(), &"x".repeat(600)));
    let capsule = only(capsules);
    assert_eq!(kept(&capsule)["key"], "[redacted]");
    assert_eq!(
        kept(&capsule)["text"].as_str().unwrap().chars().count(),
        500
    );
    let environment = &capsule.context.environment;
    assert_eq!(
        environment["capsules.cut"],
        json!(["context.environment.capsules.arguments.text"])
    );
    assert_eq!(
        environment["capsules.redacted"],
        json!(["context.environment.capsules.arguments.key"])
    );
}

#[test]
fn the_rule_of_redaction_sees_them_before_they_leave_the_call() {
    #[audit(type = "tool", arguments(password, login, text), trigger_from = none)]
    fn check(password: &str, login: &Value, text: &str) -> usize {
        password.len() + login.to_string().len() + text.len()
    }
    #[audit(type = "agent", trigger_from = none)]
    fn parent(login: &Value) {
        check("MARKER", login, &"x".repeat(600));
    }
    let capsules = Capsules::builder()
        .storage(MemoryStorage::new())
        .signer(LocalSigner::generate().unwrap())
        .redact(|field, _| field.ends_with(".password").then(|| "[gone]".into()))
        .build()
        .unwrap();
    capsules.scope_sync(|| parent(&json!({"user": "ann", "password": "MARKER"})));
    let all = recorded(&capsules);
    assert_eq!(kept(&all[0])["password"], "[gone]");
    assert_eq!(
        kept(&all[0])["login"],
        json!({"user": "ann", "password": "[gone]"})
    );
    // Seen whole, and cut afterwards.
    assert_eq!(kept(&all[0])["text"].as_str().unwrap().chars().count(), 500);
    assert_eq!(
        all[0].context.environment["capsules.cut"],
        json!(["context.environment.capsules.arguments.text"])
    );
    assert_eq!(listed(&all[1]), [kept(&all[0])]);
    assert!(!format!("{all:?}").contains("MARKER"));
}

#[test]
fn of_an_action() {
    let ((), capsules) = audited(|| {
        let agent = action(CapsuleType::Agent).source("agent").begin();
        agent.scope_sync(|| {
            action(CapsuleType::Tool)
                .source("search")
                .argument("query", "rust")
                .argument("page", &Page { size: 3 })
                .run_sync(|| ());
        });
        agent.finish(&());
    });
    let arguments = json!({"query": "rust", "page": {"size": 3}});
    assert_eq!(kept(&capsules[0]), arguments);
    assert_eq!(listed(&capsules[1]), [arguments]);
}
