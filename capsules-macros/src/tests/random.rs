//! Random input: signatures that are right, and tokens that are not.

use proc_macro2::TokenStream;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{ImplItemFn, PatIdent, Signature};

use super::{expanded, flat};

/// A signature without the `mut` of what it binds by value, which the expansion moves into the body.
fn immutable(mut signature: Signature) -> String {
    struct Immutable;
    impl VisitMut for Immutable {
        fn visit_pat_ident_mut(&mut self, pattern: &mut PatIdent) {
            if pattern.by_ref.is_none() {
                pattern.mutability = None;
            }
            visit_mut::visit_pat_ident_mut(self, pattern);
        }
    }
    Immutable.visit_signature_mut(&mut signature);
    signature.to_token_stream().to_string()
}

fn types() -> impl Strategy<Value = String> {
    let leaf = select(
        &[
            "u8",
            "String",
            "&'a str",
            "&'a mut [u8]",
            "Self",
            "T",
            "[u8; N]",
            "(u8, T)",
            "()",
            "fn(u8) -> u8",
            "<T as Trait<'a>>::Item",
            "*const u8",
            "&'static dyn Any",
            "::std::io::Error",
        ][..],
    )
    .prop_map(str::to_owned);
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|ty| format!("Option<{ty}>")),
            inner.clone().prop_map(|ty| format!("Vec<{ty}>")),
            inner
                .clone()
                .prop_map(|ty| format!("Box<dyn Fn({ty}) -> u8>")),
            inner.clone().prop_map(|ty| format!("impl Into<{ty}>")),
            inner
                .clone()
                .prop_map(|ty| format!("impl Future<Output = {ty}>")),
            inner
                .clone()
                .prop_map(|ty| format!("Pin<Box<dyn Future<Output = {ty}> + Send>>")),
            (inner.clone(), inner).prop_map(|(ok, err)| format!("Result<{ok}, {err}>")),
        ]
    })
}

/// A function that is right as far as its tokens go.
fn functions() -> impl Strategy<Value = String> {
    let patterns = select(
        &[
            "name",
            "mut name",
            "_",
            "_unused",
            "(left, right)",
            "[first, ..]",
            "ref name",
            "name @ 1..",
            "Point { x, mut y }",
            "&inner",
            "r#type",
        ][..],
    );
    (
        select(&["", "pub", "pub(crate)", "pub(in crate::inner)"][..]),
        select(&["", "async", "unsafe", "async unsafe", "extern \"C\"", "unsafe extern \"C\""][..]),
        select(&["", "<'a>", "<'a, T>", "<'a, const N: usize>", "<'a: 'b, 'b, T: Trait<'a> + ?Sized>"][..]),
        select(&["", "self", "mut self", "&self", "&'a mut self", "self: Arc<Self>", "self: Pin<&mut Self>"][..]),
        vec((patterns, types()), 0..4),
        proptest::option::of(prop_oneof![types(), Just("!".to_owned())]),
        select(&["", "where T: Send + 'a", "where T: Trait<'a>, [u8; N]: Sized,"][..]),
    )
        .prop_map(|(visibility, qualifiers, generics, receiver, params, output, bounds)| {
            let mut inputs = Vec::new();
            if !receiver.is_empty() {
                inputs.push(receiver.to_owned());
            }
            inputs.extend(params.into_iter().map(|(pattern, ty)| format!("{pattern}: {ty}")));
            let output = output.map_or_else(String::new, |ty| format!("-> {ty}"));
            let inputs = inputs.join(", ");
            format!(
                "/// Does it.\n{visibility} {qualifiers} fn run{generics}({inputs}) {output} {bounds} \
                 {{ body(name)?; 1 }}"
            )
        })
}

/// Any tokens, many of them such as stand in an attribute or before a function.
fn soup() -> impl Strategy<Value = String> {
    let token = select(
        &[
            "type",
            "=",
            "\"agent\"",
            "\"tool\"",
            ",",
            "tenant_from",
            "tenant_id",
            "skip",
            "(a)",
            "()",
            "(a, b)",
            "trigger_from",
            "0",
            "99999999999999999999",
            "none",
            "\"\"",
            "\"a.\"",
            "self",
            "crate",
            "::",
            "capsules",
            "#",
            "[inline]",
            "#[audit]",
            "#![allow(x)]",
            "pub",
            "async",
            "const",
            "fn",
            "f",
            "<'a",
            ">",
            "(mut a: u8)",
            "(self)",
            "->",
            "!",
            "u8",
            "impl",
            "Future",
            "where",
            "{",
            "}",
            "{ x. }",
            ";",
            "..",
            "|",
            "&",
            "'a'",
            "1.5",
            "r#fn",
            "_",
            "prompt",
            "result",
            "error",
            "\"json\"",
            "durability",
            "swallow_errors",
            "true",
            "default",
            "struct",
        ][..],
    );
    vec(token, 0..24).prop_map(|tokens| tokens.join(" "))
}

fn arguments() -> impl Strategy<Value = String> {
    let keys = select(
        &[
            "",
            ", trigger_from = none",
            ", source = \"web\"",
            ", result = \"none\"",
            ", error = json",
            ", durability = \"memory\"",
            ", durability = \"committed\"",
            ", agent_id = 1 + 2",
            ", capsules = INSTANCE",
            ", crate = ::other::path",
        ][..],
    );
    vec(keys, 0..2).prop_map(|keys| format!("type = \"tool\"{}", keys.concat()))
}

proptest! {
    #[test]
    fn a_function_stays_a_function_with_its_signature(args in arguments(), item in functions()) {
        let Ok(before) = syn::parse_str::<ImplItemFn>(&item) else {
            return Err(TestCaseError::reject("not a function"));
        };
        let output = expanded(&args, &item);
        if flat(output.clone()).starts_with(&[String::from("::")]) {
            // Refused, for instance because a key is given twice.
            prop_assert!(flat(output).ends_with(&flat(item.parse().unwrap())));
            return Ok(());
        }
        let after: ImplItemFn = syn::parse2(output).map_err(|error| TestCaseError::fail(format!("{error}: {item}")))?;
        prop_assert_eq!(immutable(after.sig), immutable(before.sig));
        prop_assert_eq!(after.vis.to_token_stream().to_string(), before.vis.to_token_stream().to_string());
        prop_assert_eq!(after.attrs.len(), before.attrs.len());
    }

    #[test]
    fn arbitrary_tokens_are_answered_and_kept(args in soup(), item in soup()) {
        let (Ok(args), Ok(item)) = (args.parse::<TokenStream>(), item.parse::<TokenStream>()) else {
            return Err(TestCaseError::reject("braces that do not match"));
        };
        let output = crate::expand::audit(args, &item);
        let kept = flat(output.clone());
        // A token may move and none may vanish.
        for token in flat(item) {
            prop_assert!(kept.contains(&token), "`{}` is lost", token);
        }
    }
}
