//! Keys as they are written elsewhere: PEM (RFC 8410, as OpenSSL writes it), hexadecimal digits,
//! raw bytes, and keyrings.

use std::path::Path;

use capsules_core::{Keyring, LocalSigner, PublicKey, Signer};
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey};
use ed25519_dalek::pkcs8::{KeypairBytes, spki};
use ed25519_dalek::{SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use crate::input::Input;
use crate::{CliError, Result};

/// An Ed25519 seed, overwritten when it is dropped.
pub(crate) type Seed = Zeroizing<[u8; 32]>;

/// Reads a public key: PEM, 64 hexadecimal digits, or 32 raw bytes.
pub(crate) fn public_key(text: &[u8], place: &str) -> Result<PublicKey> {
    let malformed = |reason: String| CliError::Key {
        place: place.to_owned(),
        reason,
    };
    if let Some(raw) = raw(text) {
        return PublicKey::from_bytes(&raw).map_err(|error| malformed(error.to_string()));
    }
    let text = str::from_utf8(text).map_err(|_| {
        malformed("it is no key in PEM, in 64 hexadecimal digits or in 32 raw bytes".to_owned())
    })?;
    if is_private_pem(text) {
        return Err(malformed(
            "it is a private key; give the public one, and keep this one secret".to_owned(),
        ));
    }
    if text.trim_start().starts_with(PEM) {
        let key = VerifyingKey::from_public_key_pem(text.trim())
            .map_err(|error| malformed(format!("its PEM holds no Ed25519 public key: {error}")))?;
        return PublicKey::from_bytes(key.as_bytes()).map_err(|error| malformed(error.to_string()));
    }
    text.trim().parse().map_err(|reason| CliError::PublicKey {
        place: place.to_owned(),
        reason,
    })
}

/// Reads a private key: PEM, 64 hexadecimal digits, or the 32 raw bytes of the file `key`. A PEM
/// that names its public key too has to name the right one.
pub(crate) fn private_key(input: &Input) -> Result<Seed> {
    let malformed = |reason: String| CliError::Key {
        place: input.to_string(),
        reason,
    };
    let bytes = Zeroizing::new(input.read_small()?);
    if let Some(raw) = raw(&bytes) {
        return Ok(raw);
    }
    let text = str::from_utf8(&bytes).unwrap_or_default().trim();
    if text.starts_with(PEM) {
        let key = SigningKey::from_pkcs8_pem(text)
            .map_err(|error| malformed(format!("its PEM holds no Ed25519 private key: {error}")))?;
        return Ok(Zeroizing::new(key.to_bytes()));
    }
    seed_of_digits(text).ok_or_else(|| {
        malformed(
            "it is no private key in PEM, in 64 hexadecimal digits or in 32 raw bytes".to_owned(),
        )
    })
}

/// 32 bytes, unless they are half of the digits of a key.
fn raw(bytes: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let raw = bytes.try_into().ok()?;
    (!bytes.iter().all(u8::is_ascii_hexdigit)).then(|| Zeroizing::new(raw))
}

fn seed_of_digits(text: &str) -> Option<Seed> {
    let mut seed = Seed::default();
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in seed.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(seed)
}

/// The public half of a seed.
pub(crate) fn public_half(seed: &Seed) -> Result<PublicKey> {
    Ok(LocalSigner::from_seed(seed)?.public_key())
}

/// Reads the keyring in a file of any name.
pub(crate) fn keyring(text: &[u8], place: &str) -> Result<Keyring> {
    serde_json::from_slice(text).map_err(|error| CliError::Key {
        place: place.to_owned(),
        reason: format!("it is no keyring: {error}"),
    })
}

/// Reads the keyring in a file, as `capsules keys export --format json` writes it.
pub(crate) fn keyring_file(path: &Path) -> Result<Keyring> {
    let text = Input::File(path.to_owned()).read_small()?;
    keyring(&text, &path.display().to_string())
}

pub(crate) fn is_private_pem(text: &str) -> bool {
    text.contains("PRIVATE KEY-----")
}

pub(crate) fn public_pem(key: &PublicKey) -> Result<String> {
    let pem = || -> spki::Result<String> {
        VerifyingKey::from_bytes(key.as_bytes())
            .map_err(|_| spki::Error::KeyMalformed)?
            .to_public_key_pem(LineEnding::LF)
    };
    pem().map_err(|error| CliError::Key {
        place: key.fingerprint(),
        reason: error.to_string(),
    })
}

/// Without the public key, which older versions of OpenSSL do not read beside it.
pub(crate) fn private_pem(seed: &Seed) -> Result<Zeroizing<String>> {
    let pair = KeypairBytes {
        secret_key: **seed,
        public_key: None,
    };
    pair.to_pkcs8_pem(LineEnding::LF)
        .map_err(|error| CliError::Key {
            place: "the private key".to_owned(),
            reason: error.to_string(),
        })
}

pub(crate) fn digits(bytes: &[u8]) -> String {
    use std::fmt::Write;

    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

const PEM: &str = "-----BEGIN ";
