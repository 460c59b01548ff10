//! One module per command.

pub(crate) mod canonicalize;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod hash;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod recover;
pub(crate) mod search;
pub(crate) mod serve;
pub(crate) mod stats;
pub(crate) mod tail;
pub(crate) mod tree;
pub(crate) mod uri;
pub(crate) mod validate;
pub(crate) mod verify;

use crate::args::{Cli, Command};
use crate::{CliError, Result, Status};

/// Runs the command that the command line names.
pub(crate) fn run(cli: &Cli) -> Result<Status> {
    let Cli { global, command } = cli;
    if global.names_store() && !command.uses_store() {
        return Err(CliError::NoStoreWanted);
    }
    match command {
        Command::Verify(args) => verify::run(args, global),
        Command::Inspect(args) => inspect::run(args, global),
        Command::List(args) => list::run(args, global),
        Command::Search(args) => search::run(args, global),
        Command::Tree(args) => tree::run(args, global),
        Command::Stats(args) => stats::run(args, global),
        Command::Export(args) => export::run(args, global),
        Command::Import(args) => import::run(args, global),
        Command::Tail(args) => tail::run(args, global),
        Command::Serve(args) => serve::run(args, global),
        Command::Recover(_) => recover::run(global),
        Command::Doctor(_) => doctor::run(global),
        Command::Keys(args) => keys::run(args, global),
        Command::Hash(args) => hash::run(args, global),
        Command::Canonicalize(args) => canonicalize::run(args),
        Command::Validate(args) => validate::run(args),
        Command::Uri(args) => uri::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    }
}
