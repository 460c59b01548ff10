//! The `capsules` command: verify, inspect and list sealed capsules, manage keys.
//!
//! Exit status: 0 pass, 1 fail, 2 the question could not be answered.
#![allow(clippy::doc_markdown, reason = "clap prints the comments as they are")]

mod args;
mod chain;
mod checkpoints;
mod checkup;
#[cfg(test)]
mod cli_md;
mod columns;
mod commands;
mod destination;
mod error;
mod field;
mod filter;
mod human;
mod ids;
mod index;
mod input;
mod judged;
mod key_text;
mod output;
mod page;
mod pager;
mod progress;
mod reference;
mod relatives;
mod sections;
mod server;
mod source;
mod spreadsheet;
mod style;
mod table;
mod trust;
mod verdict;
mod wait;
mod waiting;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::error::CliError;

fn main() -> ExitCode {
    match commands::run(&Cli::parse()) {
        Ok(Status::Pass) => ExitCode::SUCCESS,
        Ok(Status::Fail) => ExitCode::from(1),
        // Whoever read our output has seen enough of it (`capsules list | head`).
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            output::report(&error);
            ExitCode::from(2)
        }
    }
}

/// The answer of a command that could give one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Pass,
    Fail,
}

impl From<bool> for Status {
    fn from(pass: bool) -> Self {
        if pass { Self::Pass } else { Self::Fail }
    }
}

type Result<T, E = CliError> = std::result::Result<T, E>;
