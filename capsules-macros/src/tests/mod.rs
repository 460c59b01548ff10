//! The expansion as text: what it keeps of its input, whatever that is. What it means to the
//! compiler and at run time is tested with the whole library.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

mod editors;
mod random;
mod shapes;

use proc_macro2::{TokenStream, TokenTree};

use crate::expand;

/// What the attribute makes of a function, both given as text.
fn expanded(args: &str, item: &str) -> TokenStream {
    expand::audit(args.parse().unwrap(), &item.parse().unwrap())
}

/// The texts of all tokens in their order, groups opened.
fn flat(tokens: TokenStream) -> Vec<String> {
    let mut texts = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let text = group.to_string();
                texts.extend(text.chars().next().map(String::from));
                texts.extend(flat(group.stream()));
                texts.extend(text.chars().last().map(String::from));
            }
            other => texts.push(other.to_string()),
        }
    }
    texts
}
