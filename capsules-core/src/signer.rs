//! Keys and signatures, and the trait behind which a private key can live elsewhere.

use std::fmt;

/// An Ed25519 signature (RFC 8032), 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

/// An Ed25519 public key (RFC 8032), 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(pub [u8; 32]);

/// A key that signs could not be used.
#[derive(Debug, thiserror::Error)]
#[error("the signing key {key} could not be used: {reason}")]
pub struct SignError {
    /// Fingerprint or location of the key.
    pub key: String,
    /// What happened.
    pub reason: String,
}

/// Signs with an Ed25519 key that may live elsewhere: a KMS, an HSM, an agent process.
///
/// Calls are made from the recorder's threads, several at a time, and may block.
pub trait Signer: Send + Sync + fmt::Debug {
    /// The public half of the key.
    fn public_key(&self) -> PublicKey;

    /// Signs `message` with pure Ed25519 (RFC 8032, section 5.1).
    ///
    /// # Errors
    ///
    /// [`SignError`] when the key cannot be used now.
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError>;
}
