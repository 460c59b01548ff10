//! `capsules keys export`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use capsules_core::{DataDir, Keyring, PqPublicKey};
use clap::ValueEnum;
use zeroize::Zeroizing;

use super::active;
use crate::args::Global;
use crate::destination::Destination;
use crate::input::Input;
use crate::key_text;
use crate::{CliError, Result, Status, output};

/// Write public keys for auditors, or on demand the private key
///
/// The active public key, or that of an epoch, is for `verify --pubkey-file`. With --format json
/// it is the keyring of all epochs, which verifies a chain whose key was rotated: give it to
/// `verify --keyring`, or to `keys import` in a directory of the auditor's own.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules keys export                          the active public key, in hexadecimal
  capsules keys export -o signer.pem            the same, as OpenSSL reads it
  capsules keys export -o keyring.json          the public keys of all epochs
  capsules keys export --pq -o signer.ml.pub    the ML-DSA-65 public key
  capsules keys export --private -o backup.pem  the private key")]
pub(super) struct Args {
    /// The file to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The form [default: by the ending of FILE, else hex]
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// The public key of this epoch
    #[arg(long, value_name = "N")]
    epoch: Option<u64>,

    /// The ML-DSA-65 public key, raw as --pq-pubkey-file takes it
    #[arg(long, conflicts_with_all = ["epoch", "format"], requires = "output")]
    pq: bool,

    /// The private key that signs now. Whoever has it can sign capsules in your name: the file
    /// must be a new one, and is made for its owner only
    #[arg(long, conflicts_with_all = ["epoch", "pq"], requires = "output")]
    private: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// 64 hexadecimal digits
    Hex,
    /// PEM: SubjectPublicKeyInfo, or PKCS #8 of a private key (RFC 8410)
    Pem,
    /// A keyring, of public keys only
    Json,
    /// 32 bytes; of a private key the file `key` itself
    Raw,
}

pub(super) fn run(args: &Args, dir: &DataDir, global: &Global) -> Result<Status> {
    let format = args.format(global);
    match &args.output {
        Some(path) if args.private => write_private(path, dir, format)?,
        Some(path) if args.pq => {
            let key = PqPublicKey::read(dir)?.ok_or(CliError::NoPqKey { dir: dir.clone() })?;
            write(Some(path), key.as_bytes())?;
        }
        output => write(output.as_deref(), &public(args, dir, format)?)?,
    }
    Ok(Status::Pass)
}

impl Args {
    fn format(&self, global: &Global) -> Format {
        let ending = self.output.as_deref().and_then(Path::extension);
        let by_ending = || match ending.and_then(|ending| ending.to_str()) {
            Some("pem") => Format::Pem,
            Some("json") => Format::Json,
            _ => Format::Hex,
        };
        match self.format {
            Some(format) => format,
            None if global.json => Format::Json,
            None => by_ending(),
        }
    }
}

fn public(args: &Args, dir: &DataDir, format: Format) -> Result<Vec<u8>> {
    let keyring = Keyring::read(dir)?;
    let active = active(&keyring, dir)?;
    let chosen = match args.epoch {
        Some(number) => Some(keyring.only(number).ok_or_else(|| CliError::NoEpoch {
            number,
            dir: dir.clone(),
        })?),
        None => None,
    };
    let key = match &chosen {
        Some(only) => only.epochs()[0].public_key,
        None => active.public_key,
    };
    Ok(match format {
        Format::Hex => format!("{key}\n").into_bytes(),
        Format::Pem => key_text::public_pem(&key)?.into_bytes(),
        Format::Raw => key.as_bytes().to_vec(),
        Format::Json => {
            let keyring = chosen.as_ref().unwrap_or(&keyring);
            let mut text = serde_json::to_vec_pretty(keyring)
                .map_err(|error| CliError::Write(error.into()))?;
            text.push(b'\n');
            text
        }
    })
}

fn write(path: Option<&Path>, bytes: &[u8]) -> Result<()> {
    let mut destination = Destination::open(path)?;
    destination.write_all(bytes).map_err(CliError::Write)?;
    destination.finish()
}

/// Writes a file that is new and its owner's alone from the beginning.
fn write_private(path: &Path, dir: &DataDir, format: Format) -> Result<()> {
    if !dir.key().exists() {
        return Err(CliError::NoKey { dir: dir.clone() });
    }
    let seed = key_text::private_key(&Input::File(dir.key()))?;
    let bytes = Zeroizing::new(match format {
        Format::Hex => key_text::digits(&*seed).into_bytes(),
        Format::Pem => key_text::private_pem(&seed)?.as_bytes().to_vec(),
        Format::Raw => seed.to_vec(),
        Format::Json => return Err(CliError::PrivateInKeyring),
    });
    let write = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.write_all(&bytes)?;
        file.sync_all()
    };
    write().map_err(|reason| CliError::WriteFile {
        path: path.to_owned(),
        reason,
    })?;
    output::note(&format_args!(
        "{} is the private key: whoever has it can sign capsules in your name",
        path.display()
    ));
    Ok(())
}
