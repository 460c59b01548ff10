//! The command line.

use std::path::{Path, PathBuf};

use capsules_core::DataDir;
use clap::{Parser, Subcommand};

use crate::Result;
use crate::commands::{
    canonicalize, completions, doctor, export, hash, import, inspect, keys, list, man, recover,
    search, serve, stats, tail, tree, uri, validate, verify,
};

/// Verify, inspect and list sealed capsules, recover journals, and manage the keys that sign.
///
/// A capsule is the sealed record of one action of an AI agent: what triggered it, in which
/// context, for what reasons, on whose authority, how it ran and what came of it. Capsules form a
/// chain in which each names the hash of the one before it, so that a later change is found.
#[derive(Debug, Parser)]
#[command(
    name = "capsules",
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "\
Exit status:
  0  pass
  1  fail: something was checked and is not as it should be
  2  error: the question could not be answered

Environment:
  QUANTUMPIPES_DATA_DIR  the data directory (default: ~/.quantumpipes)
  CAPSULES_PG            the PostgreSQL store, where neither --db nor --pg is given
  PGPASSWORD, PGHOST …   what the store's URL leaves open, as for other PostgreSQL programs
  PAGER                  shows what is longer than the terminal (default: less)
  NO_COLOR               no colours; CLICOLOR_FORCE=1 keeps them in a pipe"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Verify(verify::Args),
    Inspect(inspect::Args),
    List(list::Args),
    Search(search::Args),
    Tree(tree::Args),
    Stats(stats::Args),
    Export(export::Args),
    Import(import::Args),
    Tail(tail::Args),
    Serve(serve::Args),
    Recover(recover::Args),
    Keys(keys::Args),
    Doctor(doctor::Args),
    Hash(hash::Args),
    Canonicalize(canonicalize::Args),
    Validate(validate::Args),
    Uri(uri::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    /// Whether the command has to do with a store.
    pub(crate) fn uses_store(&self) -> bool {
        match self {
            Self::Verify(_)
            | Self::Inspect(_)
            | Self::List(_)
            | Self::Search(_)
            | Self::Tree(_)
            | Self::Stats(_)
            | Self::Export(_)
            | Self::Import(_)
            | Self::Tail(_)
            | Self::Serve(_)
            | Self::Recover(_)
            | Self::Doctor(_) => true,
            Self::Keys(_)
            | Self::Hash(_)
            | Self::Canonicalize(_)
            | Self::Validate(_)
            | Self::Uri(_)
            | Self::Completions(_)
            | Self::Man(_) => false,
        }
    }
}

/// What is said in one way to every command: which store, and how to answer.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The SQLite store [default: capsules.db in the data directory]
    #[arg(long, value_name = "PATH", global = true)]
    db: Option<PathBuf>,

    /// The PostgreSQL store, postgresql://USER@HOST/DATABASE [default: $CAPSULES_PG]
    ///
    /// Other users of the machine may see the command line. A password belongs in ~/.pgpass, in
    /// $PGPASSWORD or in $CAPSULES_PG.
    #[arg(long, value_name = "URL", global = true, conflicts_with = "db")]
    pg: Option<String>,

    /// The directory of the key, the keyring and the default store [default:
    /// $QUANTUMPIPES_DATA_DIR or ~/.quantumpipes]
    #[arg(long, value_name = "DIR", global = true)]
    data_dir: Option<PathBuf>,

    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Print long answers at once instead of through $PAGER
    #[arg(long, global = true)]
    pub(crate) no_pager: bool,

    /// Show no progress of long work; it is shown on a terminal only
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
}

impl Global {
    /// The SQLite store that was named.
    pub(crate) fn db(&self) -> Option<&Path> {
        self.db.as_deref()
    }

    /// The PostgreSQL store that was named, or that the environment names.
    pub(crate) fn pg(&self) -> Option<String> {
        if self.names_store() {
            return self.pg.clone();
        }
        std::env::var(PG).ok().filter(|url| !url.is_empty())
    }

    /// Whether the environment names the store.
    pub(crate) fn pg_is_from_environment(&self) -> bool {
        !self.names_store() && self.pg().is_some()
    }

    /// Whether the command line names a store.
    pub(crate) fn names_store(&self) -> bool {
        self.db.is_some() || self.pg.is_some()
    }

    /// The data directory that was named, or the default one.
    pub(crate) fn data_dir(&self) -> Result<DataDir> {
        Ok(match &self.data_dir {
            Some(path) => DataDir::new(path)?,
            None => DataDir::from_env()?,
        })
    }

    /// The data directory that was named, if one was.
    pub(crate) fn named_data_dir(&self) -> Option<&Path> {
        self.data_dir.as_deref()
    }
}

/// The environment variable of the PostgreSQL store.
const PG: &str = "CAPSULES_PG";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
