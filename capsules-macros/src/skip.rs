//! Parameters of which nothing is kept.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Error, Result, Signature};

use crate::args::{Args, Arguments, Source, Trigger};
use crate::params;

/// Checks that no other key names a parameter that is skipped.
pub(crate) fn check(args: &Args, signature: &Signature) -> Result<()> {
    for skipped in &args.skip {
        params::require(skipped, signature)?;
        if let Some(used) = uses(args, signature).find_map(|tokens| find(tokens, skipped)) {
            let message = format!("`{skipped}` is skipped; nothing can be taken from it");
            return Err(Error::new(used.span(), message));
        }
    }
    Ok(())
}

/// The tokens of every key that reads parameters.
fn uses<'a>(args: &'a Args, signature: &'a Signature) -> impl Iterator<Item = TokenStream> {
    let trigger = match &args.trigger {
        Trigger::Name(name) => Some(name.to_token_stream()),
        Trigger::Position(position, span) => {
            let name = params::names(signature)
                .into_iter()
                .nth(*position)
                .flatten();
            name.map(|name| Ident::new(&name.to_string(), *span).into_token_stream())
        }
        Trigger::Default | Trigger::None => None,
    };
    let sources = [
        &args.tenant,
        &args.session,
        &args.user,
        &args.correlation,
        &args.traceparent,
        &args.prompt,
    ];
    let sources = sources.into_iter().flatten().map(|source| match source {
        Source::Parameter(expr, _) | Source::Expression(expr) => expr.to_token_stream(),
    });
    let arguments = match &args.arguments {
        Arguments::Listed(names) => names.as_slice(),
        Arguments::None | Arguments::All => &[],
    };
    let expressions = [&args.agent_id, &args.capsules];
    let expressions = expressions
        .into_iter()
        .flatten()
        .map(ToTokens::to_token_stream);
    trigger
        .into_iter()
        .chain(sources)
        .chain(expressions)
        .chain(arguments.iter().map(ToTokens::to_token_stream))
        .collect::<Vec<_>>()
        .into_iter()
}

/// Where the name stands among the tokens: by itself, not as the field of something else, or
/// within the braces of a format string.
fn find(tokens: TokenStream, name: &Ident) -> Option<TokenTree> {
    let mut after_dot = false;
    for token in tokens {
        let found = match &token {
            TokenTree::Ident(ident) => ident == name && !after_dot,
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                ['}', ':', '?']
                    .iter()
                    .any(|end| text.contains(&format!("{{{name}{end}")))
            }
            TokenTree::Group(group) => match find(group.stream(), name) {
                Some(inside) => return Some(inside),
                None => false,
            },
            TokenTree::Punct(_) => false,
        };
        if found {
            return Some(token);
        }
        after_dot = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.');
    }
    None
}
