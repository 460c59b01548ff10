//! `capsules completions`: what a shell completes.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::{CliError, Result, Status};

/// Print the completions of a shell
///
/// The shells are bash, elvish, fish, powershell and zsh.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules completions bash > ~/.local/share/bash-completion/completions/capsules
  capsules completions zsh > ~/.zfunc/_capsules
  capsules completions fish > ~/.config/fish/completions/capsules.fish")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Result<Status> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "capsules", &mut script);
    std::io::Write::write_all(&mut std::io::stdout(), &script).map_err(CliError::Write)?;
    Ok(Status::Pass)
}
