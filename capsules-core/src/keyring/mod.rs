//! The public keys of every epoch, and the files that hold them (CPS section 5).
//!
//! `key` holds the private key that signs now; `keyring.json` names its public key and those of
//! earlier epochs, so that what they signed stays verifiable. Both files are shared with other
//! implementations of the protocol.

mod error;
mod files;
mod store;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use error::KeyringError;
pub(crate) use files::read_exact;
#[cfg(feature = "pq")]
pub(crate) use files::{publish, stage};
#[cfg(feature = "pq")]
pub(crate) use store::lock;
pub(crate) use store::{open, read_key};

use crate::datadir::DataDir;
use crate::fingerprint;
use crate::signer::PublicKey;
use crate::timestamp::Timestamp;

/// The version of `keyring.json` that this crate reads and writes.
const VERSION: u64 = 1;

/// The public keys of every epoch.
///
/// ```
/// use capsules_core::{DataDir, Keyring, Seal};
///
/// # let temporary = tempfile::tempdir()?;
/// # let path = temporary.path();
/// let dir = DataDir::new(path)?;
/// let seal = Seal::open(&dir)?;
/// let keyring = Keyring::rotate(&dir)?;
///
/// let earlier = keyring.lookup(seal.fingerprint());
/// assert_eq!(earlier[0].public_key, seal.public_key());
/// assert_ne!(keyring.active().unwrap().public_key, seal.public_key());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyring {
    version: Version,
    active_epoch: u64,
    #[serde(default)]
    epochs: Vec<Epoch>,
    /// What other implementations wrote beside it; kept.
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// The time in which one key signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Epoch {
    /// The number, from 0.
    #[serde(rename = "epoch")]
    pub number: u64,
    /// What the key is for.
    pub algorithm: Algorithm,
    /// The key.
    #[serde(rename = "public_key_hex", with = "hex_text")]
    pub public_key: PublicKey,
    /// The name that records carry in `signed_by`.
    pub fingerprint: String,
    /// When it began, ISO 8601, as whoever wrote it wrote it.
    pub created_at: String,
    /// When it ended, ISO 8601.
    #[serde(default)]
    pub rotated_at: Option<String>,
    /// Whether it goes on.
    pub status: EpochStatus,
    /// What other implementations wrote beside it; kept.
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// The signature algorithm of an epoch's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Algorithm {
    /// Ed25519 (RFC 8032).
    Ed25519,
}

/// Whether an epoch's key still signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EpochStatus {
    /// The key signs.
    Active,
    /// The key only verifies.
    Retired,
}

impl Algorithm {
    /// The name in `keyring.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
        }
    }
}

impl EpochStatus {
    /// The name in `keyring.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

impl Keyring {
    /// Reads the keyring of a data directory for verification. Nothing is created or changed, so
    /// a read-only copy of the directory will do, without the private key.
    ///
    /// A `key` that `keyring.json` does not know, because another implementation stopped before
    /// it wrote the keyring or has none, is part of what is returned.
    ///
    /// # Errors
    ///
    /// [`KeyringError`] when a file is there but cannot be read or understood. A directory without
    /// keys gives an empty keyring.
    pub fn read(dir: &DataDir) -> Result<Self, KeyringError> {
        store::read(dir)
    }

    /// Makes a new key the one that signs and retires the others. The private key before it is
    /// gone then; its public key stays.
    ///
    /// `key` and `keyring.json` change together: after a crash at any point the next use of the
    /// directory finds the old key or the new one, never a mixture. A [`Seal`](crate::Seal) that
    /// is open goes on with the key that it has, which still verifies. A directory without keys
    /// gets its first.
    ///
    /// # Errors
    ///
    /// [`KeyringError`] when a file cannot be read, understood or written.
    pub fn rotate(dir: &DataDir) -> Result<Self, KeyringError> {
        store::rotate(dir, &mut || Ok(()))
    }

    /// Makes a key that was made elsewhere the one that signs and retires the others, as
    /// [`rotate`](Self::rotate) does with a new one. The private key before it is gone then.
    ///
    /// # Errors
    ///
    /// [`KeyringError`] when a file cannot be read, understood or written.
    pub fn adopt(dir: &DataDir, seed: &[u8; 32]) -> Result<Self, KeyringError> {
        store::adopt(dir, seed, &mut || Ok(()))
    }

    /// Writes this keyring into a directory from which somebody else's capsules are verified.
    ///
    /// Keys of several signers are never mixed: a directory with a private key is refused, and so
    /// is one whose keyring has a key that this one lacks.
    ///
    /// # Errors
    ///
    /// [`KeyringError::Occupied`] when the directory has other keys, or another [`KeyringError`]
    /// when a file cannot be read, understood or written.
    pub fn install(&self, dir: &DataDir) -> Result<(), KeyringError> {
        store::install(dir, self, &mut || Ok(()))
    }

    /// The part of it that verifies what the key of one epoch signed; `None` when there is no such
    /// epoch.
    pub fn only(&self, epoch: u64) -> Option<Self> {
        let epoch = self.epochs.iter().find(|found| found.number == epoch)?;
        Some(Self {
            epochs: vec![epoch.clone()],
            ..self.clone()
        })
    }

    /// The epoch whose key signs now; `None` in an empty keyring.
    pub fn active(&self) -> Option<&Epoch> {
        let active = || {
            self.epochs
                .iter()
                .filter(|epoch| epoch.status == EpochStatus::Active)
        };
        // Other implementations can leave an earlier epoch active beside the one they name.
        active()
            .find(|epoch| epoch.number == self.active_epoch)
            .or_else(|| active().next_back())
    }

    /// Every epoch, in the order of the file.
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// The epochs that a record's `signed_by` can mean, the likeliest first.
    ///
    /// `name` is an epoch's fingerprint, `qp_key_` with any four or more of the first digits of
    /// its key, the 16 digits that older records carry, or the whole key. Keyrings made elsewhere
    /// may hold several epochs of one fingerprint; a signature by any of them counts.
    pub fn lookup(&self, name: &str) -> Vec<&Epoch> {
        let (mut exact, others): (Vec<_>, Vec<_>) = self
            .epochs
            .iter()
            .filter(|epoch| {
                epoch.fingerprint == name || fingerprint::names(name, &epoch.public_key)
            })
            .partition(|epoch| epoch.fingerprint == name);
        exact.extend(others);
        exact
    }

    /// Makes `key` the only active one, adding it if it is new. Says whether that changed
    /// anything.
    fn activate(&mut self, key: &PublicKey, now: Timestamp) -> bool {
        let before = self.clone();
        self.add(key, now);
        for epoch in &mut self.epochs {
            if epoch.public_key == *key {
                epoch.status = EpochStatus::Active;
                epoch.rotated_at = None;
                self.active_epoch = epoch.number;
            } else if epoch.status == EpochStatus::Active {
                epoch.status = EpochStatus::Retired;
                epoch.rotated_at = Some(now.to_string());
            }
        }
        *self != before
    }

    /// Adds `key` as a retired epoch if it is new. Says whether it was.
    fn add(&mut self, key: &PublicKey, now: Timestamp) -> bool {
        if self.epochs.iter().any(|epoch| epoch.public_key == *key) {
            return false;
        }
        self.epochs.push(Epoch {
            number: self
                .epochs
                .iter()
                .map(|epoch| epoch.number.saturating_add(1))
                .max()
                .unwrap_or(0),
            algorithm: Algorithm::Ed25519,
            public_key: *key,
            fingerprint: fingerprint::unique(key, self.epochs.iter().map(|e| &e.public_key)),
            created_at: now.to_string(),
            rotated_at: Some(now.to_string()),
            status: EpochStatus::Retired,
            extra: Map::new(),
        });
        true
    }
}

/// A keyring of keys that came from elsewhere, to verify with. The last one is active.
impl FromIterator<PublicKey> for Keyring {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        let mut keyring = Self::default();
        let now = Timestamp::now();
        for key in keys {
            keyring.activate(&key, now);
        }
        // Nothing is known of when they were in use.
        for epoch in &mut keyring.epochs {
            epoch.created_at.clear();
            epoch.rotated_at = None;
        }
        keyring
    }
}

/// The only version there is, so that no other can be read or written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
struct Version;

impl TryFrom<u64> for Version {
    type Error = String;

    fn try_from(version: u64) -> Result<Self, Self::Error> {
        if version == VERSION {
            Ok(Self)
        } else {
            Err(format!("version {version}"))
        }
    }
}

impl From<Version> for u64 {
    fn from(_: Version) -> Self {
        VERSION
    }
}

/// A public key as the text of its digits.
mod hex_text {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::signer::PublicKey;

    pub(super) fn serialize<S: Serializer>(key: &PublicKey, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(key)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PublicKey, D::Error> {
        Cow::<'de, str>::deserialize(from)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
