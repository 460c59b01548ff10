//! The command line.

use std::path::{Path, PathBuf};

use capsules_core::DataDir;
use clap::{Parser, Subcommand};

use crate::Result;
use crate::commands::{canonicalize, hash, inspect, keys, list, recover, uri, validate, verify};

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
  NO_COLOR               no colours; CLICOLOR_FORCE=1 keeps them in a pipe"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Verify(verify::Args),
    Inspect(inspect::Args),
    List(list::Args),
    Recover(recover::Args),
    Keys(keys::Args),
    Hash(hash::Args),
    Canonicalize(canonicalize::Args),
    Validate(validate::Args),
    Uri(uri::Args),
}

/// The choice of the data directory.
#[derive(Debug, clap::Args)]
pub(crate) struct DataDirArgs {
    /// The directory of the key, the keyring and the default store [default:
    /// $QUANTUMPIPES_DATA_DIR or ~/.quantumpipes]
    #[arg(long, value_name = "DIR", global = true)]
    data_dir: Option<PathBuf>,
}

impl DataDirArgs {
    /// The directory that was named, if one was.
    pub(crate) fn given(&self) -> Option<&Path> {
        self.data_dir.as_deref()
    }

    pub(crate) fn resolve(&self) -> Result<DataDir> {
        Ok(match &self.data_dir {
            Some(path) => DataDir::new(path)?,
            None => DataDir::from_env()?,
        })
    }
}
