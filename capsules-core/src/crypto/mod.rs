//! The cryptographic primitives behind one interface.
//!
//! SHA3-256 (FIPS 202) and Ed25519 signing (RFC 8032) come from the pure-Rust crates, or from
//! AWS-LC with the feature `aws-lc`. Both are deterministic, so the bytes are the same.
//!
//! Verification is `ed25519-dalek`'s `verify_strict` in every build. Implementations of Ed25519
//! agree on honest signatures and disagree on hostile ones: on points of small order and on
//! encodings that are not canonical. A verdict on evidence must not depend on how the verifier
//! was built.

#[cfg(feature = "aws-lc")]
mod aws_lc;
#[cfg(any(not(feature = "aws-lc"), test))]
mod pure;

#[cfg(feature = "aws-lc")]
pub(crate) use aws_lc::{Sha3, SigningKey, sha3_256};
#[cfg(not(feature = "aws-lc"))]
pub(crate) use pure::{Sha3, SigningKey, sha3_256};

use ed25519_dalek::VerifyingKey;

/// The backend refused a key or an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library refused the operation")]
pub(crate) struct Refused;

/// Whether the signature is valid: S canonical, R and the key of large order, and the equation
/// without cofactor.
pub(crate) fn verify(key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(signature);
    key.verify_strict(message, &signature).is_ok()
}
