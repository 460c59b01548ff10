//! How large the futures of audited functions are, and how deep they may be nested.

use capsules::audit;

use crate::support::audited_async;

/// A chain of functions that each await the next, with arguments by reference.
macro_rules! chain {
    ([$($audit:tt)*] $last:ident) => {
        $($audit)*
        pub(super) async fn $last(text: &str, number: &u64) -> u64 {
            std::future::ready(()).await;
            text.len() as u64 + number
        }
    };
    ([$($audit:tt)*] $first:ident $second:ident $($rest:ident)*) => {
        $($audit)*
        pub(super) async fn $first(text: &str, number: &u64) -> u64 {
            $second(text, number).await
        }
        chain!([$($audit)*] $second $($rest)*);
    };
}

mod bare {
    chain!([#[allow(clippy::trivially_copy_pass_by_ref)]] a b c);
}

mod audited {
    use super::audit;
    chain!([#[audit(type = "tool")] #[allow(clippy::trivially_copy_pass_by_ref)]]
        a b c d e f g h i j k l m n);
}

mod boxed {
    use super::audit;
    chain!([#[audit(type = "tool", boxed)] #[allow(clippy::trivially_copy_pass_by_ref)]] a b c);
}

mod boxed_send {
    use super::audit;
    chain!([#[audit(type = "tool", boxed = "send")] #[allow(clippy::trivially_copy_pass_by_ref)]]
        a b c d e f g h i j k l m n o p q r s t u v w x y z
        aa ab ac ad ae af ag ah ai aj ak al am an ao ap aq ar at au av aw ax ay az ba bb bc bd be);
}

/// What one more level adds to the future.
macro_rules! level {
    ($chain:ident) => {
        size_of_val(&$chain::a("", &1)) - size_of_val(&$chain::b("", &1))
    };
}

#[test]
fn a_level_adds_at_most_96_bytes_to_the_future() {
    let (bare, audited) = (level!(bare), level!(audited));
    println!("bytes a level: bare {bare}, audited {audited}");
    assert!(
        audited <= 96,
        "{audited} bytes, {bare} without the attribute"
    );
    assert_eq!((level!(boxed), level!(boxed_send)), (0, 0));
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn a_chain_of_14_is_send_and_a_longer_one_of_boxes() {
    let ((), capsules) = audited_async(async {
        assert_eq!(is_send(audited::a("abc", &1)).await, 4);
        assert_eq!(is_send(boxed_send::a("abc", &1)).await, 4);
    })
    .await;
    assert_eq!(capsules.len(), 14 + 56);
}

#[tokio::test]
async fn boxed_futures_are_small_and_may_recurse() {
    #[audit(type = "tool", boxed)]
    async fn factorial(number: u64) -> u64 {
        match number {
            0 => 1,
            _ => number * factorial(number - 1).await,
        }
    }
    #[audit(type = "tool", boxed, trigger_from = none)]
    async fn large() -> u8 {
        let bytes = [1; 10_000];
        std::future::ready(()).await;
        bytes[9_999]
    }
    assert!(size_of_val(&large()) < 200);
    let ((), capsules) = audited_async(async {
        assert_eq!(is_send(factorial(5)).await, 120);
        assert_eq!(large().await, 1);
    })
    .await;
    assert_eq!(capsules.len(), 7);
}
