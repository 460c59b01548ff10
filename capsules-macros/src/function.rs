//! The function that the attribute stands on.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Attribute, Error, Result, ReturnType, Signature, Token, Type, Visibility};

use crate::shape::{Shape, nameable};

/// A function, with its body as it was written: a body that does not parse is reported by the
/// compiler, not by us, and an editor still sees every token of it once.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) defaultness: Option<Token![default]>,
    pub(crate) signature: Signature,
    pub(crate) body: Group,
}

impl Function {
    /// Reads a function that the attribute can stand on. Its body is not walked through: that
    /// would take longer than all the rest.
    pub(crate) fn parse(item: TokenStream) -> Result<Self> {
        let mut head: Vec<TokenTree> = item.into_iter().collect();
        let body = loop {
            match head.pop() {
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    break Some(group);
                }
                // What a declarative macro has read as one `$body:block` or `$function:item`.
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::None => {
                    head.extend(group.stream());
                }
                last => {
                    head.extend(last);
                    break None;
                }
            }
        };
        let parse = |input: ParseStream<'_>| Self::parse_head(input, body);
        let function = parse.parse2(head.into_iter().collect())?;
        function.check()?;
        Ok(function)
    }

    /// Reads what stands before the body.
    fn parse_head(input: ParseStream<'_>, body: Option<Group>) -> Result<Self> {
        let start = input.span();
        let mut attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let defaultness = if input.peek(Token![default]) {
            Some(input.parse()?)
        } else {
            None
        };
        let not_a_function = |_| {
            Error::new(
                start,
                "#[audit] stands on a function: `fn`, `async fn`, or a method",
            )
        };
        let signature: Signature = input.parse().map_err(not_a_function)?;
        if input.peek(Token![;]) {
            return Err(Error::new(
                signature.fn_token.span,
                "#[audit] needs a body; put it on the methods that implement this one",
            ));
        }
        let Some(body) = body.filter(|_| input.is_empty()) else {
            return Err(not_a_function(input.error("")));
        };
        let body = hoist_inner_attributes(body, &mut attributes)?;
        Ok(Self {
            attributes,
            visibility,
            defaultness,
            signature,
            body,
        })
    }

    fn check(&self) -> Result<()> {
        if let Some(token) = &self.signature.constness {
            let message = "#[audit] cannot stand on a `const fn`, which runs at compile time";
            return Err(Error::new(token.span, message));
        }
        for attribute in &self.attributes {
            let path = attribute.path();
            if path
                .segments
                .last()
                .is_some_and(|segment| segment.ident == "audit")
            {
                return Err(Error::new(path.span(), "#[audit] is given twice"));
            }
            if path.is_ident("track_caller") {
                let message = "#[audit] hides the caller from `#[track_caller]`; put one of them \
                               on an inner function";
                return Err(Error::new(path.span(), message));
            }
        }
        Ok(())
    }

    /// When its calls end.
    pub(crate) fn shape(&self) -> Shape {
        match &self.signature.output {
            ReturnType::Default => Shape::Value,
            ReturnType::Type(_, ty) => Shape::of(ty),
        }
    }

    /// The return type, as far as the body of an inner function can name it.
    pub(crate) fn nameable_output(&self) -> TokenStream {
        match &self.signature.output {
            ReturnType::Default => quote!(()),
            ReturnType::Type(_, ty) => nameable(ty),
        }
    }

    /// Whether the function never returns.
    pub(crate) fn diverges(&self) -> bool {
        matches!(&self.signature.output, ReturnType::Type(_, ty) if matches!(**ty, Type::Never(_)))
    }
}

/// `{ #![allow(x)] body }` → `#[allow(x)]` on the function, `{ body }`: inner attributes are
/// allowed at the start of a function's body, and nowhere where we put it.
fn hoist_inner_attributes(body: Group, attributes: &mut Vec<Attribute>) -> Result<Group> {
    let mut first = body.stream().into_iter();
    let is = |token: Option<TokenTree>, c: char| matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == c);
    if !(is(first.next(), '#') && is(first.next(), '!')) {
        return Ok(body);
    }
    let split = |input: ParseStream<'_>| {
        let inner = input.call(Attribute::parse_inner)?;
        Ok((inner, input.parse::<TokenStream>()?))
    };
    let (inner, rest) = split.parse2(body.stream())?;
    attributes.extend(inner.into_iter().map(|attribute| Attribute {
        style: syn::AttrStyle::Outer,
        ..attribute
    }));
    let mut stripped = Group::new(Delimiter::Brace, rest);
    stripped.set_span(body.span());
    Ok(stripped)
}
