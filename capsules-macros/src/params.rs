//! The function's parameters: which ones can be named, and which are rebound.

use proc_macro2::{TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Error, FnArg, Ident, Pat, PatIdent, PatType, Result, Signature, Token, Type};

use crate::args::{Args, Arguments, Source, Trigger};

/// The names of the parameters, not counting `self`; `None` for a pattern without one name.
pub(crate) fn names(signature: &Signature) -> Vec<Option<Ident>> {
    signature
        .inputs
        .iter()
        .filter_map(|input| match input {
            FnArg::Receiver(_) => None,
            FnArg::Typed(argument) => Some(match &*argument.pat {
                Pat::Ident(pattern) => Some(pattern.ident.clone()),
                _ => None,
            }),
        })
        .collect()
}

/// `mut x: T` → `x: T` in the signature, and `let mut x = x;` for the body; the same without `mut`
/// where several parameters may have destructors, and for what a pattern binds.
///
/// Reborn inside of the body a parameter may hold a borrow of the body's locals, and parameters are
/// dropped in the order in which they are without the attribute. One that `begin` reads is used,
/// whether the body uses it or not.
pub(crate) fn rebind(signature: &mut Signature, begin: &TokenStream) -> TokenStream {
    let mut bindings = Bindings::default();
    for input in &mut signature.inputs {
        if let FnArg::Typed(argument) = input {
            bindings.may_drop = !matches!(*argument.ty, Type::Reference(_));
            let kept = ["cfg", "allow", "warn", "deny"];
            bindings.attributes = attributes(argument, &kept).cloned().collect();
            bindings.visit_pat_mut(&mut argument.pat);
        }
    }
    let all = bindings.found.iter().filter(|b| b.may_drop).count() > 1;
    let mut rebound = TokenStream::new();
    for binding in bindings.found {
        let Binding {
            name,
            mutability,
            may_drop,
            attributes,
        } = binding;
        if mutability.is_some() || (all && may_drop) {
            let used = mentions(begin.clone(), &name).then(|| quote!(unused_variables,));
            rebound.extend(quote! {
                #(#attributes)*
                #[allow(
                    #used
                    clippy::collection_is_never_read,
                    clippy::no_effect_underscore_binding,
                    clippy::redundant_locals,
                    clippy::shadow_same,
                    clippy::used_underscore_binding
                )]
                let #mutability #name = #name;
            });
        }
    }
    rebound
}

/// What the patterns of the parameters bind by value. Their `mut` is taken away.
#[derive(Default)]
struct Bindings {
    found: Vec<Binding>,
    /// Whether the parameter that is looked at is not a reference.
    may_drop: bool,
    /// Whether it is there, and what it allows.
    attributes: Vec<Attribute>,
}

struct Binding {
    name: Ident,
    mutability: Option<Token![mut]>,
    may_drop: bool,
    attributes: Vec<Attribute>,
}

impl VisitMut for Bindings {
    fn visit_pat_ident_mut(&mut self, pattern: &mut PatIdent) {
        let known = self.found.iter().any(|found| found.name == pattern.ident);
        if pattern.by_ref.is_none() {
            let mutability = pattern.mutability.take();
            // The alternatives of a pattern bind the same names.
            if !known {
                self.found.push(Binding {
                    name: pattern.ident.clone(),
                    mutability,
                    may_drop: self.may_drop,
                    attributes: self.attributes.clone(),
                });
            }
        }
        visit_mut::visit_pat_ident_mut(self, pattern);
    }

    // What it binds is not to be seen.
    fn visit_pat_mut(&mut self, pattern: &mut Pat) {
        if !matches!(pattern, Pat::Macro(_)) {
            visit_mut::visit_pat_mut(self, pattern);
        }
    }
}

/// `&name`, or `&&*name` of a reference. That borrows no parameter, and what is not borrowed is not
/// kept in the future while the body runs.
pub(crate) fn borrowed(name: &Ident, signature: &Signature) -> TokenStream {
    let is_reference =
        named(name, signature).is_some_and(|argument| matches!(*argument.ty, Type::Reference(_)));
    match is_reference {
        true => quote_spanned!(name.span()=> &&*#name),
        false => quote_spanned!(name.span()=> &#name),
    }
}

/// The conditions under which the parameter of this name is there.
pub(crate) fn cfg(name: &Ident, signature: &Signature) -> Vec<Attribute> {
    let found = named(name, signature).map(|argument| attributes(argument, &["cfg"]).cloned());
    found.into_iter().flatten().collect()
}

/// The parameter of this name.
fn named<'a>(name: &Ident, signature: &'a Signature) -> Option<&'a PatType> {
    signature.inputs.iter().find_map(|input| match input {
        FnArg::Receiver(_) => None,
        FnArg::Typed(argument) => {
            let named = matches!(&*argument.pat, Pat::Ident(pattern) if pattern.ident == *name);
            named.then_some(argument)
        }
    })
}

/// The attributes of a parameter that have one of these names.
fn attributes<'a>(argument: &'a PatType, names: &[&str]) -> impl Iterator<Item = &'a Attribute> {
    let wanted = |attribute: &&Attribute| names.iter().any(|name| attribute.path().is_ident(name));
    argument.attrs.iter().filter(wanted)
}

fn mentions(code: TokenStream, name: &Ident) -> bool {
    code.into_iter().any(|token| match token {
        TokenTree::Ident(found) => found == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        _ => false,
    })
}

/// The parameter that `trigger.request` is taken from. What is skipped, or kept as a hash, is not
/// taken by default, nor another in its place.
pub(crate) fn trigger(args: &Args, signature: &Signature) -> Result<Option<Ident>> {
    let names = names(signature);
    let hashed = args.hashed();
    let taken = match &args.trigger {
        Trigger::None => Ok(None),
        Trigger::Default => {
            let first = names.into_iter().next().flatten();
            return Ok(first.filter(|name| Some(name) != hashed && !args.skip.contains(name)));
        }
        Trigger::Name(name) => {
            require(name, signature)?;
            Ok(Some(name.clone()))
        }
        Trigger::Position(position, span) => match names.get(*position) {
            Some(Some(name)) => Ok(Some(name.clone())),
            Some(None) => Err(Error::new(
                *span,
                "this parameter is a pattern and has no single name",
            )),
            None => Err(Error::new(
                *span,
                format!(
                    "there is no parameter at position {position}; {}",
                    listing(signature)
                ),
            )),
        },
    };
    match (taken?, hashed) {
        (Some(name), Some(hashed)) if name == *hashed => {
            let message = format!(
                "`{name}` is kept as a hash, by `prompt`; `trigger_from` would keep its text"
            );
            Err(Error::new(name.span(), message))
        }
        (taken, _) => Ok(taken),
    }
}

/// The parameters that are kept by their names.
pub(crate) fn arguments(args: &Args, signature: &Signature) -> Result<Vec<Ident>> {
    let hashed = args.hashed();
    let listed = match &args.arguments {
        Arguments::None => return Ok(Vec::new()),
        Arguments::All => {
            let kept = |name: &Ident| Some(name) != hashed && !args.skip.contains(name);
            return Ok(names(signature)
                .into_iter()
                .flatten()
                .filter(kept)
                .collect());
        }
        Arguments::Listed(listed) => listed,
    };
    for (at, name) in listed.iter().enumerate() {
        require(name, signature)?;
        let message = if Some(name) == hashed {
            format!("`{name}` is kept as a hash, by `prompt`; `arguments` would keep its value")
        } else if listed[..at].contains(name) {
            format!("`{name}` is listed twice")
        } else {
            continue;
        };
        return Err(Error::new(name.span(), message));
    }
    Ok(listed.clone())
}

/// The expression that a source stands for, with its parameter checked.
pub(crate) fn expression(source: &Source, signature: &Signature) -> Result<TokenStream> {
    match source {
        Source::Expression(expr) => Ok(quote!(#expr)),
        Source::Parameter(expr, name) => {
            require(name, signature)?;
            Ok(quote!(#expr))
        }
    }
}

/// Checks that there is such a parameter.
pub(crate) fn require(name: &Ident, signature: &Signature) -> Result<()> {
    let is_receiver = name == "self" && signature.receiver().is_some();
    if is_receiver || names(signature).iter().flatten().any(|known| known == name) {
        return Ok(());
    }
    Err(Error::new(
        name.span(),
        format!("no parameter named `{name}`; {}", listing(signature)),
    ))
}

fn listing(signature: &Signature) -> String {
    let names: Vec<_> = names(signature)
        .into_iter()
        .flatten()
        .map(|name| format!("`{name}`"))
        .collect();
    match names.as_slice() {
        [] => "the function has no named parameters".to_owned(),
        [one] => format!("the only parameter is {one}"),
        _ => format!("the parameters are {}", names.join(", ")),
    }
}
