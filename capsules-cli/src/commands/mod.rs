//! One module per command.

pub(crate) mod canonicalize;
pub(crate) mod hash;
pub(crate) mod inspect;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod recover;
pub(crate) mod uri;
pub(crate) mod validate;
pub(crate) mod verify;

use crate::args::{Cli, Command};
use crate::{Result, Status};

/// Runs the command that the command line names.
pub(crate) fn run(cli: Cli) -> Result<Status> {
    match cli.command {
        Command::Verify(args) => verify::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::List(args) => list::run(&args),
        Command::Recover(args) => recover::run(&args),
        Command::Keys(args) => keys::run(&args),
        Command::Hash(args) => hash::run(&args),
        Command::Canonicalize(args) => canonicalize::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Uri(args) => uri::run(&args),
    }
}
