//! Whose signatures count.

use std::path::{Path, PathBuf};

use capsules_core::pq::PqPublicKey;
use capsules_core::verify::{PqPolicy, TrustedKeys};
use capsules_core::{Keyring, PublicKey};

use crate::args::Global;
use crate::input::Input;
use crate::key_text;
use crate::{CliError, Result};

/// The choice of the keys to trust.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Keys")]
pub(crate) struct KeyArgs {
    /// Trust this Ed25519 public key alone, whatever key the capsules name
    #[arg(long, value_name = "HEX")]
    pubkey: Option<String>,

    /// The same, with the key in a file: hexadecimal, PEM or raw
    #[arg(long, value_name = "FILE", conflicts_with = "pubkey")]
    pubkey_file: Option<PathBuf>,

    /// Trust the keys in this keyring, of which each capsule names its own; `capsules keys export
    /// -o keyring.json` writes it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pubkey", "pubkey_file"])]
    keyring: Option<PathBuf>,

    /// Require ML-DSA-65 signatures too, by the public key in this file (key.ml.pub)
    #[arg(long, value_name = "FILE")]
    pq_pubkey_file: Option<PathBuf>,
}

impl KeyArgs {
    /// Whether a key was named.
    pub(crate) fn any(&self) -> bool {
        self.pubkey.is_some()
            || self.pubkey_file.is_some()
            || self.keyring.is_some()
            || self.pq_pubkey_file.is_some()
    }

    /// The keys that were named, or else the keyring of the data directory.
    pub(crate) fn trusted_keys(&self, global: &Global) -> Result<TrustedKeys> {
        let keys = match (self.public_key()?, &self.keyring) {
            (Some(key), _) => key.into(),
            (None, Some(path)) => key_text::keyring_file(path)?.into(),
            (None, None) => local(global)?,
        };
        Ok(match &self.pq_pubkey_file {
            None => keys,
            Some(path) => keys.post_quantum(read_pq_key(path)?),
        })
    }

    /// What is demanded of post-quantum signatures.
    pub(crate) fn pq_policy(&self) -> PqPolicy {
        match &self.pq_pubkey_file {
            None => PqPolicy::Ignore,
            Some(_) => PqPolicy::Required,
        }
    }

    fn public_key(&self) -> Result<Option<PublicKey>> {
        match (&self.pubkey, &self.pubkey_file) {
            (Some(text), _) => match text.trim().parse() {
                Ok(key) => Ok(Some(key)),
                Err(reason) => Err(CliError::PublicKey {
                    place: "--pubkey".to_owned(),
                    reason,
                }),
            },
            (None, Some(path)) => {
                let text = Input::File(path.clone()).read_small()?;
                key_text::public_key(&text, &path.display().to_string()).map(Some)
            }
            (None, None) => Ok(None),
        }
    }
}

fn local(global: &Global) -> Result<TrustedKeys> {
    let dir = global.data_dir()?;
    let keyring = Keyring::read(&dir)?;
    if keyring.epochs().is_empty() {
        return Err(CliError::NothingToVerifyWith { dir });
    }
    Ok(keyring.into())
}

fn read_pq_key(path: &Path) -> Result<PqPublicKey> {
    let bytes = Input::File(path.to_owned()).read_small()?;
    PqPublicKey::from_bytes(&bytes).map_err(|reason| CliError::PqPublicKey {
        path: path.to_owned(),
        reason,
    })
}
