//! SHA3-256 and Ed25519 signing from AWS-LC.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use super::Refused;

pub(crate) fn sha3_256(bytes: &[u8]) -> [u8; 32] {
    to_array(digest::digest(&digest::SHA3_256, bytes).as_ref())
}

/// SHA3-256 of bytes that arrive piece by piece.
pub(crate) struct Sha3(digest::Context);

impl Sha3 {
    pub(crate) fn new() -> Self {
        Self(digest::Context::new(&digest::SHA3_256))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        to_array(self.0.finish().as_ref())
    }
}

/// An Ed25519 key pair; AWS-LC overwrites the seed when it is dropped.
pub(crate) struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Result<Self, Refused> {
        Ed25519KeyPair::from_seed_unchecked(seed)
            .map(Self)
            .map_err(|_| Refused)
    }

    pub(crate) fn public_key(&self) -> [u8; 32] {
        to_array(self.0.public_key().as_ref())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<[u8; 64], Refused> {
        Ok(to_array(
            self.0.try_sign(message).map_err(|_| Refused)?.as_ref(),
        ))
    }
}

/// Digests, keys and signatures have fixed lengths, so `bytes` always fits.
fn to_array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}
