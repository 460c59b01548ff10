//! The attribute in an edition before the workspace's: the same source is compiled in each of them.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(
    clippy::elidable_lifetime_names,
    clippy::multiple_bound_locations,
    reason = "signatures of every kind"
)]

use std::fmt::Display;
use std::future::{ready, Future};
use std::marker::PhantomData;
use std::pin::Pin;

use capsules::storage::MemoryStorage;
use capsules::{audit, Capsule, Capsules, Filter, LocalSigner};
use futures_util::stream::{self, Stream, StreamExt};

/// What the closure leaves on record, oldest first, as types and results.
fn recorded(run: impl FnOnce()) -> Vec<String> {
    let capsules = Capsules::builder()
        .storage(MemoryStorage::new())
        .signer(LocalSigner::generate().unwrap())
        .build()
        .unwrap();
    capsules.scope_sync(run);
    let records = capsules.list(Filter::new().oldest_first()).wait().unwrap();
    let told = |capsule: Capsule| format!("{} {}", capsule.kind.as_str(), capsule.outcome.result);
    records
        .iter()
        .map(|record| told(record.capsule().unwrap()))
        .collect()
}

/// A type with a lifetime, which is elided in paths below.
struct Text<'a>(&'a str);

#[audit(type = "tool", arguments, tenant_from = "tenant")]
fn sync(tenant: &str, mut count: usize) -> Result<usize, std::num::ParseIntError> {
    count += tenant.parse::<usize>()?;
    Ok(count)
}

#[audit(type = "agent")]
async fn asynchronous(number: &u8) -> Option<u8> {
    ready(()).await;
    let number = number.checked_add(1)?;
    Some(number)
}

#[audit(type = "tool", trigger_from = none)]
#[allow(elided_lifetimes_in_paths)]
fn elided(text: &Text) -> usize {
    text.0.len()
}

#[audit(type = "tool", trigger_from = none)]
async fn elided_later(text: Text<'_>, other: &Text<'_>) -> usize {
    ready(()).await;
    text.0.len() + other.0.len()
}

#[audit(type = "tool")]
fn generic<'a, T: Display + ?Sized, const N: usize>(value: &'a T, rest: [u8; N]) -> String
where
    T: 'a,
{
    format!("{}{}", value, rest.len())
}

#[audit(type = "tool", result = "none")]
fn opaque<'a>(text: &'a str) -> impl Iterator<Item = char> + 'a {
    text.chars()
}

#[audit(type = "tool", result = "display")]
fn opaque_inside(text: &str) -> Result<impl Display, std::num::ParseIntError> {
    let number: u8 = text.parse()?;
    Ok(number)
}

#[audit(type = "tool")]
fn later<'a>(text: &'a str) -> impl Future<Output = usize> + 'a {
    let length = text.len();
    async move { length }
}

#[audit(type = "tool")]
fn boxed<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = usize> + Send + 'a>> {
    Box::pin(async move { text.len() })
}

#[audit(type = "chat", fold = "text")]
fn items(text: &str) -> impl Stream<Item = Result<char, std::fmt::Error>> {
    stream::iter(text.chars().map(Ok).collect::<Vec<_>>())
}

#[audit(type = "chat", fold = |sum: &mut u32, item: &u32| *sum += *item)]
async fn items_later(to: u32) -> impl Stream<Item = u32> {
    stream::iter(0..to)
}

/// Methods of a trait: given by it, and of an implementation.
trait Agent {
    fn name(&self) -> String;

    #[audit(type = "agent", trigger_from = none)]
    fn greet(&self) -> String {
        format!("I am {}", self.name())
    }

    #[audit(type = "agent", trigger_from = none)]
    fn named(self) -> String
    where
        Self: Sized,
    {
        self.name()
    }
}

struct Named<T>(PhantomData<T>);

impl<T> Agent for Named<T> {
    #[audit(type = "tool", trigger_from = none)]
    fn name(&self) -> String {
        "Named".to_owned()
    }
}

/// A body that has names of the return type for something else.
#[audit(type = "tool", trigger_from = none)]
fn shadowing() -> Result<u8, String> {
    struct String;
    type Result = u8;
    let _ = String;
    let number: Result = 1;
    Ok(number)
}

#[audit(type = "tool", trigger_from = none)]
async fn shadowing_later() -> Option<u8> {
    struct Option;
    let _ = Option;
    ready(()).await;
    Some(2)
}

/// Parameters and locals with the names that the output has.
#[audit(type = "tool", trigger_from = call, arguments)]
fn our_names(call: u8, value: u8, inputs: u8) -> u8 {
    let (json, text, recorded) = (call, value, inputs);
    json + text + recorded
}

#[audit(type = "tool", trigger_from = none)]
fn factorial(number: u64) -> u64 {
    match number {
        0 => 1,
        _ => number * factorial(number - 1),
    }
}

#[audit(type = "tool", trigger_from = none)]
fn factorial_later(number: u64) -> Pin<Box<dyn Future<Output = u64>>> {
    Box::pin(async move {
        match number {
            0 => 1,
            _ => number * factorial_later(number - 1).await,
        }
    })
}

#[audit(type = "tool", boxed, trigger_from = none)]
async fn factorial_boxed(number: u64) -> u64 {
    match number {
        0 => 1,
        _ => number * factorial_boxed(number - 1).await,
    }
}

#[test]
fn functions_of_every_kind() {
    let told = recorded(|| {
        assert_eq!(sync("1", 2), Ok(3));
        assert_eq!(pollster::block_on(asynchronous(&1)), Some(2));
        assert_eq!(elided(&Text("abc")), 3);
        assert_eq!(pollster::block_on(elided_later(Text("a"), &Text("b"))), 2);
        assert_eq!(generic("a", [0; 2]), "a2");
        assert_eq!(opaque("ab").count(), 2);
        assert_eq!(opaque_inside("7").unwrap().to_string(), "7");
    });
    assert_eq!(
        told,
        [
            "tool 3",
            "agent 2",
            "tool 3",
            "tool 2",
            "tool \"a2\"",
            "tool null",
            "tool \"7\""
        ]
    );
}

#[test]
fn functions_that_return_futures_and_streams() {
    let told = recorded(|| {
        assert_eq!(pollster::block_on(later("ab")), 2);
        assert_eq!(pollster::block_on(boxed("abc")), 3);
        assert_eq!(pollster::block_on(items("abcd").count()), 4);
        assert_eq!(
            pollster::block_on(async { items_later(4).await.count().await }),
            4
        );
    });
    assert_eq!(told, ["tool 2", "tool 3", "chat \"abcd\"", "chat 6"]);
}

#[test]
fn methods_that_a_trait_gives() {
    let told = recorded(|| {
        let agent: &dyn Agent = &Named::<u8>(PhantomData);
        assert_eq!(agent.greet(), "I am Named");
        assert_eq!(Named::<u8>(PhantomData).named(), "Named");
    });
    let [name, greeting] = ["tool \"Named\"", "agent \"I am Named\""];
    assert_eq!(told, [name, greeting, name, "agent \"Named\""]);
}

#[test]
fn bodies_with_names_of_the_return_type_and_of_the_output() {
    let told = recorded(|| {
        assert_eq!(shadowing(), Ok(1));
        assert_eq!(pollster::block_on(shadowing_later()), Some(2));
        assert_eq!(our_names(1, 2, 3), 6);
    });
    assert_eq!(told, ["tool 1", "tool 2", "tool 6"]);
}

#[test]
fn functions_that_call_themselves() {
    let told = recorded(|| {
        assert_eq!(factorial(2), 2);
        assert_eq!(pollster::block_on(factorial_later(2)), 2);
        assert_eq!(pollster::block_on(factorial_boxed(2)), 2);
    });
    assert_eq!(told, ["tool 1", "tool 1", "tool 2"].repeat(3));
}
