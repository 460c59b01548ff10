//! Functions that give lints and functions that give none. `AUDIT` stands for the attribute.
#![warn(
    clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction, clippy::cargo,
    unused, nonstandard_style, future_incompatible, rust_2018_idioms, rust_2024_compatibility,
    let_underscore, keyword_idents, missing_docs, unused_qualifications, unreachable_pub,
    unused_results, unused_lifetimes, single_use_lifetimes, trivial_casts, trivial_numeric_casts,
    unused_import_braces, variant_size_differences, missing_debug_implementations, unit_bindings,
    redundant_lifetimes, explicit_outlives_requirements, non_ascii_idents, meta_variable_misuse,
    closure_returning_async_block, impl_trait_redundant_captures, unnameable_types,
    ambiguous_negative_literals
)]

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::pin::Pin;

/// A value with every kind of method.
pub struct Agent {
    names: HashMap<String, u32>,
}

impl Agent {
    /// Clean.
    #[AUDIT]
    #[inline]
    #[must_use]
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// Clean, asynchronous.
    #[AUDIT]
    pub async fn find(&self, name: &str) -> Option<u32> {
        std::future::ready(()).await;
        self.names.get(name).copied()
    }

    /// Changes itself.
    #[AUDIT]
    pub fn add(&mut self, name: String, mut count: u32) -> &mut Self {
        count += 1;
        self.names.insert(name, count);
        self
    }

    /// Takes more than it needs.
    #[AUDIT]
    pub fn by_value(&self, name: String) -> bool {
        self.names.contains_key(&name)
    }

    /// Takes nothing of itself.
    #[AUDIT]
    pub async fn unused_self(&self) -> u32 {
        1
    }
}

/// Prints, and keeps a variable that nobody reads.
#[AUDIT]
pub fn prints(text: &str) {
    println!("{text}");
    eprintln!("{text}");
    dbg!(text);
    let unread = 1;
    let mut never_changed = 2;
    drop(never_changed);
}

/// The same, asynchronous.
#[AUDIT]
pub async fn prints_later(text: &str) {
    std::future::ready(()).await;
    println!("{text}");
    let unread = 1;
    let mut never_changed = 2;
    drop(never_changed);
}

#[AUDIT]
fn never_called(text: &str, unused: u8) -> usize {
    text.len()
}

/// Nobody awaits in it.
#[AUDIT]
pub async fn needless(_silent: u8, unused: u8) -> u8 {
    return 1;
}

/// Panics in three ways.
#[AUDIT]
pub fn panics(text: Option<&str>, numbers: &[u8]) -> u8 {
    let length = text.unwrap().len();
    if length > 3 {
        panic!("too long");
    }
    let last: Result<u8, io::Error> = Ok(numbers[0]);
    last.expect("a number") as u8
}

/// Unreachable code, a comparison with itself, a clone for nothing.
#[AUDIT]
pub fn careless(text: &String) -> String {
    if text == text {
        return text.clone();
    }
    let copy = text.to_string().clone();
    return copy;
    String::new()
}

/// Fails, early and late.
#[AUDIT]
pub fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
    if text.is_empty() {
        return Ok(0);
    }
    let number: u32 = text.trim().parse()?;
    Ok(number * 2)
}

/// Fails later.
#[AUDIT]
pub async fn parse_later(text: &str) -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
    std::future::ready(()).await;
    let number: u32 = text.trim().parse()?;
    Ok(number)
}

/// Returns a future.
#[AUDIT]
pub fn later<'a>(text: &'a str) -> impl Future<Output = usize> + 'a {
    async move { text.len() }
}

/// Returns a boxed one.
#[AUDIT]
pub fn boxed<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = usize> + Send + 'a>> {
    let length = text.len();
    Box::pin(async move { length })
}

/// Has no result.
#[AUDIT]
pub async fn nothing() {}

/// Has a result that must be looked at, and does not look at one itself.
#[AUDIT]
pub fn ignores() -> Result<(), io::Error> {
    parse("1");
    let _ = nothing();
    Ok(())
}

/// Is not deprecated, and calls what is.
#[AUDIT]
pub fn modern() {
    old();
}

/// Is.
#[deprecated]
#[AUDIT]
pub fn old() {}

/// Has many parameters.
#[AUDIT]
pub fn many(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> u8 {
    a ^ b ^ c ^ d ^ e ^ f ^ g ^ h
}

/// Is generic, and bounds nothing in vain.
#[AUDIT]
pub fn generic<'a, T: Into<String>, const N: usize>(items: [T; N], _name: &'a str) -> Vec<String> {
    items.into_iter().map(|item| item.into()).collect()
}

/// Takes its parameters apart.
#[AUDIT]
pub fn apart((text, mut count): (String, u8), [first, unused]: [u8; 2]) -> u8 {
    count += first;
    drop(text);
    count
}

/// On one line.
#[AUDIT]
pub async fn short(text: String, number: u8) -> (String, u8) { (text, number) }

/// The same, not asynchronous.
#[AUDIT]
pub fn short_sync(text: String, number: u8) -> (String, u8) { (text, number) }

/// Changes a parameter that it never reads.
#[AUDIT]
pub fn unread(mut text: String, #[allow(unused_mut)] mut number: u8) -> u8 {
    text.push('!');
    number
}

/// Names a lifetime that it need not name.
#[AUDIT]
pub fn lifetime<'a>(numbers: &'a mut Vec<u8>) -> Option<&'a mut u8> {
    numbers.first_mut()
}

impl Agent {
    /// Is in a box without need, and always inlined.
    #[AUDIT]
    #[inline(always)]
    pub fn unboxed(mut self: Box<Self>) -> usize {
        self.names.clear();
        self.names.len()
    }
}

/// Stops.
#[AUDIT]
pub fn stop(code: i32) -> ! {
    std::process::exit(code)
}

#[AUDIT]
pub fn undocumented(BadName: u8) -> u8 {
    BadName
}
