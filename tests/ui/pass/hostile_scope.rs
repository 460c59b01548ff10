//! Names of the user's that are also names of the output.
#![no_implicit_prelude]
#![allow(dead_code, non_camel_case_types, non_snake_case)]

mod std {}
mod core {}
struct Option;
struct Result;
struct String;
fn Ok() {}
fn Some() {}
fn None() {}
struct call;
struct value;
struct inputs;

#[::capsules::audit(type = "agent", tenant_from = tenant)]
fn sync(tenant: &str) -> Option {
    Option
}

#[::capsules::audit(type = "agent", result = "none")]
async fn asynchronous(number: u8) -> u8 {
    number
}

fn main() {}
