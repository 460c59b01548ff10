//! The data directory and the keys in it.

use std::collections::HashSet;
use std::path::Path;

use capsules_core::keyring::{Epoch, EpochStatus};
use capsules_core::{DataDir, Keyring, KeyringError, LocalSigner, PqPublicKey, Signer, Timestamp};

use super::{Findings, Others, accepts_files, nearest_directory, quoted};
use crate::human::counted;

const DATA_DIR: &str = "data directory";
const KEY: &str = "private key";
const KEYRING: &str = "keyring";
const POST_QUANTUM: &str = "post-quantum key";

/// Can the directory be written, and by nobody else?
pub(super) fn data_dir(dir: &DataDir, findings: &mut Findings) {
    let path = dir.path();
    let shown = path.display();
    let exists = path.is_dir();
    if !exists && path.exists() {
        let message = format!("{shown} is no directory");
        findings.failed(DATA_DIR, message, "name another with --data-dir");
        return;
    }
    let written = nearest_directory(path);
    if let Err(error) = accepts_files(written) {
        findings.failed(
            DATA_DIR,
            format!("nothing can be written to {}: {error}", written.display()),
            "give this user the right to write there, or name another with QUANTUMPIPES_DATA_DIR",
        );
    }
    let remedy = format!("chmod 700 {}", quoted(path));
    match Others::of(path) {
        Others::Write => findings.failed(
            DATA_DIR,
            format!("other users can replace the files in {shown}"),
            &remedy,
        ),
        Others::Read | Others::Group => findings.warning(
            DATA_DIR,
            format!("other users can see what is in {shown}"),
            &remedy,
        ),
        Others::Nothing => {}
    }
    if !findings.has(DATA_DIR) {
        findings.ok(
            DATA_DIR,
            if exists {
                format!("{shown} is this user's, and can be written")
            } else {
                format!("{shown} is not there yet; the first capsule makes it")
            },
        );
    }
}

/// Does the private key sign, is it the one of the keyring, and does nobody else have it?
pub(super) fn key(dir: &DataDir, findings: &mut Findings) {
    let path = dir.key();
    let shown = path.display();
    exposed(&path, KEY, findings);
    match LocalSigner::read(dir) {
        Ok(None) if dir.keyring().exists() => findings.warning(
            KEY,
            format!("there is none in {shown}; what others signed can be verified"),
            "restore it from a backup, or let the first capsule make a new one",
        ),
        Ok(None) => findings.ok(KEY, "there is none yet; the first capsule makes it"),
        Ok(Some(signer)) => signs(&signer, dir, findings),
        Err(error) => refused(KEY, &error, findings),
    }
    if dir.path().join("key.next").exists() {
        findings.warning(
            KEY,
            "a rotation of the key was interrupted",
            "nothing is lost; the next program that signs finishes or discards it",
        );
    }
}

fn signs(signer: &LocalSigner, dir: &DataDir, findings: &mut Findings) {
    let message = b"capsules doctor";
    let key = signer.public_key();
    let verified = signer.sign(message).map(|sign| key.verify(message, &sign));
    match verified {
        Ok(true) => {}
        Ok(false) => findings.failed(
            KEY,
            "what it signs does not verify",
            "this machine computes wrongly; check its memory, and build the program anew",
        ),
        Err(error) => findings.failed(
            KEY,
            error.to_string(),
            "try again; then restart the machine",
        ),
    }
    let active = written_keyring(dir).and_then(|keyring| Some(keyring.active()?.public_key));
    if active.is_some_and(|active| active != key) {
        findings.warning(
            KEY,
            format!(
                "{} is not the key that the keyring names active",
                key.fingerprint()
            ),
            "if another program has just rotated it, nothing: the next one that signs brings the \
             keyring up to date; else restore both from one backup",
        );
    }
    if !findings.has(KEY) {
        findings.ok(
            KEY,
            format!("{} signs, and is this user's alone", key.fingerprint()),
        );
    }
}

/// Does the keyring name every key once, one of them active, and can nobody else change it?
pub(super) fn keyring(dir: &DataDir, findings: &mut Findings) {
    let path = dir.keyring();
    if Others::of(&path) == Others::Write {
        findings.failed(
            KEYRING,
            format!("other users can add keys to {}", path.display()),
            &format!("chmod 600 {}", quoted(&path)),
        );
    }
    match Keyring::read(dir) {
        Err(error) => refused(KEYRING, &error, findings),
        Ok(keyring) if keyring.epochs().is_empty() => {
            findings.ok(KEYRING, "there is none yet; the first capsule makes it");
        }
        Ok(keyring) => {
            epochs(keyring.epochs(), findings);
            if !findings.has(KEYRING) {
                let count = counted(keyring.epochs().len() as u64, "epoch");
                findings.ok(KEYRING, format!("{count}, one of them active"));
            }
        }
    }
}

fn epochs(epochs: &[Epoch], findings: &mut Findings) {
    const RESTORE: &str = "compare it with a backup; every change is made by `capsules keys`";
    let mut names = HashSet::new();
    if let Some(twice) = epochs
        .iter()
        .find(|epoch| !names.insert(&epoch.fingerprint))
    {
        findings.warning(
            KEYRING,
            format!("several keys have the fingerprint {}", twice.fingerprint),
            "none is needed: a signature by any of them counts",
        );
    }
    let active = epochs
        .iter()
        .filter(|epoch| epoch.status == EpochStatus::Active)
        .count() as u64;
    if active != 1 {
        let message = format!("{} instead of one", counted(active, "active epoch"));
        findings.warning(KEYRING, message, RESTORE);
    }
    let now = Timestamp::now();
    let times = |epoch: &Epoch| -> Vec<Timestamp> {
        let ended = epoch.rotated_at.as_deref();
        [Some(epoch.created_at.as_str()), ended]
            .into_iter()
            .flatten()
            .filter_map(|time| time.parse().ok())
            .collect()
    };
    if let Some(epoch) = epochs
        .iter()
        .find(|epoch| times(epoch).iter().any(|time| *time > now))
    {
        findings.warning(
            KEYRING,
            format!("epoch {} has a time in the future", epoch.number),
            "check the clock of this machine and of the one that rotated the key",
        );
    }
}

/// Do the post-quantum keys belong together, and does nobody else have the secret one?
pub(super) fn post_quantum(dir: &DataDir, findings: &mut Findings) {
    let (secret, public) = (dir.key_pq(), dir.key_pq_public());
    exposed(&secret, POST_QUANTUM, findings);
    match PqPublicKey::read(dir) {
        Err(error) => refused(POST_QUANTUM, &error, findings),
        Ok(None) if !secret.exists() => {
            findings.ok(
                POST_QUANTUM,
                "there is none; capsules are signed with Ed25519",
            );
        }
        Ok(None) => findings.warning(
            POST_QUANTUM,
            format!("{} is missing", public.display()),
            "capsules keys rotate --pq",
        ),
        Ok(Some(_)) if !secret.exists() => findings.ok(
            POST_QUANTUM,
            "only the public key is here: it verifies and does not sign",
        ),
        Ok(Some(_)) => pair(dir, findings),
    }
}

#[cfg(feature = "pq")]
fn pair(dir: &DataDir, findings: &mut Findings) {
    // Both files are there, so that none is made.
    match capsules_core::PqKeyPair::open(dir) {
        Ok(_) if findings.has(POST_QUANTUM) => {}
        Ok(_) => findings.ok(
            POST_QUANTUM,
            "the secret and the public key belong together",
        ),
        Err(error) => refused(POST_QUANTUM, &error, findings),
    }
}

#[cfg(not(feature = "pq"))]
fn pair(_dir: &DataDir, findings: &mut Findings) {
    findings.not_checked(
        POST_QUANTUM,
        "this program was built without the feature `pq`",
    );
}

fn exposed(path: &Path, check: &'static str, findings: &mut Findings) {
    let (shown, chmod) = (path.display(), format!("chmod 600 {}", quoted(path)));
    match Others::of(path) {
        Others::Nothing => {}
        // As keys are that are mounted from a store of secrets.
        Others::Group => findings.warning(
            check,
            format!("the group of {shown} can sign with it"),
            &format!("if that is not meant, {chmod}"),
        ),
        Others::Read | Others::Write => findings.failed(
            check,
            format!("other users can get at {shown}"),
            &format!("{chmod}, and capsules keys rotate: they may have signed with it"),
        ),
    }
}

/// The messages of these errors say what to do.
fn refused(check: &'static str, error: &KeyringError, findings: &mut Findings) {
    let message = error.to_string();
    let (message, remedy) = message
        .split_once("; ")
        .unwrap_or((&message, "make the file readable for this user"));
    findings.failed(check, message, remedy);
}

/// The keyring as it is in its file.
fn written_keyring(dir: &DataDir) -> Option<Keyring> {
    let text = std::fs::read(dir.keyring()).ok()?;
    serde_json::from_slice(&text).ok()
}
