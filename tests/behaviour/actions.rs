//! Audited calls without the attribute.

use std::future::pending;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use capsules::storage::MemoryStorage;
use capsules::{
    ActionOutcome, Capsule, CapsuleType, Capsules, Durability, Error, Filter, LocalSigner,
    OutcomeStatus, PublicKey, SignError, Signature, Signer, action, current,
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::support::{assert_ended, audited, audited_async, instance, only, recorded};

fn tool() -> capsules::Action {
    action(CapsuleType::Tool).source("tool")
}

#[test]
fn what_is_said_of_it_is_kept() {
    let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let ((), capsules) = audited(|| {
        action(CapsuleType::Chat)
            .source("desk")
            .domain("support")
            .request(format_args!("{} {}", "where is", "my parcel"))
            .agent_id("bot")
            .tenant_id("acme")
            .session_id("s-1")
            .user_id("ann")
            .correlation_id("c-1")
            .prompt("MARKER")
            .run_sync(|| assert!(current().model("gpt-4o").is_active()));
        let malformed = "00-nonsense";
        let traced = tool().traceparent(header).traceparent(malformed);
        traced.run_sync(|| ());
    });
    let Capsule {
        kind,
        domain,
        trigger,
        context,
        reasoning,
        ..
    } = &capsules[0];
    assert_eq!((kind, &**domain), (&CapsuleType::Chat, "support"));
    assert_eq!(trigger.source, "desk");
    assert_eq!(trigger.request, "where is my parcel");
    assert_eq!(trigger.user_id.as_deref(), Some("ann"));
    assert_eq!(trigger.correlation_id.as_deref(), Some("c-1"));
    assert_eq!(context.agent_id, "bot");
    assert_eq!(context.session_id.as_deref(), Some("s-1"));
    assert_eq!(capsules[0].tenant_id(), Some("acme"));
    assert_eq!(reasoning.model.as_deref(), Some("gpt-4o"));
    let hash = capsules_core::sha3_256(b"MARKER").to_string();
    assert_eq!(reasoning.prompt_hash, Some(hash));
    let trace = &header[3..35];
    assert_eq!(capsules[1].trigger.correlation_id.as_deref(), Some(trace));
    assert_eq!(capsules[1].context.agent_id, "tool");
    assert_eq!(capsules[1].domain, "agents");
}

#[test]
fn without_a_source_it_names_its_place() {
    let line = line!() + 1;
    let ((), capsules) = audited(|| action(CapsuleType::Tool).run_sync(|| ()));
    let source = only(capsules).trigger.source;
    assert!(source.ends_with(&format!("actions.rs:{line}")), "{source}");
}

#[test]
fn values_say_how_it_went() {
    fn ended(value: impl ActionOutcome) -> (OutcomeStatus, Value, Option<String>) {
        let (_, capsules) = audited(|| tool().run_sync(|| value));
        let outcome = only(capsules).outcome;
        (outcome.status, outcome.result, outcome.error)
    }
    let success = |result| (OutcomeStatus::Success, result, None);
    let failure = |error: &str| (OutcomeStatus::Failure, Value::Null, Some(error.to_owned()));
    assert_eq!(ended(Ok::<_, String>(7)), success(json!(7)));
    assert_eq!(ended(Err::<u8, _>("no")), failure("no"));
    assert_eq!(ended(Box::new(Err::<u8, _>("no"))), failure("no"));
    assert_eq!(ended(Rc::new(Err::<u8, _>("no"))), failure("no"));
    assert_eq!(ended(Some("x")), success(json!("x")));
    assert_eq!(ended(None::<u8>), success(Value::Null));
    assert_eq!(ended(ControlFlow::<(), _>::Continue(1)), success(json!(1)));
    assert_eq!(ended(ControlFlow::<_, u8>::Break(())), success(Value::Null));
    assert_eq!(ended(vec![(1, "a")]), success(json!([[1, "a"]])));
    assert_eq!(ended(Arc::<str>::from("x")), success(json!("x")));
    assert_eq!(ended(()), success(Value::Null));
}

#[tokio::test]
async fn a_closure_says_what_is_kept_of_other_types() {
    struct Answer(u16, Vec<u8>);
    let read = |answer: &Answer, keep: capsules::Keep| match answer.0 {
        500.. => keep.error(&answer.0),
        400.. => keep.nothing(),
        _ => keep.result(&answer.1),
    };
    let (answers, capsules) = audited_async(async {
        let sync = tool().run_sync_with(|| Answer(200, vec![1]), read);
        let lost = tool().run_with(async { Answer(404, vec![]) }, read).await;
        let failed = tool().run_with(async { Answer(500, vec![]) }, read).await;
        sync.0 + lost.0 + failed.0
    })
    .await;
    assert_eq!(answers, 1_104);
    assert_eq!(capsules[0].outcome.result, json!([1]));
    assert_ended(&capsules[1], &OutcomeStatus::Success, None);
    assert_eq!(capsules[1].outcome.result, Value::Null);
    assert_ended(&capsules[2], &OutcomeStatus::Failure, Some("500"));
}

#[test]
fn a_panic_is_a_failure_and_goes_on() {
    let (panic, capsules) = audited(|| {
        let run = || tool().run_sync(|| -> u8 { panic!("boom") });
        catch_unwind(run).unwrap_err()
    });
    assert_eq!(panic.downcast_ref(), Some(&"boom"));
    let capsule = only(capsules);
    assert_ended(&capsule, &OutcomeStatus::Failure, Some("panicked: boom"));
}

#[test]
fn a_panic_of_what_is_read_for_the_record_does_not_reach_the_program() {
    struct Panics;
    impl std::fmt::Display for Panics {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("as the test wants it")
        }
    }
    let (value, capsules) = audited(|| {
        let action = tool().request(Panics).prompt(Panics).tenant_id("acme");
        action.run_sync_with(|| 7, |_, keep| keep.error(&Panics))
    });
    assert_eq!(value, 7);
    let capsule = only(capsules);
    assert_eq!(
        (&*capsule.trigger.request, capsule.tenant_id()),
        ("", Some("acme"))
    );
    assert_eq!(capsule.outcome.status, OutcomeStatus::Success);
    assert_eq!(
        capsule.outcome.result,
        "<not readable: as the test wants it>"
    );
}

#[tokio::test]
async fn a_future_that_is_dropped_early_is_a_cancellation() {
    let ((), capsules) = audited_async(async {
        let mut running = pin!(tool().run(pending::<()>()));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(running.as_mut().poll(&mut context), Poll::Pending);
        drop(tool().run(pending::<()>()));
    })
    .await;
    let message = "cancelled: the future was dropped before it finished";
    // The one that was never polled has left nothing.
    assert_ended(&only(capsules), &OutcomeStatus::Partial, Some(message));
}

#[tokio::test]
async fn its_capsule_is_the_current_one_in_every_poll() {
    let (ids, capsules) = audited_async(async {
        let one = || async {
            let before = current().id();
            assert!(before.is_some());
            tokio::task::yield_now().await;
            assert_eq!(before, current().id());
            Ok::<_, String>(())
        };
        let run = tokio::join!(tool().run(one()), tool().run(one()));
        assert!(!current().is_active());
        run
    })
    .await;
    assert_eq!(ids, (Ok(()), Ok(())));
    assert_ne!(capsules[0].id, capsules[1].id);
}

#[test]
fn it_belongs_to_where_it_is_made() {
    let ((), capsules) = audited(|| {
        let agent = action(CapsuleType::Agent)
            .source("agent")
            .user_id("ann")
            .begin();
        let made = agent.scope_sync(tool);
        made.run_sync(|| ());
        tool().run_sync(|| ());
        agent.succeed(&());
    });
    assert_eq!(capsules[0].parent_id, Some(capsules[2].id));
    assert_eq!(capsules[0].trigger.user_id.as_deref(), Some("ann"));
    assert_eq!(capsules[1].parent_id, None);
    let calls = &capsules[2].execution.tool_calls;
    assert_eq!((calls.len(), &*calls[0].tool), (1, "tool"));
}

#[tokio::test]
async fn a_guard_ends_it() {
    let ((), capsules) = audited_async(async {
        let begin = |source| action(CapsuleType::Workflow).source(source).begin();
        begin("succeed").succeed("done");
        begin("fail").fail("no");
        begin("finish").finish(&Err::<(), _>("no"));
        drop(begin("drop"));
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let running = begin("panic");
            running.scope_sync(|| -> () { panic!("boom") });
        }));
        panic.unwrap_err();

        let running = begin("scope");
        assert!(!current().is_active());
        running.capsule().summary("from outside");
        let id = running.scope(async { current().id() }).await;
        assert_eq!(id, running.capsule().id());
        running.finish_and_report(&()).await.unwrap();
    })
    .await;
    let dropped = "cancelled: the action was dropped before it was finished";
    let panicked = "panicked: the action was dropped by a panic";
    assert_ended(&capsules[0], &OutcomeStatus::Success, None);
    assert_eq!(capsules[0].outcome.result, "done");
    assert_ended(&capsules[1], &OutcomeStatus::Failure, Some("no"));
    assert_ended(&capsules[2], &OutcomeStatus::Failure, Some("no"));
    assert_ended(&capsules[3], &OutcomeStatus::Partial, Some(dropped));
    assert_ended(&capsules[4], &OutcomeStatus::Failure, Some(panicked));
    assert_ended(&capsules[5], &OutcomeStatus::Success, None);
    assert_eq!(capsules[5].outcome.summary, "from outside");
}

/// A destructor that a panic runs may do its own work and see it through.
#[test]
fn an_action_of_a_destructor_is_not_what_panicked() {
    struct Cleanup;
    impl Drop for Cleanup {
        fn drop(&mut self) {
            drop(action(CapsuleType::System).source("cleanup").begin());
        }
    }
    let (_, capsules) = audited(|| {
        catch_unwind(|| {
            let _cleanup = Cleanup;
            panic!("boom");
        })
    });
    assert_eq!(only(capsules).outcome.status, OutcomeStatus::Partial);
}

#[test]
fn an_instance_records_its_own() {
    fn tool_in_it() {
        tool().run_sync(|| ());
    }
    let (bound, named) = (instance(), instance());
    bound.scope_sync(|| {
        named.action(CapsuleType::Tool).run_sync(tool_in_it);
    });
    assert_eq!(recorded(&named).len(), 1);
    assert_eq!(recorded(&bound).len(), 1);
}

/// Signs once the gate is open.
#[derive(Debug)]
struct Gate(LocalSigner, Arc<Mutex<()>>);

impl Signer for Gate {
    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let _open = self.1.lock().unwrap();
        self.0.sign(message)
    }
}

#[tokio::test]
async fn a_committed_action_ends_when_it_is_in_the_store() {
    let gate = Arc::new(Mutex::new(()));
    let capsules = Capsules::builder()
        .storage(MemoryStorage::new())
        .signer(Gate(LocalSigner::generate().unwrap(), Arc::clone(&gate)))
        .build()
        .unwrap();
    let tool = || capsules.action(CapsuleType::Tool);
    let committed = || tool().durability(Durability::Committed);
    let mut context = Context::from_waker(Waker::noop());

    // A value need be neither `Send` nor serialisable.
    let run = committed().run_with(async { Rc::new(7) }, |_, keep| keep.nothing());
    let tried = tool().try_run(async { Ok::<_, Error>(8) });
    let (mut run, mut tried) = (pin!(run), pin!(tried));
    let running = tool().begin();
    let mut reply = {
        let _closed = gate.lock().unwrap();
        assert!(run.as_mut().poll(&mut context).is_pending());
        assert!(tried.as_mut().poll(&mut context).is_pending());
        let mut reply = running.finish_and_report(&());
        assert!(Pin::new(&mut reply).poll(&mut context).is_pending());
        // What is not to be committed does not wait.
        assert_eq!(tool().run_sync(|| 9), 9);
        reply
    };
    (&mut reply).await.unwrap();
    assert_eq!(*run.await, 7);
    assert_eq!(tried.await.unwrap(), 8);

    let closed = gate.lock().unwrap();
    std::thread::scope(|threads| {
        let sync = threads.spawn(|| committed().run_sync(|| 10));
        let guard = threads.spawn(|| committed().begin().succeed(&11));
        assert!(!sync.is_finished() && !guard.is_finished());
        drop(closed);
        assert_eq!(sync.join().unwrap(), 10);
        guard.join().unwrap();
        let stored = capsules.storage().count(&Filter::new()).unwrap();
        assert_eq!(stored, 6);
    });
}

#[tokio::test]
async fn a_failure_to_record_is_an_error_for_whoever_asks() {
    let closed = instance();
    let tool = || closed.action(CapsuleType::Tool);
    closed.clone().close(crate::support::PATIENCE).unwrap();
    assert_eq!(tool().run_sync(|| 7), 7);
    assert_eq!(tool().run(async { 7 }).await, 7);
    let lost = tool().try_run(async { Ok::<_, Error>(7) }).await;
    assert!(matches!(lost, Err(Error::Closed)), "{lost:?}");
    let lost = tool().try_run_sync(|| Ok::<_, Error>(7));
    assert!(matches!(lost, Err(Error::Closed)), "{lost:?}");
    // Its own error wins.
    let own = tool().try_run_sync(|| Err::<(), _>(Error::Unsealable));
    assert!(matches!(own, Err(Error::Unsealable)), "{own:?}");
    let reply = tool().begin().finish_and_report(&());
    assert!(matches!(reply.await, Err(Error::Closed)));
}

#[tokio::test]
async fn a_stream_ends_it_at_its_end_its_first_error_or_its_drop() {
    async fn take(items: Vec<Result<u8, &str>>, most: usize) -> (usize, Capsule) {
        let run = async {
            let items = stream::iter(items).inspect(|_| {
                current().metric("seen", true);
            });
            let action = tool().durability(Durability::Committed);
            let items = action.run_stream(items, |item| item.as_ref().err());
            items.take(most).count().await
        };
        let (count, capsules) = audited_async(run).await;
        (count, only(capsules))
    }
    let figures = |capsule: &Capsule| json!(capsule.outcome.metrics);

    let (count, capsule) = take(vec![Ok(1), Ok(2)], 9).await;
    assert_eq!(count, 2);
    assert_ended(&capsule, &OutcomeStatus::Success, None);
    assert_eq!(figures(&capsule), json!({"items": 2, "seen": true}));

    let (count, capsule) = take(vec![Ok(1), Err("gone"), Ok(2)], 9).await;
    assert_eq!(count, 3);
    assert_ended(&capsule, &OutcomeStatus::Failure, Some("gone"));
    assert_eq!(capsule.outcome.metrics["items"], 2);

    let (count, capsule) = take(vec![Ok(1), Ok(2), Ok(3)], 2).await;
    assert_eq!(count, 2);
    assert_eq!(capsule.outcome.status, OutcomeStatus::Partial);
    assert_eq!(capsule.outcome.metrics["items"], 2);
}

#[tokio::test]
async fn a_closure_that_panics_on_an_item_does_not_reach_the_stream() {
    let items = stream::iter([1, 2]);
    let run = async {
        let items = tool().run_stream(items, |item| match item {
            0 => Some(item),
            _ => panic!("as the test wants it"),
        });
        items.collect::<Vec<_>>().await
    };
    let (items, capsules) = audited_async(run).await;
    assert_eq!(items, [1, 2]);
    assert_ended(&only(capsules), &OutcomeStatus::Success, None);
}

#[test]
fn the_future_is_send_when_its_body_is() {
    fn is_send(_: impl Send) {}
    let (future, capsules) = audited(|| is_send(tool().run(async { Ok::<_, String>(7) })));
    assert_eq!((future, capsules.len()), ((), 0));
}
