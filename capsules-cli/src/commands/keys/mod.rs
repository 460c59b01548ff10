//! `capsules keys`: the keys that sign.

mod check;
mod export;
mod import;
mod info;
mod rotate;

use std::io::Write;

use capsules_core::keyring::Epoch;
use capsules_core::{DataDir, Keyring};

use crate::args::Global;
use crate::output::{self, Safe};
use crate::{CliError, Result, Status};

/// Show, compare, rotate, export and import the keys that sign capsules
///
/// A data directory has one private key that signs, and a keyring with the public keys of all
/// that have signed before it, each the key of an epoch.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules keys info
  capsules keys export -o signer.pem
  capsules keys check qp_key_1eba
  capsules verify export.json --pubkey-file signer.pem")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show the keys of every epoch, and whether the private key is kept safe
    ///
    /// JSON: {"data_dir", "private_key", "private_key_exposed", "active", "epochs", "post_quantum"}
    Info,
    Rotate(rotate::Args),
    Export(export::Args),
    /// Print the active public key in hexadecimal
    ///
    /// JSON: the epoch of the key
    ExportPublic,
    Import(import::Args),
    Check(check::Args),
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<Status> {
    let dir = global.data_dir()?;
    match &args.action {
        Action::Info => info::run(&dir, global),
        Action::Rotate(args) => rotate::run(args, &dir, global),
        Action::Export(args) => export::run(args, &dir, global),
        Action::ExportPublic => export_public(&dir, global),
        Action::Import(args) => import::run(args, &dir, global),
        Action::Check(args) => check::run(args, &dir, global),
    }
}

fn export_public(dir: &DataDir, global: &Global) -> Result<Status> {
    let keyring = Keyring::read(dir)?;
    let active = active(&keyring, dir)?;
    if global.json {
        output::print_json(active)?;
    } else {
        writeln!(std::io::stdout(), "{}", active.public_key).map_err(CliError::Write)?;
    }
    Ok(Status::Pass)
}

fn active<'k>(keyring: &'k Keyring, dir: &DataDir) -> Result<&'k Epoch> {
    keyring
        .active()
        .ok_or_else(|| CliError::NoKey { dir: dir.clone() })
}

fn name(epoch: &Epoch) -> String {
    format!("{} (epoch {})", Safe(&epoch.fingerprint), epoch.number)
}
