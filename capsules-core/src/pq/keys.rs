//! ML-DSA-65 keys and signatures from AWS-LC.

use std::fmt;

use aws_lc_rs::encoding::AsRawBytes;
use aws_lc_rs::signature::{
    KeyPair, ML_DSA_65, ML_DSA_65_SIGNING, PqdsaKeyPair, UnparsedPublicKey,
};
use zeroize::Zeroizing;

use super::{MalformedPqKey, PqPublicKey, PqVerifyError, SECRET_KEY_LEN, SIGNATURE_LEN};
use crate::datadir::DataDir;
use crate::keyring::{self, KeyringError};
use crate::signer::SignError;

/// An ML-DSA-65 key pair. The secret key is overwritten when it is dropped.
pub struct PqKeyPair {
    pair: PqdsaKeyPair,
    public_key: PqPublicKey,
}

impl PqKeyPair {
    /// A new key pair. It is lost with this value.
    ///
    /// # Errors
    ///
    /// [`SignError`] when the library fails.
    pub fn generate() -> Result<Self, SignError> {
        let failed = |reason: String| SignError {
            key: "new ML-DSA-65".to_owned(),
            reason,
        };
        let pair = PqdsaKeyPair::generate(&ML_DSA_65_SIGNING)
            .map_err(|error| failed(error.to_string()))?;
        Self::from_pair(pair).map_err(|error| failed(error.to_string()))
    }

    /// Reads the raw secret key of FIPS 204, wherever it was made. The public key is derived.
    ///
    /// # Errors
    ///
    /// [`MalformedPqKey`] when the bytes are not such a key.
    pub fn from_secret_bytes(bytes: &[u8]) -> Result<Self, MalformedPqKey> {
        if bytes.len() != SECRET_KEY_LEN {
            return Err(MalformedPqKey::Length {
                found: bytes.len(),
                expected: SECRET_KEY_LEN,
            });
        }
        let pair = PqdsaKeyPair::from_raw_private_key(&ML_DSA_65_SIGNING, bytes)
            .map_err(|_| MalformedPqKey::Inconsistent)?;
        Self::from_pair(pair)
    }

    /// Opens `key.ml` and `key.ml.pub` of a data directory, making them on first use.
    ///
    /// # Errors
    ///
    /// [`KeyringError`] when a file cannot be read, understood or written, or when the two do not
    /// belong together.
    pub fn open(dir: &DataDir) -> Result<Self, KeyringError> {
        if let (Some(keys), true) = Self::read(dir)? {
            return Ok(keys);
        }
        let _lock = keyring::lock(dir)?;
        let keys = match Self::read(dir)? {
            (Some(keys), true) => return Ok(keys),
            (Some(keys), false) => keys,
            (None, true) => return Err(mismatch(dir, "the secret key is missing")),
            (None, false) => Self::create(dir)?,
        };
        let path = dir.key_pq_public();
        let staged = dir.path().join("key.ml.pub.next");
        keyring::stage(&staged, keys.public_key.as_bytes(), &mut || Ok(()))?;
        #[cfg(unix)]
        {
            use std::fs;
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&staged, fs::Permissions::from_mode(0o644))
                .map_err(KeyringError::io("set the permissions of", &staged))?;
        }
        keyring::publish(&staged, &path, &mut || Ok(()))?;
        Ok(keys)
    }

    /// The public key.
    pub fn public_key(&self) -> &PqPublicKey {
        &self.public_key
    }

    /// The raw secret key of FIPS 204.
    ///
    /// # Errors
    ///
    /// [`SignError`] when the library fails.
    pub fn secret_bytes(&self) -> Result<Zeroizing<Vec<u8>>, SignError> {
        match self.pair.private_key().as_raw_bytes() {
            Ok(bytes) => Ok(Zeroizing::new(bytes.as_ref().to_vec())),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Signs `message` with an empty context.
    ///
    /// # Errors
    ///
    /// [`SignError`] when the library fails.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LEN], SignError> {
        let mut signature = [0; SIGNATURE_LEN];
        match self.pair.sign(message, &mut signature) {
            Ok(_) => Ok(signature),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// The keys of the directory, and whether it has the public key's file.
    fn read(dir: &DataDir) -> Result<(Option<Self>, bool), KeyringError> {
        let public_key = PqPublicKey::read(dir)?;
        let mut secret = Zeroizing::new(vec![0; SECRET_KEY_LEN]);
        if !keyring::read_exact(&dir.key_pq(), &mut secret)? {
            return Ok((None, public_key.is_some()));
        }
        let keys = Self::from_secret_bytes(&secret).map_err(|error| KeyringError::Crypto {
            path: dir.key_pq(),
            reason: error.to_string(),
        })?;
        match public_key {
            Some(public_key) if public_key != keys.public_key => {
                Err(mismatch(dir, "the public key is another one"))
            }
            public_key => Ok((Some(keys), public_key.is_some())),
        }
    }

    fn create(dir: &DataDir) -> Result<Self, KeyringError> {
        let path = dir.key_pq();
        let failed = |error: SignError| KeyringError::Crypto {
            path: path.clone(),
            reason: error.reason,
        };
        let keys = Self::generate().map_err(failed)?;
        let staged = dir.path().join("key.ml.next");
        keyring::stage(&staged, &keys.secret_bytes().map_err(failed)?, &mut || {
            Ok(())
        })?;
        keyring::publish(&staged, &path, &mut || Ok(()))?;
        Ok(keys)
    }

    fn from_pair(pair: PqdsaKeyPair) -> Result<Self, MalformedPqKey> {
        let public_key = PqPublicKey::from_bytes(pair.public_key().as_ref())?;
        Ok(Self { pair, public_key })
    }

    fn failed(&self, error: aws_lc_rs::error::Unspecified) -> SignError {
        SignError {
            key: format!("{:?}", self.public_key),
            reason: error.to_string(),
        }
    }
}

impl fmt::Debug for PqKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PqKeyPair")
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}

pub(super) fn verify(
    key: &PqPublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), PqVerifyError> {
    UnparsedPublicKey::new(&ML_DSA_65, key.as_bytes())
        .verify(message, signature)
        .map_err(|_| PqVerifyError::Invalid)
}

fn mismatch(dir: &DataDir, reason: &'static str) -> KeyringError {
    KeyringError::PqMismatch {
        secret: dir.key_pq(),
        public: dir.key_pq_public(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pq::PUBLIC_KEY_LEN;
    use std::fs;

    fn directory() -> (DataDir, tempfile::TempDir) {
        let temporary = tempfile::tempdir().unwrap();
        (DataDir::new(temporary.path()).unwrap(), temporary)
    }

    #[test]
    fn a_signature_is_valid_for_its_message_and_key_only() {
        let keys = PqKeyPair::generate().unwrap();
        let mut signature = keys.sign(b"message").unwrap();
        let verify = |key: &PqPublicKey, message: &[u8], signature: &[u8]| {
            key.verify(message, signature).is_ok()
        };
        assert!(verify(keys.public_key(), b"message", &signature));
        assert!(!verify(keys.public_key(), b"massage", &signature));
        assert!(!verify(keys.public_key(), b"message", &signature[1..]));
        assert!(!verify(
            PqKeyPair::generate().unwrap().public_key(),
            b"message",
            &signature
        ));
        signature[1000] ^= 1;
        assert!(!verify(keys.public_key(), b"message", &signature));
    }

    #[test]
    fn a_secret_key_gives_its_public_key() {
        let keys = PqKeyPair::generate().unwrap();
        let secret = keys.secret_bytes().unwrap();
        assert_eq!(secret.len(), SECRET_KEY_LEN);
        let again = PqKeyPair::from_secret_bytes(&secret).unwrap();
        assert_eq!(again.public_key(), keys.public_key());
        for found in [32, SECRET_KEY_LEN - 1] {
            let error = PqKeyPair::from_secret_bytes(&secret[..found]).unwrap_err();
            assert_eq!(
                error,
                MalformedPqKey::Length {
                    found,
                    expected: SECRET_KEY_LEN
                }
            );
        }
        let mut damaged = secret.to_vec();
        damaged[2_000] ^= 1;
        let error = PqKeyPair::from_secret_bytes(&damaged).unwrap_err();
        assert_eq!(error, MalformedPqKey::Inconsistent);
    }

    #[test]
    fn key_files_are_made_once() {
        let (dir, _temporary) = directory();
        assert_eq!(PqPublicKey::read(&dir).unwrap(), None);
        let keys = PqKeyPair::open(&dir).unwrap();
        assert_eq!(
            PqPublicKey::read(&dir).unwrap().as_ref(),
            Some(keys.public_key())
        );
        assert_eq!(
            PqKeyPair::open(&dir).unwrap().public_key(),
            keys.public_key()
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(dir.key_pq()), 0o600);
            assert_eq!(mode(dir.key_pq_public()), 0o644);
        }
        // A crash between the two files leaves the secret one.
        fs::remove_file(dir.key_pq_public()).unwrap();
        assert_eq!(
            PqKeyPair::open(&dir).unwrap().public_key(),
            keys.public_key()
        );
        assert_eq!(
            PqPublicKey::read(&dir).unwrap().as_ref(),
            Some(keys.public_key())
        );
    }

    #[test]
    fn key_files_that_do_not_fit_are_left_alone() {
        let (dir, _temporary) = directory();
        PqKeyPair::open(&dir).unwrap();
        let secret = fs::read(dir.key_pq()).unwrap();

        let other = PqKeyPair::generate().unwrap();
        fs::write(dir.key_pq_public(), other.public_key().as_bytes()).unwrap();
        let error = PqKeyPair::open(&dir).unwrap_err();
        assert!(matches!(error, KeyringError::PqMismatch { .. }), "{error}");

        fs::write(dir.key_pq(), &secret[..100]).unwrap();
        let error = PqKeyPair::open(&dir).unwrap_err();
        assert!(
            matches!(error, KeyringError::KeyLength { found: 100, .. }),
            "{error}"
        );

        fs::remove_file(dir.key_pq()).unwrap();
        let error = PqKeyPair::open(&dir).unwrap_err();
        assert!(
            error.to_string().contains("secret key is missing"),
            "{error}"
        );
        assert!(!dir.key_pq().exists());

        fs::write(dir.key_pq_public(), [0; PUBLIC_KEY_LEN - 1]).unwrap();
        assert!(matches!(
            PqPublicKey::read(&dir),
            Err(KeyringError::KeyLength { .. })
        ));
    }
}
