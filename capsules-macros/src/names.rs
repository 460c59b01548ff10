//! The paths and variables of the output.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::parse_quote;

use crate::args::Args;

/// The paths and variables of the output. The variables are invisible to the user's code.
pub(crate) struct Names {
    /// The path of the facade's hidden module.
    pub(crate) path: TokenStream,
    /// Its name inside of the function: every token less is compiled sooner.
    pub(crate) private: Ident,
    pub(crate) call: Ident,
    pub(crate) inputs: Ident,
    pub(crate) value: Ident,
    pub(crate) recorded: Ident,
}

impl Names {
    pub(crate) fn new(args: &Args) -> Self {
        let krate = args
            .krate
            .clone()
            .unwrap_or_else(|| parse_quote!(::capsules));
        Self {
            path: quote!(#krate::__private),
            private: format_ident!("__capsules"),
            call: own("call"),
            inputs: own("inputs"),
            value: own("value"),
            recorded: own("recorded"),
        }
    }
}

/// A variable that the user's code cannot see. Its prefix keeps it from being read as one of the
/// user's constants or unit structs, which hygiene does not.
pub(crate) fn own(name: &str) -> Ident {
    format_ident!("__capsules_{name}", span = Span::mixed_site())
}
