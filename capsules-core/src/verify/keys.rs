//! Which keys a verification trusts.

use crate::keyring::Keyring;
use crate::pq::PqPublicKey;
use crate::signer::PublicKey;
use crate::timestamp::Timestamp;

/// The public keys whose signatures count.
///
/// ```
/// use capsules_core::{LocalSigner, Signer, verify::TrustedKeys};
///
/// let signer = LocalSigner::generate()?;
/// let keys = TrustedKeys::only([signer.public_key()]);
/// assert_eq!(keys.candidates(Some("qp_key_ffff")), [signer.public_key()]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct TrustedKeys {
    source: Source,
    post_quantum: Option<PqPublicKey>,
}

#[derive(Debug, Clone)]
enum Source {
    /// With the life of each of its keys, in the order of its epochs.
    Keyring(Keyring, Vec<Life>),
    Only(Vec<PublicKey>),
}

impl Default for Source {
    fn default() -> Self {
        Self::Only(Vec::new())
    }
}

impl TrustedKeys {
    /// No key: nothing is accepted.
    pub fn none() -> Self {
        Self::default()
    }

    /// Exactly these keys, whatever name a record gives its key.
    pub fn only(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self {
            source: Source::Only(keys.into_iter().collect()),
            post_quantum: None,
        }
    }

    /// The keyring's key that a record names in `signed_by`, else the active one (CPS section 5).
    pub fn keyring(keyring: Keyring) -> Self {
        let lives = lives(&keyring);
        Self {
            source: Source::Keyring(keyring, lives),
            post_quantum: None,
        }
    }

    /// Trusts this ML-DSA-65 key too.
    pub fn post_quantum(mut self, key: PqPublicKey) -> Self {
        self.post_quantum = Some(key);
        self
    }

    /// The keys of which one must have signed a record with this `signed_by`.
    pub fn candidates(&self, signed_by: Option<&str>) -> Vec<PublicKey> {
        match &self.source {
            Source::Only(keys) => keys.clone(),
            Source::Keyring(keyring, _) => {
                let named = signed_by
                    .map(|name| keyring.lookup(name))
                    .unwrap_or_default();
                let epochs = if named.is_empty() {
                    keyring.active().into_iter().collect()
                } else {
                    named
                };
                epochs.iter().map(|epoch| epoch.public_key).collect()
            }
        }
    }

    /// Whether there is no key, so that no signature is accepted.
    pub fn is_empty(&self) -> bool {
        match &self.source {
            Source::Keyring(keyring, _) => keyring.epochs().is_empty(),
            Source::Only(keys) => keys.is_empty(),
        }
    }

    /// The Ed25519 keys as a keyring. Of keys that do not come from one nothing else is known: they
    /// have no times, and the last of them counts as active.
    pub fn to_keyring(&self) -> Keyring {
        match &self.source {
            Source::Keyring(keyring, _) => keyring.clone(),
            Source::Only(keys) => keys.iter().copied().collect(),
        }
    }

    /// The ML-DSA-65 key.
    pub fn post_quantum_key(&self) -> Option<&PqPublicKey> {
        self.post_quantum.as_ref()
    }

    /// Whether it is known when each key was in use.
    pub(super) fn have_epochs(&self) -> bool {
        matches!(self.source, Source::Keyring(..))
    }

    /// When a key was in use, as far as a keyring says.
    pub(super) fn life(&self, key: &PublicKey) -> Option<&Life> {
        let Source::Keyring(keyring, lives) = &self.source else {
            return None;
        };
        let mut epochs = keyring.epochs().iter();
        lives.get(epochs.position(|epoch| epoch.public_key == *key)?)
    }
}

fn lives(keyring: &Keyring) -> Vec<Life> {
    let epochs = keyring.epochs();
    let first = epochs.iter().map(|epoch| epoch.number).min();
    epochs
        .iter()
        .map(|epoch| Life {
            number: epoch.number,
            is_first: Some(epoch.number) == first,
            began: epoch.created_at.parse().ok(),
            ended: epoch.rotated_at.as_ref().and_then(|at| at.parse().ok()),
        })
        .collect()
}

/// The time of an epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    pub(super) number: u64,
    /// Its beginning may be that of the keyring, which can be younger than the key.
    pub(super) is_first: bool,
    pub(super) began: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
}

/// The candidates of the last `signed_by`, which the next record usually repeats.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    signed_by: Option<String>,
    /// `None` before the first record.
    keys: Option<Vec<PublicKey>>,
}

impl Candidates {
    pub(super) fn of(&mut self, trusted: &TrustedKeys, signed_by: Option<&str>) -> &[PublicKey] {
        if self.signed_by.as_deref() != signed_by {
            self.signed_by = signed_by.map(str::to_owned);
            self.keys = None;
        }
        self.keys
            .get_or_insert_with(|| trusted.candidates(signed_by))
    }
}

impl From<Keyring> for TrustedKeys {
    fn from(keyring: Keyring) -> Self {
        Self::keyring(keyring)
    }
}

impl From<PublicKey> for TrustedKeys {
    fn from(key: PublicKey) -> Self {
        Self::only([key])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signer::{LocalSigner, Signer};

    #[test]
    fn the_active_key_stands_in_for_an_unknown_name_only() {
        let key = || LocalSigner::generate().unwrap().public_key();
        let (retired, active) = (key(), key());
        let keys = TrustedKeys::keyring([retired, active].into_iter().collect());
        assert_eq!(keys.candidates(Some(&retired.to_string()[..16])), [retired]);
        assert_eq!(keys.candidates(Some("qp_key_none")), [active]);
        assert_eq!(keys.candidates(None), [active]);
        assert_eq!(TrustedKeys::none().candidates(None), []);
        assert_eq!(TrustedKeys::from(Keyring::default()).candidates(None), []);
    }
}
