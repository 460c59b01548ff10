//! Signatures and bodies that the attribute leaves as they are.

use capsules::audit;

use crate::support::{audited, audited_async};

#[audit(type = "tool")]
fn reborrow(values: &mut Vec<u8>) -> &mut u8 {
    values.push(1);
    &mut values[0]
}

#[audit(type = "tool")]
fn longest<'a, 'b, const N: usize>(left: &'a [u8; N], right: &'b str) -> &'a str
where
    'b: 'a,
{
    if left.len() > right.len() {
        "left"
    } else {
        right
    }
}

#[audit(type = "tool")]
fn reassigned(mut text: &str) -> usize {
    let owned = format!("{text}!");
    text = &owned;
    text.len()
}

#[audit(type = "tool")]
async fn reassigned_async(mut text: &str) -> usize {
    let owned = format!("{text}!");
    text = &owned;
    std::future::ready(()).await;
    text.len()
}

#[audit(type = "tool")]
fn destructured((left, _): (u8, u8), [first, ..]: [u8; 3]) -> u8 {
    left + first
}

#[audit(type = "tool")]
fn opaque(limit: u8) -> impl Iterator<Item = u8> {
    0..limit
}

#[audit(type = "tool")]
fn opaque_result(limit: u8) -> Result<impl Iterator<Item = u8>, std::num::ParseIntError> {
    let limit = limit + "1".parse::<u8>()?;
    Ok(0..limit)
}

#[audit(type = "tool")]
fn coerced(early: bool) -> Box<dyn Fn() -> u8> {
    if early {
        return Box::new(|| 1);
    }
    Box::new(|| 2)
}

#[audit(type = "tool")]
async fn coerced_async(early: bool) -> Box<dyn Fn() -> u8> {
    if early {
        return Box::new(|| 1);
    }
    Box::new(|| 2)
}

#[audit(type = "tool")]
fn countdown(from: u8) -> u8 {
    if from == 0 { 0 } else { countdown(from - 1) }
}

#[audit(type = "tool")]
fn shadows(call: u8, inputs: u8, value: u8) -> u8 {
    struct Returns;
    let Returns = Returns;
    let kept = call + inputs;
    kept + value
}

#[audit(type = "tool")]
fn inner_attribute() -> u8 {
    #![allow(unused_variables)]
    let unused = 1;
    2
}

struct Counter(u8);

impl Counter {
    #[audit(type = "tool")]
    fn add(&mut self, by: u8) -> &mut Self {
        self.0 += by;
        self
    }

    #[audit(type = "tool")]
    fn consumed(mut self) -> u8 {
        self.0 += 1;
        self.0
    }

    #[audit(type = "tool")]
    async fn shared(self: std::sync::Arc<Self>) -> u8 {
        self.0
    }
}

#[test]
fn signatures_and_bodies_keep_their_meaning() {
    let ((), capsules) = audited(|| {
        assert_eq!(*reborrow(&mut vec![7]), 7);
        assert_eq!(longest(&[0; 9], "right"), "left");
        assert_eq!(reassigned("abc"), 4);
        assert_eq!(destructured((1, 2), [3, 4, 5]), 4);
        assert_eq!(opaque(3).sum::<u8>(), 3);
        assert_eq!(opaque_result(3).unwrap().count(), 4);
        assert_eq!(coerced(true)() + coerced(false)(), 3);
        assert_eq!(countdown(3), 0);
        assert_eq!(shadows(1, 2, 3), 6);
        assert_eq!(inner_attribute(), 2);
        let mut counter = Counter(1);
        counter.add(2).add(3);
        assert_eq!(counter.consumed(), 7);
    });
    assert_eq!(capsules.len(), 17);
}

#[tokio::test]
async fn asynchronous_signatures_and_bodies_keep_their_meaning() {
    let ((), capsules) = audited_async(async {
        assert_eq!(reassigned_async("abc").await, 4);
        let (one, two) = (coerced_async(true).await, coerced_async(false).await);
        assert_eq!(one() + two(), 3);
        assert_eq!(std::sync::Arc::new(Counter(9)).shared().await, 9);
    })
    .await;
    assert_eq!(capsules.len(), 4);
}

#[test]
fn a_function_that_never_returns_keeps_its_type() {
    #[audit(type = "kill")]
    fn give_up() -> ! {
        panic!("gave up")
    }
    let _: fn() -> ! = give_up;
    let (_, capsules) = audited(|| std::panic::catch_unwind(|| give_up()));
    assert_eq!(
        capsules[0].outcome.error.as_deref(),
        Some("panicked: gave up")
    );
}
