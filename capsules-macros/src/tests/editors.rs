//! What an editor sees while somebody types: every token of the function once, and its signature.

use syn::Signature;
use syn::parse::{ParseStream, Parser};

use super::{expanded, flat};

/// Bodies that somebody has not finished.
const BROKEN_BODIES: [&str; 6] = [
    "{ let answer = task. }",
    "{ task.len( ) + }",
    "{ match task { Some(x) => } }",
    "{ let = 1; task.split(' ') . map(|word| word. ) }",
    "{ if task { return Ok(task.) } }",
    "{ #![] task.len() }",
];

/// Arguments that somebody has not finished, or got wrong.
const BROKEN_ARGS: [&str; 8] = [
    "",
    "type",
    "type =",
    "type = \"agent\", tenant_from",
    "type = \"agent\", tenant_from = ",
    "type = \"agent\", tenant_id = task.",
    "type = \"agent\", misspelt = 1",
    "type = \"agent\" tenant_from = \"task\"",
];

/// How often one list of tokens stands in another.
fn occurrences(of: &[String], within: &[String]) -> usize {
    within
        .windows(of.len())
        .filter(|window| *window == of)
        .count()
}

/// The signature of the function that is among the tokens.
fn signature(tokens: proc_macro2::TokenStream) -> Option<String> {
    let read = |input: ParseStream<'_>| {
        // Before it stands the error, which is an item of its own.
        if input.peek2(syn::Token![::]) || input.peek(syn::Token![::]) {
            input.parse::<syn::ItemMacro>()?;
        }
        input.call(syn::Attribute::parse_outer)?;
        input.parse::<syn::Visibility>()?;
        let signature: Signature = input.parse()?;
        input.parse::<proc_macro2::TokenStream>()?;
        Ok(quote::ToTokens::to_token_stream(&signature).to_string())
    };
    read.parse2(tokens).ok()
}

#[test]
fn a_body_that_does_not_parse_is_there_once_and_so_is_the_signature() {
    let head = "pub async fn run(task: &str, site: u8) -> Result<usize, Error>";
    let whole = signature(format!("{head} {{}}").parse().unwrap());
    for body in BROKEN_BODIES {
        let inside = body[1..body.len() - 1].parse().unwrap();
        let inside = flat(inside);
        let output = expanded("type = \"agent\"", &format!("{head} {body}"));
        assert_eq!(occurrences(&inside, &flat(output.clone())), 1, "{output}");
        assert_eq!(signature(output), whole, "{body}");
    }
}

#[test]
fn arguments_that_do_not_parse_leave_the_function_as_it_is() {
    let item = "#[must_use] pub async fn run(mut task: &str) -> usize { task.len() }";
    let tokens = flat(item.parse().unwrap());
    for args in BROKEN_ARGS {
        let output = flat(expanded(args, item));
        assert!(output.contains(&"compile_error".to_owned()), "{args}");
        assert!(output.ends_with(&tokens), "{args}: {output:?}");
        assert_eq!(occurrences(&tokens, &output), 1, "{args}");
    }
}

#[test]
fn a_signature_that_does_not_parse_leaves_every_token() {
    for item in [
        "async fn run(task: &str, ) -> { task.len() }",
        "fn run(task: ) { task.len() }",
        "pub async fn run<T: (task: T) { task.len() }",
        "pub fn { task.len() }",
        "async",
        "fn run()",
        "",
    ] {
        let tokens = flat(item.parse().unwrap());
        let output = flat(expanded("type = \"agent\"", item));
        assert!(output.contains(&"compile_error".to_owned()), "{item}");
        assert!(output.ends_with(&tokens), "{item}: {output:?}");
    }
}
