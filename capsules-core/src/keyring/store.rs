//! `key` and `keyring.json` as one thing that changes as a whole.
//!
//! A new key is written in three steps: its seed into `key.next`, the keyring that names it
//! active over `keyring.json`, and `key.next` over `key`. The second step decides. Whoever finds
//! `key.next` knows by the keyring whether to finish or to discard: a key that the keyring does
//! not name active has never signed.
//!
//! Otherwise `key` decides which epoch is active, and the keyring follows it. Other
//! implementations write `key` first and the keyring later, or never.
//!
//! All changes are made under the lock of `keyring.lock`.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::files::{self, Progress, publish, stage};
use super::{Epoch, Keyring, KeyringError, VERSION};
use crate::datadir::DataDir;
use crate::signer::{LocalSigner, Seed, Signer, random_seed};
use crate::timestamp::Timestamp;

/// What a verifier needs of the directory, without changing it.
pub(super) fn read(dir: &DataDir) -> Result<Keyring, KeyringError> {
    let keyring = read_keyring(dir)?;
    let key = match read_key(&dir.key()) {
        Ok(key) => key,
        // Whoever verifies need not be allowed to read the private key, nor is it needed.
        Err(_) if keyring.is_some() => None,
        Err(error) => return Err(error),
    };
    let next = read_key(&next_key(dir)).ok().flatten();
    Ok(settle(keyring, key, next, Timestamp::now()).keyring)
}

/// The key that signs and the keyring that names it active; made if there are none.
pub(crate) fn open(dir: &DataDir) -> Result<(Keyring, LocalSigner), KeyringError> {
    if let Some(ready) = open_settled(dir)? {
        return Ok(ready);
    }
    let _lock = lock(dir)?;
    let progress = &mut || Ok(());
    match recover(dir, progress)? {
        (keyring, Some(key)) => Ok((keyring, key)),
        (keyring, None) => replace_key(dir, keyring, progress),
    }
}

/// Replaces the key; see [`Keyring::rotate`].
pub(super) fn rotate(dir: &DataDir, progress: &mut Progress<'_>) -> Result<Keyring, KeyringError> {
    let _lock = lock(dir)?;
    let (keyring, _) = recover(dir, progress)?;
    Ok(replace_key(dir, keyring, progress)?.0)
}

/// Replaces the key by a given one; see [`Keyring::adopt`].
pub(super) fn adopt(
    dir: &DataDir,
    seed: &[u8; 32],
    progress: &mut Progress<'_>,
) -> Result<Keyring, KeyringError> {
    let _lock = lock(dir)?;
    let (keyring, _) = recover(dir, progress)?;
    Ok(put_key(dir, keyring, seed, progress)?.0)
}

/// Writes the keyring of somebody else; see [`Keyring::install`].
pub(super) fn install(
    dir: &DataDir,
    keyring: &Keyring,
    progress: &mut Progress<'_>,
) -> Result<(), KeyringError> {
    let _lock = lock(dir)?;
    let occupied = |path, reason| KeyringError::Occupied { path, reason };
    for path in [dir.key(), next_key(dir)] {
        if path.exists() {
            let reason = "that private key signs here, and its keyring holds no others' keys";
            return Err(occupied(path, reason.to_owned()));
        }
    }
    let present = read_keyring(dir)?.unwrap_or_default();
    let is_kept = |epoch: &&Epoch| {
        let mut kept = keyring.epochs.iter();
        kept.any(|other| other.public_key == epoch.public_key)
    };
    if let Some(lost) = present.epochs.iter().find(|epoch| !is_kept(epoch)) {
        let reason = format!("it names {}, which would be lost", lost.fingerprint);
        return Err(occupied(dir.keyring(), reason));
    }
    write_keyring(dir, keyring, progress)
}

/// Takes the lock that covers changes of the keys, making the directory if it is not there. It
/// is held until the file is dropped.
pub(crate) fn lock(dir: &DataDir) -> Result<File, KeyringError> {
    dir.create()
        .map_err(KeyringError::io("create the data directory", dir.path()))?;
    let path = dir.lock();
    let file = files::private()
        .create(true)
        .open(&path)
        .map_err(KeyringError::io("open", &path))?;
    file.lock().map_err(KeyringError::io("lock", &path))?;
    Ok(file)
}

/// The usual case, for which nothing is written and no lock is taken: `key` is the key that the
/// keyring names active, and no replacement is under way.
fn open_settled(dir: &DataDir) -> Result<Option<(Keyring, LocalSigner)>, KeyringError> {
    if next_key(dir).exists() {
        return Ok(None);
    }
    let settled = settle(
        read_keyring(dir)?,
        read_key(&dir.key())?,
        None,
        Timestamp::now(),
    );
    match settled.key {
        Some(key) if !settled.changed => Ok(Some((settled.keyring, key))),
        _ => Ok(None),
    }
}

/// Finishes or discards what a crash left behind, and lets the keyring follow `key`.
pub(super) fn recover(
    dir: &DataDir,
    progress: &mut Progress<'_>,
) -> Result<(Keyring, Option<LocalSigner>), KeyringError> {
    let next_path = next_key(dir);
    // A `key.next` of another length was cut short while it was written.
    let next = match read_key(&next_path) {
        Err(KeyringError::KeyLength { .. }) => None,
        next => next?,
    };
    let settled = settle(
        read_keyring(dir)?,
        read_key(&dir.key())?,
        next,
        Timestamp::now(),
    );
    if settled.changed {
        write_keyring(dir, &settled.keyring, progress)?;
    }
    // `key.next` last: as long as it is there, the next one to open recovers.
    files::remove(&next_keyring(dir), progress)?;
    if settled.next_is_active {
        publish(&next_path, &dir.key(), progress)?;
    } else {
        files::remove(&next_path, progress)?;
    }
    Ok((settled.keyring, settled.key))
}

/// Makes a new key the active one.
fn replace_key(
    dir: &DataDir,
    keyring: Keyring,
    progress: &mut Progress<'_>,
) -> Result<(Keyring, LocalSigner), KeyringError> {
    let seed = random_seed().map_err(|error| crypto(dir, &error))?;
    put_key(dir, keyring, &seed, progress)
}

fn crypto(dir: &DataDir, error: &impl ToString) -> KeyringError {
    KeyringError::Crypto {
        path: dir.key(),
        reason: error.to_string(),
    }
}

/// Makes this key the active one.
fn put_key(
    dir: &DataDir,
    mut keyring: Keyring,
    seed: &[u8; 32],
    progress: &mut Progress<'_>,
) -> Result<(Keyring, LocalSigner), KeyringError> {
    let key = LocalSigner::from_seed(seed).map_err(|error| crypto(dir, &error))?;
    keyring.activate(&key.public_key(), Timestamp::now());

    stage(&next_key(dir), seed, progress)?;
    write_keyring(dir, &keyring, progress)?;
    publish(&next_key(dir), &dir.key(), progress)?;
    Ok((keyring, key))
}

/// What the files of a directory amount to.
struct Settled {
    keyring: Keyring,
    /// The key that signs.
    key: Option<LocalSigner>,
    /// The keyring differs from its file.
    changed: bool,
    /// The key that signs is in `key.next`.
    next_is_active: bool,
}

fn settle(
    keyring: Option<Keyring>,
    key: Option<LocalSigner>,
    next: Option<LocalSigner>,
    now: Timestamp,
) -> Settled {
    let mut changed = keyring.is_none() && key.is_some();
    let mut keyring = keyring.unwrap_or_default();
    let active = keyring.active().map(|epoch| epoch.public_key);
    let next = next.filter(|next| Some(next.public_key()) == active);
    if let Some(key) = &key {
        changed |= keyring.add(&key.public_key(), now);
    }
    let next_is_active = next.is_some();
    let key = next.or(key);
    if let Some(key) = &key {
        changed |= keyring.activate(&key.public_key(), now);
    }
    Settled {
        keyring,
        key,
        changed,
        next_is_active,
    }
}

fn next_key(dir: &DataDir) -> PathBuf {
    dir.path().join("key.next")
}

fn next_keyring(dir: &DataDir) -> PathBuf {
    dir.path().join("keyring.next")
}

pub(crate) fn read_key(path: &Path) -> Result<Option<LocalSigner>, KeyringError> {
    let mut seed = Seed::default();
    if !files::read_exact(path, seed.as_mut())? {
        return Ok(None);
    }
    LocalSigner::from_seed(&seed)
        .map(Some)
        .map_err(|error| KeyringError::Crypto {
            path: path.to_owned(),
            reason: error.to_string(),
        })
}

fn read_keyring(dir: &DataDir) -> Result<Option<Keyring>, KeyringError> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        version: serde_json::Value,
    }

    let path = dir.keyring();
    let Some(bytes) = files::read(&path)? else {
        return Ok(None);
    };
    // The version first: what another version looks like is not known.
    match serde_json::from_slice(&bytes) {
        Ok(Versioned { version }) if version != VERSION => Err(KeyringError::Version {
            path,
            found: version.to_string(),
        }),
        _ => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| KeyringError::Malformed {
                path,
                reason: error.to_string(),
            }),
    }
}

fn write_keyring(
    dir: &DataDir,
    keyring: &Keyring,
    progress: &mut Progress<'_>,
) -> Result<(), KeyringError> {
    let path = dir.keyring();
    let staged = next_keyring(dir);
    let mut text =
        serde_json::to_string_pretty(keyring).map_err(|error| KeyringError::Malformed {
            path: path.clone(),
            reason: error.to_string(),
        })?;
    text.push('\n');
    stage(&staged, text.as_bytes(), progress)?;
    publish(&staged, &path, progress)
}
