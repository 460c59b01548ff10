//! Keys and signatures, and the trait behind which a private key can live elsewhere.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::VerifyingKey;
use zeroize::Zeroizing;

use crate::crypto;
use crate::datadir::DataDir;
use crate::fingerprint;
use crate::hex;
use crate::keyring::{self, KeyringError};

/// An Ed25519 signature (RFC 8032), written as 128 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

/// The text is not 128 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an Ed25519 signature of 128 lower-case hexadecimal digits")]
pub struct MalformedSignature {
    /// The text that was read.
    pub text: String,
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(const_hex::Buffer::<64>::new().format(&self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({self})")
    }
}

impl FromStr for Signature {
    type Err = MalformedSignature;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        hex::decode_lower(text)
            .map(Self)
            .ok_or_else(|| MalformedSignature {
                text: text.to_owned(),
            })
    }
}

/// An Ed25519 public key (RFC 8032), written as 64 hexadecimal digits.
///
/// The key is a point of the curve in its canonical encoding and not of small order, so that
/// nobody can make a signature that is valid under it without the private key.
///
/// ```
/// use capsules_core::{LocalSigner, PublicKey, Signer};
///
/// let signer = LocalSigner::from_seed(&[7; 32])?;
/// let key: PublicKey = signer.public_key().to_string().parse()?;
/// let signature = signer.sign(b"message")?;
/// assert!(key.verify(b"message", &signature));
/// assert!(!key.verify(b"massage", &signature));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(VerifyingKey);

/// The bytes or the text are not an Ed25519 public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an Ed25519 public key: {reason}")]
pub struct MalformedPublicKey {
    /// The text that was read, or the bytes in hexadecimal.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl PublicKey {
    /// Reads the 32 bytes of RFC 8032, section 5.1.2.
    ///
    /// # Errors
    ///
    /// [`MalformedPublicKey`] when they are not a point of the curve in its canonical encoding,
    /// or one of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, MalformedPublicKey> {
        let malformed = |reason| MalformedPublicKey {
            text: const_hex::encode(bytes),
            reason,
        };
        let key = VerifyingKey::from_bytes(bytes)
            .map_err(|_| malformed("the bytes are not a point of the curve"))?;
        if key.is_weak() {
            return Err(malformed(
                "a point of small order accepts forged signatures",
            ));
        }
        // Other verifiers refuse such keys, libsodium among them.
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(malformed("the encoding of the point is not canonical"));
        }
        Ok(Self(key))
    }

    /// The 32 bytes of RFC 8032, section 5.1.2.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Whether `signature` is this key's signature of `message`.
    ///
    /// The check is the strict one: besides the equation of RFC 8032, section 5.1.7, S must be
    /// canonical and R not of small order.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        crypto::verify(&self.0, message, &signature.0)
    }

    /// A batch of signatures by this key, unless they can only be checked one by one.
    pub(crate) fn batch(&self) -> Option<crypto::Batch> {
        crypto::Batch::new(&self.0)
    }

    /// The short fingerprint, `qp_key_` and the first four digits of the key. A keyring may have
    /// lengthened it; [`Epoch::fingerprint`](crate::keyring::Epoch::fingerprint) is what its
    /// records carry.
    pub fn fingerprint(&self) -> String {
        fingerprint::shortest(self)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(const_hex::Buffer::<32>::new().format(self.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = MalformedPublicKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = hex::decode(text).ok_or_else(|| MalformedPublicKey {
            text: text.to_owned(),
            reason: "it must have 64 hexadecimal digits",
        })?;
        Self::from_bytes(&bytes)
    }
}

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

/// Signs with a key in this process's memory, overwritten when it is dropped.
pub struct LocalSigner {
    key: crypto::SigningKey,
    public_key: PublicKey,
}

impl LocalSigner {
    /// The key that RFC 8032 derives from a seed.
    ///
    /// # Errors
    ///
    /// [`SignError`] when the cryptographic library refuses the key, for instance because memory
    /// is exhausted. Every seed is valid.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, SignError> {
        let failed = |reason| SignError {
            key: "seed".to_owned(),
            reason,
        };
        let key = crypto::SigningKey::from_seed(seed).map_err(|error| failed(error.to_string()))?;
        let public_key =
            PublicKey::from_bytes(&key.public_key()).map_err(|error| failed(error.to_string()))?;
        Ok(Self { key, public_key })
    }

    /// Reads `key` of a data directory; `None` when it has none. Nothing is made or changed, other
    /// than by [`Seal::open`](crate::Seal::open).
    ///
    /// # Errors
    ///
    /// [`KeyringError`] when the file cannot be read or has another length.
    pub fn read(dir: &DataDir) -> Result<Option<Self>, KeyringError> {
        keyring::read_key(&dir.key())
    }

    /// A new key from the operating system's random numbers. It is lost with this value.
    ///
    /// # Errors
    ///
    /// [`SignError`] when the system gives no random numbers.
    pub fn generate() -> Result<Self, SignError> {
        let seed = random_seed().map_err(|error| SignError {
            key: "new".to_owned(),
            reason: error.to_string(),
        })?;
        Self::from_seed(&seed)
    }
}

impl Signer for LocalSigner {
    fn public_key(&self) -> PublicKey {
        self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        self.key
            .sign(message)
            .map(Signature)
            .map_err(|error| SignError {
                key: self.public_key.fingerprint(),
                reason: error.to_string(),
            })
    }
}

impl fmt::Debug for LocalSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSigner")
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}

/// An Ed25519 seed that is overwritten when it is dropped.
pub(crate) type Seed = Zeroizing<[u8; 32]>;

/// A new seed from the operating system's random numbers.
pub(crate) fn random_seed() -> Result<Seed, getrandom::Error> {
    let mut seed = Seed::default();
    getrandom::fill(seed.as_mut())?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_safe_and_canonical_points_are_public_keys() {
        for (text, reason) in [
            ("ea4a", "64 hexadecimal digits"),
            (
                "0200000000000000000000000000000000000000000000000000000000000000",
                "point of the curve",
            ),
            // Points of order 4 and 8, and one of order 2 that is not canonical.
            (
                "0000000000000000000000000000000000000000000000000000000000000080",
                "small order",
            ),
            (
                "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                "small order",
            ),
            (
                "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                "small order",
            ),
            // y = p + 3, a point of large order.
            (
                "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                "not canonical",
            ),
        ] {
            let error = text.parse::<PublicKey>().unwrap_err();
            assert_eq!(error.text, text);
            assert!(error.reason.contains(reason), "{text}: {}", error.reason);
        }
    }

    #[test]
    fn signatures_have_one_spelling() {
        let signature = LocalSigner::from_seed(&[7; 32])
            .unwrap()
            .sign(b"message")
            .unwrap();
        let text = signature.to_string();
        assert_eq!(text.parse(), Ok(signature));
        for bad in [
            text.to_uppercase(),
            text[2..].to_owned(),
            format!("{text}00"),
            String::new(),
        ] {
            assert_eq!(
                bad.parse::<Signature>(),
                Err(MalformedSignature { text: bad })
            );
        }
    }

    #[test]
    fn debugging_shows_no_secret() {
        let seed = [0xab; 32];
        let shown = format!("{:?}", LocalSigner::from_seed(&seed).unwrap());
        assert!(shown.contains("PublicKey("));
        assert!(
            !shown.contains("abab") && !shown.contains("171, 171"),
            "{shown}"
        );
    }
}
