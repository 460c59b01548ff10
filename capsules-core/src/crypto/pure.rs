//! SHA3-256 from `sha3`, Ed25519 from `ed25519-dalek`.

use ed25519_dalek::Signer;
use sha3::Digest;

use super::Refused;

pub(crate) fn sha3_256(bytes: &[u8]) -> [u8; 32] {
    sha3::Sha3_256::digest(bytes).into()
}

/// SHA3-256 of bytes that arrive piece by piece.
pub(crate) struct Sha3(sha3::Sha3_256);

impl Sha3 {
    pub(crate) fn new() -> Self {
        Self(sha3::Sha3_256::new())
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// An Ed25519 key pair; the seed is overwritten when it is dropped.
pub(crate) struct SigningKey(ed25519_dalek::SigningKey);

#[expect(clippy::unnecessary_wraps, reason = "the other backend can fail")]
impl SigningKey {
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Result<Self, Refused> {
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(seed)))
    }

    pub(crate) fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<[u8; 64], Refused> {
        Ok(self.0.sign(message).to_bytes())
    }
}
