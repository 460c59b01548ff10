//! The expansion of each shape, as a reader sees it. `INSTA_UPDATE=always cargo test -p
//! capsules-macros` writes the files anew.

use super::{expanded, flat};

/// The expansion as formatted source.
fn pretty(args: &str, item: &str) -> String {
    let file = syn::parse2(expanded(args, item)).unwrap();
    prettyplease::unparse(&file)
}

macro_rules! snapshots {
    ($($name:ident: $args:literal, $item:literal;)*) => {$(
        #[test]
        fn $name() {
            insta::with_settings!({
                prepend_module_to_snapshot => false,
                omit_expression => true,
                snapshot_path => "expansions",
                description => concat!("#[audit(", $args, ")]\n", $item),
            }, {
                insta::assert_snapshot!(stringify!($name), pretty($args, $item));
            });
        }
    )*};
}

snapshots! {
    a_function:
        r#"type = "tool""#,
        "fn add(left: u8, right: u8) -> u8 { left + right }";
    an_asynchronous_function:
        r#"type = "agent", tenant_from = "site""#,
        "async fn run(mut task: &str, site: &Site) -> Result<String, Error> { llm(task).await }";
    a_method_with_every_key:
        r#"type = "agent", trigger_from = 1, tenant_id = self.tenant(), session_from = "ctx.session",
           user_from = user, traceparent = ctx.header("traceparent"), agent_id = "planner",
           skip(password), prompt = "ctx.prompt", source = "web", domain = "billing",
           result = "debug", error = "none", durability = "memory", capsules = self.capsules,
           crate = audit"#,
        "pub fn plan(&self, password: &str, user: &User, ctx: &Context) -> Plan { self.go(ctx) }";
    a_function_that_returns_a_boxed_future:
        r#"type = "tool""#,
        "fn fetch<'a>(&'a self, url: &'a str) -> Pin<Box<dyn Future<Output = u8> + Send + 'a>> {
            let client = self.client(); Box::pin(async move { client.get(url).await })
        }";
    a_function_that_waits_for_the_store:
        r#"type = "tool", swallow_errors = false"#,
        "fn pay(cents: u64) -> Result<Receipt, Error> { bank(cents) }";
    a_function_that_never_returns:
        r#"type = "kill""#,
        "fn stop(code: i32) -> ! { std::process::exit(code) }";
}

#[test]
fn attributes_are_kept_once() {
    let attributes = "#[doc = \"Adds.\"] #[cfg(all())] #[must_use] #[inline] #[deprecated] #[cold]";
    let item = format!("{attributes} pub fn add(left: u8) -> u8 {{ #![allow(unused)] left }}");
    let output = flat(expanded("type = \"tool\"", &item));
    for name in ["doc", "cfg", "must_use", "deprecated", "cold"] {
        let count = output.iter().filter(|token| *token == name).count();
        assert_eq!(count, 1, "{name}");
    }
    assert!(output.starts_with(&flat(attributes.parse().unwrap())));
}

#[test]
fn unusual_qualifiers_stay_in_their_place() {
    for head in [
        "pub(crate) async unsafe fn run(x: u8) -> u8",
        "unsafe extern \"C\" fn run(count: u32, mut rest: ...) -> u8",
        "pub unsafe extern \"C\" fn run(count: u32, ...) -> u8",
        "default async fn run(self: Pin<&mut Self>) -> u8",
    ] {
        let output = flat(expanded("type = \"tool\"", &format!("{head} {{ body() }}")));
        let head = flat(head.parse().unwrap());
        assert!(output.starts_with(&head), "{output:?}");
    }
}

#[test]
fn the_same_input_gives_the_same_output() {
    let item = "async fn run<T: Into<u8>>(mut a: T, _: [u8; 2]) -> Result<(), E> { go(a).await }";
    let args = r#"type = "agent", tenant_from = "a", correlation_from = a.id, skip(b)"#;
    let first = expanded(args, item).to_string();
    for _ in 0..10 {
        assert_eq!(expanded(args, item).to_string(), first);
    }
}
