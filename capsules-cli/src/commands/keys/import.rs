//! `capsules keys import`.

use std::path::Path;

use capsules_core::{DataDir, Keyring, PublicKey};

use super::rotate::tell;
use crate::args::Global;
use crate::input::Input;
use crate::key_text;
use crate::{CliError, Result, Status};

/// Take over a private key, or the public keys of somebody else
///
/// Public keys, in a keyring, PEM, hexadecimal or raw, are put into a data directory from which
/// somebody else's capsules are verified. Keys of several signers are never mixed: a directory
/// with a private key of its own is refused; choose another with --data-dir. A later keyring of
/// the same signer replaces an earlier one, if it has all of its keys.
///
/// With --private it is a private key, which becomes the one that signs. Where there is one
/// already, --rotate retires it: it is overwritten, and its public key stays in the keyring.
///
/// JSON: {"retired", "active", "post_quantum"}
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules keys import acme.json --data-dir acme
  capsules verify acme-export.json --signatures --data-dir acme
  capsules keys import --private backup.pem
  capsules keys import --private new.pem --public new.pub.pem --rotate")]
pub(super) struct Args {
    /// The file, or - for standard input
    file: Input,

    /// The file is a private key, in PEM, hexadecimal or raw
    #[arg(long)]
    private: bool,

    /// The public key that has to belong to it: a file, or 64 hexadecimal digits
    #[arg(long, value_name = "KEY", requires = "private")]
    public: Option<String>,

    /// Retire the private key that is there
    #[arg(long, requires = "private")]
    rotate: bool,
}

pub(super) fn run(args: &Args, dir: &DataDir, global: &Global) -> Result<Status> {
    let before = Keyring::read(dir)?;
    let after = if args.private {
        adopt(args, dir)?
    } else {
        let keyring = read_public(&args.file)?;
        keyring.install(dir)?;
        keyring
    };
    tell(&before, &after, dir, global)
}

fn adopt(args: &Args, dir: &DataDir) -> Result<Keyring> {
    let seed = key_text::private_key(&args.file)?;
    let key = key_text::public_half(&seed)?;
    if let Some(public) = &args.public {
        let public = named_public_key(public)?;
        if public != key {
            return Err(CliError::NoPair {
                private: args.file.to_string(),
                belongs: key.into(),
                public: public.into(),
            });
        }
    }
    let there = capsules_core::LocalSigner::read(dir)?;
    match there.map(|signer| capsules_core::Signer::public_key(&signer)) {
        Some(there) if there != key && !args.rotate => Err(CliError::HasKey { dir: dir.clone() }),
        _ => Ok(Keyring::adopt(dir, &seed)?),
    }
}

/// A key that is given by its digits, or in a file.
pub(super) fn named_public_key(name: &str) -> Result<PublicKey> {
    if let Ok(key) = name.parse() {
        return Ok(key);
    }
    let text = Input::File(Path::new(name).to_owned()).read_small()?;
    key_text::public_key(&text, name)
}

fn read_public(file: &Input) -> Result<Keyring> {
    let text = file.read_small()?;
    let place = file.to_string();
    if text.trim_ascii_start().starts_with(b"{") {
        return key_text::keyring(&text, &place);
    }
    let key = key_text::public_key(&text, &place)?;
    Ok([key].into_iter().collect())
}
