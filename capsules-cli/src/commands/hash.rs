//! `capsules hash`: SHA3-256 of a file.

use std::io::Write;

use capsules_core::sha3_256_reader;
use serde::Serialize;

use crate::args::Global;
use crate::input::Input;
use crate::{CliError, Result, Status, output};

/// Print the SHA3-256 of a file
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules hash contract.pdf
  curl -s https://example.org/data.csv | capsules hash -")]
pub(crate) struct Args {
    /// The file, or - for standard input
    file: Input,
}

#[derive(Serialize)]
struct Answer {
    hash: String,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<Status> {
    let hash = sha3_256_reader(args.file.open()?).map_err(|error| args.file.unreadable(error))?;
    if global.json {
        output::print_json(&Answer {
            hash: hash.to_string(),
        })?;
    } else {
        writeln!(std::io::stdout(), "{hash}").map_err(CliError::Write)?;
    }
    Ok(Status::Pass)
}
