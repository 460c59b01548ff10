//! `capsules keys check`.

use std::path::Path;

use capsules_core::keyring::{Epoch, EpochStatus};
use capsules_core::{DataDir, Keyring};
use serde::Serialize;

use super::import::named_public_key;
use super::{active, name};
use crate::args::Global;
use crate::output::{self, Safe};
use crate::style::{BAD, DIM, GOOD};
use crate::{Result, Status};

/// Compare a fingerprint or a public key with those of the keyring
///
/// Exit status 1: the keyring has no such key. A fingerprint is short: whoever wants one of four
/// digits finds a key for it at once, so compare the whole key where it matters.
///
/// JSON: {"same", "epoch"}
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules keys check qp_key_1eba
  capsules keys check signer.pem --active
  capsules keys check 1ebab0aab7c50c4f88ca4b4eb8cbcf2c7cb1b024768bc621ad2012aecf9228ee")]
pub(super) struct Args {
    /// A fingerprint, 64 hexadecimal digits, or a file with a public key
    #[arg(value_name = "KEY")]
    key: String,

    /// Only the key that signs now counts
    #[arg(long)]
    active: bool,
}

/// What is printed for programs.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    same: bool,
    epoch: Option<&'a Epoch>,
}

pub(super) fn run(args: &Args, dir: &DataDir, global: &Global) -> Result<Status> {
    let keyring = Keyring::read(dir)?;
    let signs = active(&keyring, dir)?;
    let is_named = !Path::new(&args.key).exists() && is_fingerprint(&args.key);
    let found = if is_named {
        keyring.lookup(&args.key)
    } else {
        keyring.lookup(&named_public_key(&args.key)?.to_string())
    };
    let epoch = found
        .into_iter()
        .find(|epoch| !args.active || epoch.public_key == signs.public_key);
    if global.json {
        output::print_json(&Answer {
            same: epoch.is_some(),
            epoch,
        })?;
        return Ok(Status::from(epoch.is_some()));
    }
    output::print(&match epoch {
        Some(epoch) => format!(
            "{GOOD}Same{GOOD:#} as {}, {}\n",
            name(epoch),
            match epoch.status {
                EpochStatus::Active => "which signs now",
                _ => "which is retired",
            }
        ),
        None => format!(
            "{BAD}Different{BAD:#}: {} is not {} {DIM}{}{DIM:#}\n",
            Safe(&args.key),
            if args.active {
                "the active key"
            } else {
                "in the keyring; the active key is"
            },
            signs.public_key,
        ),
    })?;
    if epoch.is_some() && is_named {
        output::note(&"a fingerprint has few digits; compare the whole key where it matters");
    }
    Ok(Status::from(epoch.is_some()))
}

/// `qp_key_` and digits, or the 16 digits of older records.
fn is_fingerprint(text: &str) -> bool {
    let digits = text.strip_prefix("qp_key_").unwrap_or(text);
    let is_long_enough = if text == digits {
        digits.len() == 16
    } else {
        digits.len() >= 4
    };
    is_long_enough && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}
