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

fn main() {
    assert_eq!(sync("acme"), 1);
}
