//! The rarer kinds of parameters, receivers and return types, and `Send` through many levels.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use capsules::{OutcomeStatus, audit};
use serde_json::json;

use crate::support::{assert_ended, audited, audited_async, instance, only, recorded};

#[audit(type = "tool", result = "debug")]
fn unsized_and_opaque<T: ?Sized + AsRef<str>>(text: &T, more: impl Iterator<Item = u8>) -> String {
    format!("{}{}", text.as_ref(), more.count())
}

#[audit(type = "tool")]
async fn generic<'a, T, const N: usize>(items: [T; N], join: impl Fn(T) -> &'a str) -> String
where
    T: Clone + 'a,
{
    ready(()).await;
    items.into_iter().map(join).collect()
}

struct Reader {
    position: usize,
}

impl Reader {
    #[audit(type = "tool")]
    fn poll_next(mut self: Pin<&mut Self>, step: usize) -> usize {
        self.position += step;
        self.position
    }

    #[audit(type = "tool")]
    async fn advance(mut self: Pin<&mut Self>, step: usize) -> usize {
        self.position += step;
        ready(()).await;
        self.position
    }

    #[audit(type = "tool")]
    async fn finish(mut self) -> usize {
        self.position += 1;
        ready(()).await;
        self.position
    }

    #[audit(type = "tool")]
    async fn borrow(&mut self) -> &mut usize {
        ready(()).await;
        &mut self.position
    }

    #[audit(type = "tool", trigger_from = none)]
    fn share(self: &Arc<Self>) -> Arc<Self> {
        Arc::clone(self)
    }
}

#[tokio::test]
async fn receivers_and_generic_parameters_keep_their_meaning() {
    let ((), capsules) = audited_async(async {
        assert_eq!(unsized_and_opaque("ab", 0..3), "ab3");
        assert_eq!(generic(["a", "b"], |text| text).await, "ab");
        let mut reader = Reader { position: 0 };
        assert_eq!(Pin::new(&mut reader).poll_next(2), 2);
        assert_eq!(Pin::new(&mut reader).advance(2).await, 4);
        *reader.borrow().await += 1;
        assert_eq!(reader.finish().await, 6);
        assert_eq!(Arc::new(Reader { position: 7 }).share().position, 7);
    })
    .await;
    let results: Vec<_> = capsules.iter().map(|c| &c.outcome.result).collect();
    assert_eq!(
        results[..4],
        [&json!("\"ab3\""), &json!("ab"), &json!(2), &json!(4)]
    );
    assert_eq!(capsules.len(), 7);
}

#[tokio::test]
async fn an_asynchronous_function_that_never_returns_keeps_its_type() {
    #[audit(type = "kill")]
    async fn give_up(early: bool) -> ! {
        assert!(!early, "early");
        ready(()).await;
        panic!("gave up")
    }
    fn never<F: Future<Output = T>, T>(future: F) -> F {
        future
    }
    let capsules = instance();
    for early in [true, false] {
        let run = capsules.scope(async move {
            let _ = never::<_, u8>(async move { give_up(early).await }).await;
        });
        assert!(tokio::spawn(run).await.unwrap_err().is_panic());
    }
    let errors: Vec<_> = recorded(&capsules)
        .into_iter()
        .map(|capsule| capsule.outcome.error.unwrap())
        .collect();
    assert_eq!(errors, ["panicked: early", "panicked: gave up"]);
}

#[tokio::test]
async fn a_boxed_future_inside_of_ok_is_coerced() {
    type Boxed = Pin<Box<dyn Future<Output = u8> + Send>>;
    #[audit(type = "tool")]
    fn checked(text: &str) -> Result<Boxed, Box<dyn std::error::Error>> {
        let number: u8 = text.parse()?;
        if number == 0 {
            return Ok(Box::pin(ready(0)));
        }
        Ok(Box::pin(async move { number }))
    }
    let ((), capsules) = audited_async(async {
        assert_eq!(checked("0").unwrap().await + checked("7").unwrap().await, 7);
        assert!(checked("x").is_err());
    })
    .await;
    assert_eq!(capsules.len(), 3);
}

/// A type that hides a future ends its call when it is returned, which is documented.
#[tokio::test]
async fn an_alias_that_hides_a_future_is_recorded_when_it_is_returned() {
    type Reply = Pin<Box<dyn Future<Output = u8> + Send>>;
    #[audit(type = "tool")]
    fn ask() -> Reply {
        Box::pin(async {
            assert!(!capsules::current().is_active());
            1
        })
    }
    let (reply, capsules) = audited(ask);
    assert_eq!(capsules.len(), 1);
    assert_eq!(reply.await, 1);
}

/// A value whose text runs an audited function, while the capsule of another is written.
#[test]
fn a_display_that_is_audited_itself_is_recorded_and_does_not_hang() {
    struct Loud(&'static str);
    impl std::fmt::Display for Loud {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(&shout(self.0))
        }
    }
    #[audit(type = "system")]
    fn shout(text: &str) -> String {
        text.to_uppercase()
    }
    #[audit(type = "tool", tenant_from = "word")]
    fn echo(word: &Loud) -> Result<Loud, Loud> {
        capsules::current().with(|capsule| capsule.outcome.summary = word.to_string());
        Err(Loud(word.0))
    }
    let (_, capsules) = audited(|| echo(&Loud("hush")));
    let (outer, inner): (Vec<_>, Vec<_>) = capsules
        .into_iter()
        .partition(|capsule| capsule.kind == capsules::CapsuleType::Tool);
    // Called by the body. What else called it was the recording.
    assert_eq!(only(inner).outcome.result, json!("HUSH"));
    let outer = only(outer);
    assert_ended(&outer, &OutcomeStatus::Failure, Some("HUSH"));
    assert_eq!(outer.outcome.summary, "HUSH");
    assert_eq!(outer.trigger.request, "HUSH");
    assert_eq!(outer.tenant_id(), Some("HUSH"));
}

/// As the headers of an archive are, whose `Debug` asks for what they are.
#[test]
fn a_debug_that_calls_an_audited_function_of_which_it_is_the_result_ends() {
    struct Header;
    impl Header {
        #[audit(type = "tool", trigger_from = none)]
        fn as_old(&self) -> &Self {
            self
        }
    }
    impl std::fmt::Debug for Header {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            let _ = self.as_old();
            f.write_str("Header")
        }
    }
    let (_, capsules) = audited(|| matches!(Header.as_old().as_old(), Header));
    assert_eq!(capsules.len(), 2);
    assert!(capsules.iter().all(|c| c.outcome.result == json!("Header")));
}

/// What the attribute reads by expressions, folds and closures is not an act of the program either.
#[tokio::test]
async fn nothing_is_recorded_of_what_runs_for_the_record_alone() {
    #[audit(type = "system")]
    fn lookup(name: &str) -> String {
        name.to_owned()
    }
    #[audit(type = "chat", tenant_id = lookup("acme"), fold = |all: &mut String, item: &u8| *all += &lookup(&item.to_string()))]
    fn items(to: u8) -> impl futures_core::Stream<Item = u8> {
        futures_util::stream::iter(0..to)
    }
    let (count, capsules) =
        audited_async(async { futures_util::StreamExt::count(items(3)).await }).await;
    assert_eq!(count, 3);
    let capsule = only(capsules);
    assert_eq!(capsule.tenant_id(), Some("acme"));
    assert_eq!(capsule.outcome.result, json!("012"));
}

macro_rules! levels {
    ($name:ident calls $inner:ident; $($rest:tt)*) => {
        #[audit(type = "agent")]
        async fn $name(task: &str, count: &mut u32) -> Result<u32, std::io::Error> {
            *count += 1;
            let below = $inner(task, count).await?;
            Ok(below + 1)
        }
        levels!($($rest)*);
    };
    () => {};
}

#[audit(type = "agent")]
async fn level_0(task: &str, count: &mut u32) -> Result<u32, std::io::Error> {
    ready(()).await;
    *count += u32::try_from(task.len()).unwrap_or(0);
    Ok(0)
}

levels! {
    level_1 calls level_0; level_2 calls level_1; level_3 calls level_2; level_4 calls level_3;
    level_5 calls level_4; level_6 calls level_5; level_7 calls level_6; level_8 calls level_7;
    level_9 calls level_8; level_10 calls level_9; level_11 calls level_10;
    level_12 calls level_11; level_13 calls level_12; level_14 calls level_13;
    level_15 calls level_14; level_16 calls level_15; level_17 calls level_16;
    level_18 calls level_17;
}

/// This crate leaves the compiler's recursion limit as it is.
#[tokio::test]
async fn nineteen_nested_levels_are_send_at_the_default_recursion_limit() {
    let capsules = instance();
    let run = async {
        let mut count = 0;
        level_18("abc", &mut count)
            .await
            .map(|levels| (levels, count))
    };
    let result = tokio::spawn(capsules.scope(run)).await.unwrap().unwrap();
    assert_eq!(result, (18, 21));
    assert_eq!(recorded(&capsules).len(), 19);
}

/// Notes when it is dropped.
struct Noting(char, Arc<Mutex<String>>);

impl Drop for Noting {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0);
    }
}

#[tokio::test]
async fn arguments_are_dropped_in_the_order_in_which_they_are_without_the_attribute() {
    macro_rules! functions {
        ($(#[$audit:meta])?) => {
            $(#[$audit])?
            fn now(first: Noting, mut second: Noting, third: Noting, _fourth: Noting) {
                second.0 = '2';
                let _local = Noting('l', Arc::clone(&third.1));
                let _ = (&second, &first);
            }
            $(#[$audit])?
            async fn later(first: Noting, mut second: Noting, third: Noting, _fourth: Noting) {
                second.0 = '2';
                ready(()).await;
                let _local = Noting('l', Arc::clone(&third.1));
                let _ = (&second, &first);
            }
            $(#[$audit])?
            fn apart((first, mut second): (Noting, Noting), [third, ..]: [Noting; 1]) {
                second.0 = '2';
                let local = Noting('l', Arc::clone(&third.1));
                let _ = (&second, &local, &first);
            }
            $(#[$audit])?
            async fn apart_later(Pair { second, first }: Pair, third: Noting) {
                let local = Noting('l', Arc::clone(&first.1));
                ready(()).await;
                let _ = (&third, &second, &local);
            }
        };
    }
    struct Pair {
        first: Noting,
        second: Noting,
    }
    async fn bare(log: &Arc<Mutex<String>>) {
        functions!();
        let noting = |name| Noting(name, Arc::clone(log));
        now(noting('a'), noting('b'), noting('c'), noting('d'));
        later(noting('a'), noting('b'), noting('c'), noting('d')).await;
        apart((noting('a'), noting('b')), [noting('c')]);
        let [first, second] = ['a', 'b'].map(noting);
        apart_later(Pair { first, second }, noting('c')).await;
    }
    async fn with_attribute(log: &Arc<Mutex<String>>) {
        functions!(#[audit(type = "tool", trigger_from = none)]);
        let noting = |name| Noting(name, Arc::clone(log));
        now(noting('a'), noting('b'), noting('c'), noting('d'));
        later(noting('a'), noting('b'), noting('c'), noting('d')).await;
        apart((noting('a'), noting('b')), [noting('c')]);
        let [first, second] = ['a', 'b'].map(noting);
        apart_later(Pair { first, second }, noting('c')).await;
    }
    let (expected, log) = (Arc::default(), Arc::default());
    bare(&expected).await;
    let ((), capsules) = audited_async(with_attribute(&log)).await;
    assert_eq!(capsules.len(), 4);
    assert_eq!(*expected.lock().unwrap(), "ldc2aldc2alc2alcab");
    assert_eq!(*log.lock().unwrap(), *expected.lock().unwrap());
}
