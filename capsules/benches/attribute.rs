//! What the attribute itself costs: calls while recording is switched off, and the items of streams,
//! each against the same without the attribute.
//!
//! `cargo bench -p capsules --bench attribute`

#![allow(clippy::unwrap_used, reason = "nobody calls a benchmark")]

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use capsules::storage::MemoryStorage;
use capsules::{Capsules, audit};
use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher, black_box};
use futures_core::Stream;

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

const ITEMS: usize = 10_000;

fn main() {
    divan::main();
}

mod bare {
    #[inline(never)]
    pub(super) fn call(number: u64) -> u64 {
        number
    }

    #[inline(never)]
    #[allow(clippy::unused_async, reason = "the least that a future can be")]
    pub(super) async fn call_later(number: u64) -> u64 {
        number
    }

    pub(super) fn tokens() -> super::Tokens {
        super::Tokens(super::ITEMS)
    }
}

mod audited {
    use super::audit;

    #[inline(never)]
    #[audit(type = "tool")]
    pub(super) fn call(number: u64) -> u64 {
        number
    }

    #[inline(never)]
    #[audit(type = "tool")]
    pub(super) async fn call_later(number: u64) -> u64 {
        number
    }

    #[audit(type = "chat")]
    pub(super) fn tokens() -> impl super::Stream<Item = &'static str> {
        super::Tokens(super::ITEMS)
    }

    #[audit(type = "chat", fold = "text")]
    pub(super) fn folded() -> impl super::Stream<Item = &'static str> {
        super::Tokens(super::ITEMS)
    }
}

/// So many tokens, without waiting.
struct Tokens(usize);

impl Stream for Tokens {
    type Item = &'static str;

    #[inline(never)]
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<&'static str>> {
        let left = self.0.checked_sub(1);
        self.0 = left.unwrap_or(0);
        Poll::Ready(left.map(|_| black_box("token")))
    }
}

/// Runs a future where it was made, as `.await` does. Given to a function it would be copied first,
/// all of it, which costs more than what is measured.
macro_rules! now {
    ($future:expr) => {
        match pin!($future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => unreachable!("nothing here waits"),
        }
    };
}

fn drain(stream: impl Stream<Item = &'static str>) {
    let mut stream = pin!(stream);
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(token)) = stream.as_mut().poll_next(&mut context) {
        black_box(token);
    }
}

#[divan::bench(sample_size = 10_000)]
fn baseline_call() -> u64 {
    bare::call(black_box(1))
}

#[divan::bench(sample_size = 10_000)]
fn call_while_off(bencher: Bencher<'_, '_>) {
    capsules::set_enabled(false);
    bencher.bench_local(|| audited::call(black_box(1)));
    capsules::set_enabled(true);
}

#[divan::bench(sample_size = 10_000)]
fn baseline_async_call() -> u64 {
    now!(bare::call_later(black_box(1)))
}

#[divan::bench(sample_size = 10_000)]
fn async_call_while_off(bencher: Bencher<'_, '_>) {
    capsules::set_enabled(false);
    bencher.bench_local(|| now!(audited::call_later(black_box(1))));
    capsules::set_enabled(true);
}

#[divan::bench]
fn baseline_stream(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(ITEMS))
        .bench_local(|| drain(bare::tokens()));
}

#[divan::bench]
fn stream(bencher: Bencher<'_, '_>) {
    recorded(bencher, audited::tokens);
}

#[divan::bench]
fn stream_folded_to_text(bencher: Bencher<'_, '_>) {
    recorded(bencher, audited::folded);
}

#[divan::bench]
fn stream_while_off(bencher: Bencher<'_, '_>) {
    capsules::set_enabled(false);
    recorded(bencher, audited::tokens);
    capsules::set_enabled(true);
}

/// Drains streams that are recorded to an instance in memory.
fn recorded<S: Stream<Item = &'static str>>(bencher: Bencher<'_, '_>, stream: fn() -> S) {
    let directory = tempfile::tempdir().unwrap();
    let capsules = Capsules::builder()
        .storage(MemoryStorage::new())
        .data_dir(directory.path())
        .build()
        .unwrap();
    bencher
        .counter(ItemsCount::new(ITEMS))
        .bench_local(|| drain(capsules.scope_sync(stream)));
}
