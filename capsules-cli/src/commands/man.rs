//! `capsules man`: the manual pages.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::CommandFactory;
use clap_mangen::Man;

use crate::args::Cli;
use crate::{CliError, Result, Status};

/// Print the manual page, or write one for each command to a directory
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules man | man -l -
  capsules man --output-dir ~/.local/share/man/man1")]
pub(crate) struct Args {
    /// Write capsules.1, capsules-verify.1 and so on to this directory, which is made if need be
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<Status> {
    let command = Cli::command();
    match &args.output_dir {
        None => {
            let mut page = Vec::new();
            Man::new(command)
                .render(&mut page)
                .and_then(|()| io::stdout().write_all(&page))
                .map_err(CliError::Write)?;
        }
        Some(directory) => fs::create_dir_all(directory)
            .and_then(|()| clap_mangen::generate_to(command, directory))
            .map_err(|reason| CliError::WriteFile {
                path: directory.clone(),
                reason,
            })?,
    }
    Ok(Status::Pass)
}
