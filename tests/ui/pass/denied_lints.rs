//! The attribute adds no lint of its own.
#![deny(warnings, missing_docs, unused_qualifications)]
#![forbid(unsafe_code)]

/// A function with a parameter that only the attribute reads.
#[capsules::audit(type = "agent", tenant_from = "_site")]
pub fn sync(_site: &str) -> u8 {
    1
}

/// The same, asynchronous.
#[must_use]
#[inline]
#[capsules::audit(type = "agent")]
pub async fn asynchronous(mut count: u8) -> u8 {
    count += 1;
    count
}

/// A function that returns nothing.
#[capsules::audit(type = "agent")]
pub async fn nothing() {}

/// On one line, where the compiler looks for unnecessary braces.
#[rustfmt::skip]
#[capsules::audit(type = "agent")]
pub async fn short(count: u8) -> u8 { count }

/// The same, not asynchronous, with parameters that are bound again.
#[rustfmt::skip]
#[capsules::audit(type = "agent")]
pub fn short_sync(left: u8, right: u8) -> u8 { left + right }

/// What is allowed of a parameter is allowed of it within.
#[capsules::audit(type = "agent")]
pub fn allowed(#[allow(unused_mut)] mut count: u8) -> u8 {
    count
}

fn main() {
    assert_eq!(sync("acme"), 1);
}
