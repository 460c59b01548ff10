//! The compiler and Clippy say the same of a function with the attribute and without it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::package::{Package, capsules};

const SOURCE: &str = include_str!("data/linted.rs");

/// Lints that say something else of an audited function, or nothing. The last group is about
/// functions as a whole, and Clippy passes over what a macro has written.
const DIFFERENT: [&str; 12] = [
    // Said of the whole function, and not of its last expression.
    "clippy::implicit_return",
    // It cannot be `const`, and it is no longer just a future.
    "clippy::missing_const_for_fn",
    "clippy::manual_async_fn",
    // The body may name it, and the parameter is moved into it.
    "clippy::needless_lifetimes",
    "clippy::boxed_local",
    "clippy::ptr_arg: writing `&mut",
    "clippy::arithmetic_side_effects",
    "clippy::inline_always",
    "clippy::must_use_candidate",
    "clippy::needless_pass_by_value",
    "clippy::needless_return",
    "clippy::unused_async",
];

/// What is said of a source, with the attribute's place taken by `attribute`: the lint, where, and
/// its message.
fn lints(name: &str, attribute: &str) -> BTreeSet<String> {
    let package = Package::new(name, &capsules("default-features = false"));
    package.write("src/lib.rs", &SOURCE.replace("#[AUDIT]", attribute));
    let output = package.run(&["clippy", "--quiet", "--offline", "--message-format=json"]);
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|message| message["reason"] == "compiler-message")
        .filter_map(|message| lint(&message["message"]))
        .collect()
}

fn lint(message: &Value) -> Option<String> {
    let code = message["code"]["code"].as_str()?;
    let span = message["spans"]
        .as_array()?
        .iter()
        .find(|span| span["is_primary"] == true)?;
    let place = [
        &span["line_start"],
        &span["column_start"],
        &span["line_end"],
    ];
    let [line, column, end] = place.map(|number| number.as_u64().unwrap_or_default());
    let text = message["message"].as_str()?;
    Some(format!("{line:03}:{column}-{end} {code}: {text}"))
}

#[test]
fn no_lint_is_added_and_none_is_lost() {
    let plain = lints("linted-plain", "#[cfg(not(any()))]");
    let audited = lints("linted-audited", "#[capsules::audit(type = \"tool\")]");
    for expected in [
        "clippy::print_stdout",
        "clippy::print_stderr",
        "clippy::dbg_macro",
        "clippy::unwrap_used",
        "dead_code",
        "deprecated",
        "missing_docs",
        "non_snake_case",
        "unreachable_code",
        "unused_must_use",
        "unused_mut",
        "unused_variables",
    ] {
        assert!(
            plain.iter().any(|lint| lint.contains(expected)),
            "{expected}"
        );
    }
    let is_the_same = |lint: &&String| !DIFFERENT.iter().any(|name| lint.contains(name));
    let added: Vec<_> = audited.difference(&plain).filter(is_the_same).collect();
    let lost: Vec<_> = plain.difference(&audited).filter(is_the_same).collect();
    assert!(
        added.is_empty() && lost.is_empty(),
        "added: {added:#?}\nlost: {lost:#?}"
    );
}
