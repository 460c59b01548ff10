//! ML-DSA-65 signatures (FIPS 204) beside Ed25519.
//!
//! Keys are the raw encodings of FIPS 204 and signatures have an empty context, as other
//! implementations of the protocol store them. Without the feature `pq` a public key can be read,
//! and [`verify`](PqPublicKey::verify) says that the library is not there.

#[cfg(feature = "pq")]
mod keys;

use std::fmt;

#[cfg(feature = "pq")]
pub use keys::PqKeyPair;

use crate::datadir::DataDir;
use crate::keyring::{self, KeyringError};

/// The bytes of an ML-DSA-65 public key (FIPS 204, table 2).
pub const PUBLIC_KEY_LEN: usize = 1952;

/// The bytes of an ML-DSA-65 secret key.
pub const SECRET_KEY_LEN: usize = 4032;

/// The bytes of an ML-DSA-65 signature.
pub const SIGNATURE_LEN: usize = 3309;

/// An ML-DSA-65 public key.
#[derive(Clone, PartialEq, Eq)]
pub struct PqPublicKey(Box<[u8; PUBLIC_KEY_LEN]>);

/// Why an ML-DSA-65 signature was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PqVerifyError {
    /// It is not the key's signature of the message.
    #[error("the ML-DSA-65 signature is not valid")]
    Invalid,
    /// This program cannot check such signatures.
    #[error("this program was built without the feature `pq` and cannot check ML-DSA-65")]
    Unavailable,
}

/// The bytes are not an ML-DSA-65 key in the raw encoding of FIPS 204.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedPqKey {
    /// There are too few or too many.
    #[error("an ML-DSA-65 key in the encoding of FIPS 204 has {expected} bytes, this has {found}")]
    Length {
        /// The bytes that were given.
        found: usize,
        /// The bytes of such a key.
        expected: usize,
    },
    /// The parts of a secret key contradict each other.
    #[error("the parts of the ML-DSA-65 secret key contradict each other; it is damaged")]
    Inconsistent,
}

impl PqPublicKey {
    /// Reads the raw encoding of FIPS 204.
    ///
    /// # Errors
    ///
    /// [`MalformedPqKey`] when there are not 1952 bytes. Any 1952 bytes encode a key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MalformedPqKey> {
        let malformed = MalformedPqKey::Length {
            found: bytes.len(),
            expected: PUBLIC_KEY_LEN,
        };
        let bytes: Box<[u8]> = bytes.into();
        bytes.try_into().map(Self).map_err(|_| malformed)
    }

    /// Reads `key.ml.pub` of a data directory; `None` when it has none.
    ///
    /// # Errors
    ///
    /// [`KeyringError`] when the file cannot be read or has another length.
    pub fn read(dir: &DataDir) -> Result<Option<Self>, KeyringError> {
        let mut key = Box::new([0; PUBLIC_KEY_LEN]);
        let found = keyring::read_exact(&dir.key_pq_public(), key.as_mut())?;
        Ok(found.then_some(Self(key)))
    }

    /// The raw encoding of FIPS 204.
    pub fn as_bytes(&self) -> &[u8; PUBLIC_KEY_LEN] {
        &self.0
    }

    /// The raw encoding of FIPS 204, in lower-case hexadecimal.
    pub fn to_hex(&self) -> String {
        const_hex::encode(&self.0[..])
    }

    /// Checks a signature of `message` with an empty context.
    ///
    /// # Errors
    ///
    /// [`PqVerifyError::Invalid`] when it is not the key's signature, and
    /// [`PqVerifyError::Unavailable`] in a program without the feature `pq`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), PqVerifyError> {
        #[cfg(feature = "pq")]
        return keys::verify(self, message, signature);
        #[cfg(not(feature = "pq"))]
        {
            let _ = (message, signature);
            Err(PqVerifyError::Unavailable)
        }
    }
}

impl fmt::Debug for PqPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PqPublicKey({}…)", const_hex::encode(&self.0[..8]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_has_one_length() {
        for length in [0, 32, PUBLIC_KEY_LEN - 1, PUBLIC_KEY_LEN + 1] {
            let expected = MalformedPqKey::Length {
                found: length,
                expected: PUBLIC_KEY_LEN,
            };
            assert_eq!(PqPublicKey::from_bytes(&vec![0; length]), Err(expected));
        }
        let key = PqPublicKey::from_bytes(&[7; PUBLIC_KEY_LEN]).unwrap();
        assert_eq!(key.as_bytes(), &[7; PUBLIC_KEY_LEN]);
        #[cfg(not(feature = "pq"))]
        assert_eq!(
            key.verify(b"", &[0; SIGNATURE_LEN]),
            Err(PqVerifyError::Unavailable)
        );
        #[cfg(feature = "pq")]
        assert_eq!(
            key.verify(b"", &[0; SIGNATURE_LEN]),
            Err(PqVerifyError::Invalid)
        );
    }
}
