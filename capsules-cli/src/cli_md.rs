//! `docs/CLI.md`: what `--help` says of every command, in one page.

use std::path::Path;

use clap::{Command, CommandFactory};

use crate::args::Cli;

/// Set to write the file instead of comparing with it.
const UPDATE: &str = "CAPSULES_WRITE_DOCS";

#[test]
fn the_page_is_what_the_program_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CLI.md");
    let page = page();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = page
        .lines()
        .zip(found.lines().chain(std::iter::repeat("")))
        .find(|(says, found)| says != found);
    assert!(
        page == found,
        "docs/CLI.md is stale, first at {differs:?}: run {UPDATE}=1 cargo test -p capsules-cli cli_md"
    );
}

fn page() -> String {
    let mut root = Cli::command().term_width(100);
    root.build();
    let mut commands = Vec::new();
    collect(&root, &mut commands);
    let mut page = "\
# The `capsules` command

Generated from the program, which says the same with `--help`; `capsules man` has it as manual pages. Every command
takes the global options, before its name or after it.

"
    .to_owned();
    for (name, _) in &commands {
        let anchor = name.replace(' ', "-");
        page += &format!("- [`{name}`](#{anchor})\n");
    }
    for (name, command) in commands {
        let help = command.term_width(100).render_long_help().to_string();
        let lines: Vec<_> = help.trim_end().lines().map(str::trim_end).collect();
        page += &format!("\n## `{name}`\n\n```text\n{}\n```\n", lines.join("\n"));
    }
    page
}

/// The command and those below it, without the global options, which the first one names.
fn collect(command: &Command, commands: &mut Vec<(String, Command)>) {
    let shown = command.clone().mut_args(|arg| {
        let known = !commands.is_empty() && (arg.is_global_set() || arg.get_id() == "help");
        let hidden = known || arg.is_hide_set();
        arg.hide(hidden)
    });
    let name = shown.get_bin_name().unwrap_or(shown.get_name()).to_owned();
    commands.push((name, shown));
    for below in command.get_subcommands() {
        if below.get_name() != "help" {
            collect(below, commands);
        }
    }
}
