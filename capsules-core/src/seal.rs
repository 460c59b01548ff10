//! Sealing: hash and sign (CPS section 3).

use std::sync::Arc;

use crate::chain::{Head, Position};
use crate::datadir::DataDir;
use crate::draft::Draft;
use crate::hash::{ContentHash, sha3_256};
use crate::keyring::{self, KeyringError};
#[cfg(feature = "pq")]
use crate::pq::PqKeyPair;
use crate::record::{Columns, SealedRecord};
use crate::signer::{PublicKey, SignError, Signer};
use crate::timestamp::Timestamp;

/// Seals capsules with a key.
///
/// The content is hashed with SHA3-256, and the 64 hexadecimal digits of the hash are signed with
/// Ed25519, and with ML-DSA-65 where the seal has such a key. A clone shares the keys.
///
/// ```
/// use std::sync::Arc;
/// use capsules_core::{Capsule, CapsuleType, Draft, LocalSigner, Position, Seal};
///
/// let seal = Seal::with_signer(Arc::new(LocalSigner::generate()?));
/// let draft = Draft::new(&Capsule::new(CapsuleType::Tool))?;
/// let record = seal.seal(&draft, &Position::after(None))?;
///
/// let signature = record.signature.parse()?;
/// assert!(seal.public_key().verify(record.hash.as_bytes(), &signature));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Seal {
    signer: Arc<dyn Signer>,
    public_key: PublicKey,
    fingerprint: String,
    #[cfg(feature = "pq")]
    pq: Option<Arc<PqKeyPair>>,
}

/// Why a capsule could not be sealed, or a seal not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The key could not be used.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The keys of the data directory could not be read or made.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
}

/// A capsule at its place in a chain, hashed and not yet signed.
///
/// The next place follows from the hash alone, so a batch is linked in order first and signed
/// on any number of threads afterwards.
///
/// ```
/// # use std::sync::Arc;
/// # use capsules_core::{Capsule, CapsuleType, Draft, LocalSigner, Position, Seal, Unsigned};
/// # let seal = Seal::with_signer(Arc::new(LocalSigner::generate()?));
/// # let drafts = vec![Draft::new(&Capsule::new(CapsuleType::Tool))?; 3];
/// let mut head = None;
/// let mut linked = Vec::new();
/// for draft in &drafts {
///     let unsigned = Unsigned::new(draft, &Position::after(head.as_ref()));
///     head = Some(unsigned.head());
///     linked.push(unsigned);
/// }
/// let records = linked.into_iter().map(|unsigned| seal.sign(unsigned));
/// assert_eq!(records.last().unwrap()?.columns.sequence, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Unsigned {
    content: String,
    hash: ContentHash,
    columns: Columns,
    /// Times follow the chain, in whatever order its records are signed.
    linked_at: Timestamp,
}

impl Unsigned {
    /// Links and hashes. `signed_at` is this moment.
    pub fn new(draft: &Draft, position: &Position) -> Self {
        let content = draft.link(position);
        let hash = sha3_256(content.as_bytes());
        Self {
            content,
            hash,
            columns: draft.columns(position),
            linked_at: Timestamp::now(),
        }
    }

    /// The hash of the content.
    pub fn hash(&self) -> ContentHash {
        self.hash
    }

    /// The head of a chain that ends with this capsule.
    pub fn head(&self) -> Head {
        // A sequence never reaches the signed limit; columns hold it as databases do.
        Head {
            sequence: self.columns.sequence.unsigned_abs(),
            hash: self.hash.to_string(),
        }
    }
}

impl Seal {
    /// Opens the keys of a data directory, making them on first use.
    ///
    /// When the directory holds a key, nothing is written. A `key` that others than its owner may
    /// read is accepted, as other implementations do: keys mounted from a secret store often are
    /// readable by a group, and a refusal would stop the recording of evidence.
    /// [`DataDir::key_is_exposed`] tells.
    ///
    /// # Errors
    ///
    /// [`SealError::Keyring`] when a file of the keys cannot be read, understood or written.
    pub fn open(dir: &DataDir) -> Result<Self, SealError> {
        let (keyring, key) = keyring::open(dir)?;
        let seal = Self::with_signer(Arc::new(key));
        Ok(match keyring.active() {
            Some(epoch) => seal.with_fingerprint(&epoch.fingerprint),
            None => seal,
        })
    }

    /// Seals with a key that lives elsewhere. Records carry its [short
    /// fingerprint](PublicKey::fingerprint) unless [`with_fingerprint`](Self::with_fingerprint)
    /// gives another.
    pub fn with_signer(signer: Arc<dyn Signer>) -> Self {
        let public_key = signer.public_key();
        Self {
            signer,
            public_key,
            fingerprint: public_key.fingerprint(),
            #[cfg(feature = "pq")]
            pq: None,
        }
    }

    /// Names the key in `signed_by` as the keyring of those who verify names it. Stores keep at
    /// most 32 characters.
    pub fn with_fingerprint(self, fingerprint: &str) -> Self {
        Self {
            fingerprint: fingerprint.to_owned(),
            ..self
        }
    }

    /// Signs with ML-DSA-65 too.
    #[cfg(feature = "pq")]
    pub fn with_pq(self, keys: PqKeyPair) -> Self {
        Self {
            pq: Some(Arc::new(keys)),
            ..self
        }
    }

    /// The Ed25519 key that verifies.
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// The name of the key in `signed_by`.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Links, hashes and signs.
    ///
    /// # Errors
    ///
    /// [`SealError::Sign`] when a key cannot be used now.
    pub fn seal(&self, draft: &Draft, position: &Position) -> Result<SealedRecord, SealError> {
        self.sign(Unsigned::new(draft, position))
    }

    /// Signs what was linked and hashed.
    ///
    /// # Errors
    ///
    /// [`SealError::Sign`] when a key cannot be used now.
    pub fn sign(&self, unsigned: Unsigned) -> Result<SealedRecord, SealError> {
        let Unsigned {
            content,
            hash,
            columns,
            linked_at,
        } = unsigned;
        let hash = hash.to_string();
        let signature = self.signer.sign(hash.as_bytes())?;
        Ok(SealedRecord {
            signature: const_hex::encode(signature.0),
            signature_pq: self.sign_pq(&hash)?,
            signed_at: Some(linked_at.to_string()),
            signed_by: Some(self.fingerprint.clone()),
            content,
            hash,
            columns,
        })
    }

    #[cfg(feature = "pq")]
    fn sign_pq(&self, hash: &str) -> Result<String, SignError> {
        let Some(keys) = &self.pq else {
            return Ok(String::new());
        };
        keys.sign(hash.as_bytes()).map(const_hex::encode)
    }

    #[cfg(not(feature = "pq"))]
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "fails with the feature"
    )]
    fn sign_pq(&self, _hash: &str) -> Result<String, SignError> {
        Ok(String::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capsule::{Capsule, CapsuleType};
    use crate::keyring::Keyring;
    use crate::signer::LocalSigner;

    fn draft() -> Draft {
        Draft::new(&Capsule::new(CapsuleType::Tool)).unwrap()
    }

    fn seal() -> Seal {
        Seal::with_signer(Arc::new(LocalSigner::from_seed(&[7; 32]).unwrap()))
    }

    #[test]
    fn the_digits_of_the_hash_are_signed() {
        let (draft, position) = (draft(), Position::after(None));
        let record = seal().seal(&draft, &position).unwrap();
        assert_eq!(record.content, draft.link(&position));
        assert_eq!(record.hash, sha3_256(record.content.as_bytes()).to_string());
        assert_eq!(record.columns, draft.columns(&position));
        assert_eq!(record.signature_pq, "");
        assert_eq!(record.signed_by.as_deref(), Some("qp_key_ea4a"));
        let signed_at: Timestamp = record.signed_at.unwrap().parse().unwrap();
        assert!((Timestamp::now().as_micros() - signed_at.as_micros()).abs() < 60_000_000);

        let signature = record.signature.parse().unwrap();
        assert!(
            seal()
                .public_key()
                .verify(record.hash.as_bytes(), &signature)
        );
    }

    #[test]
    fn times_follow_the_chain_and_not_the_signer() {
        let draft = Draft::new(&Capsule::new(CapsuleType::Tool)).unwrap();
        let first = Unsigned::new(&draft, &Position::after(None));
        let second = Unsigned::new(&draft, &Position::after(Some(&first.head())));
        let seal = seal();
        let signed_later = [second, first].map(|unsigned| {
            let signed_at = seal.sign(unsigned).unwrap().signed_at.unwrap();
            signed_at.parse::<Timestamp>().unwrap()
        });
        assert!(signed_later[1] <= signed_later[0], "{signed_later:?}");
    }

    #[test]
    fn records_of_an_open_seal_are_found_after_rotations() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = DataDir::new(temporary.path().join("new")).unwrap();
        let seals: Vec<_> = (0..3)
            .map(|_| {
                let seal = Seal::open(&dir).unwrap();
                Keyring::rotate(&dir).unwrap();
                seal
            })
            .collect();
        let keyring = Keyring::read(&dir).unwrap();
        for seal in seals {
            let record = seal.seal(&draft(), &Position::after(None)).unwrap();
            let signature = record.signature.parse().unwrap();
            let epochs = keyring.lookup(record.signed_by.as_deref().unwrap());
            assert_eq!(epochs[0].public_key, seal.public_key());
            assert!(
                epochs[0]
                    .public_key
                    .verify(record.hash.as_bytes(), &signature)
            );
        }
    }

    #[test]
    fn records_carry_the_fingerprint_of_the_keyring() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = DataDir::new(temporary.path()).unwrap();
        std::fs::write(dir.key(), [7; 32]).unwrap();
        Seal::open(&dir).unwrap();
        let keyring = std::fs::read_to_string(dir.keyring()).unwrap();
        std::fs::write(
            dir.keyring(),
            keyring.replace("qp_key_ea4a", "qp_key_ea4a6c"),
        )
        .unwrap();
        assert_eq!(Seal::open(&dir).unwrap().fingerprint(), "qp_key_ea4a6c");
    }

    #[cfg(feature = "pq")]
    #[test]
    fn the_post_quantum_signature_covers_the_same_digits() {
        let keys = PqKeyPair::generate().unwrap();
        let public_key = keys.public_key().clone();
        let record = seal()
            .with_pq(keys)
            .seal(&draft(), &Position::after(None))
            .unwrap();
        let signature = const_hex::decode(&record.signature_pq).unwrap();
        assert_eq!(
            public_key.verify(record.hash.as_bytes(), &signature),
            Ok(())
        );
        assert!(
            public_key
                .verify(record.content.as_bytes(), &signature)
                .is_err()
        );
    }
}
