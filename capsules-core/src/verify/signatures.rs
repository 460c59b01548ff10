//! The Ed25519 signatures of a chain's records.

use std::fmt;

use super::keys::{Candidates, TrustedKeys};
use super::record::{VerifyCode, VerifyFailure, form};
use crate::crypto::Batch;
use crate::record::RecordRef;
use crate::signer::PublicKey;

/// Checks signatures, each at once or many together.
pub(super) struct Signatures {
    candidates: Candidates,
    /// A batch for each key; `None` where every signature is checked at once.
    batches: Option<Vec<KeyBatch>>,
}

struct KeyBatch {
    key: PublicKey,
    /// `None` for a key that batches are not made for.
    batch: Option<Batch>,
}

impl Signatures {
    /// Each signature is decided when it is given.
    pub(super) fn one_by_one() -> Self {
        Self {
            candidates: Candidates::default(),
            batches: None,
        }
    }

    /// Signatures are collected, and [`accept`](Self::accept) decides.
    pub(super) fn together() -> Self {
        Self {
            batches: Some(Vec::new()),
            ..Self::one_by_one()
        }
    }

    /// Checks a record's signature, or collects it when a single key can have made it. Says which
    /// key it was, or will have been.
    pub(super) fn check(
        &mut self,
        record: RecordRef<'_>,
        trusted: &TrustedKeys,
    ) -> Result<PublicKey, VerifyFailure> {
        let signature = form(record)?;
        let message = record.hash.as_bytes();
        let candidates = self.candidates.of(trusted, record.signed_by);
        if let (Some(batches), [key]) = (&mut self.batches, candidates)
            && let Some(batch) = batch(batches, key)
        {
            return if batch.push(message, &signature.0) {
                Ok(*key)
            } else {
                Err(invalid())
            };
        }
        if candidates.is_empty() {
            let message = "there is no public key to check the Ed25519 signature with";
            return Err(VerifyFailure::new(VerifyCode::InvalidSignature, message));
        }
        let signer = candidates
            .iter()
            .find(|key| key.verify(message, &signature));
        signer.copied().ok_or_else(invalid)
    }

    /// Whether everything that was collected is valid. Nothing is collected afterwards.
    pub(super) fn accept(&mut self) -> bool {
        let mut accepted = true;
        for batch in self.batches.iter_mut().flatten() {
            if let Some(batch) = &mut batch.batch {
                accepted &= batch.accepts();
            }
        }
        accepted
    }
}

/// The batch of a key, if there can be one.
fn batch<'b>(batches: &'b mut Vec<KeyBatch>, key: &PublicKey) -> Option<&'b mut Batch> {
    let place = batches.iter().position(|batch| batch.key == *key);
    let place = place.unwrap_or_else(|| {
        batches.push(KeyBatch {
            key: *key,
            batch: key.batch(),
        });
        batches.len() - 1
    });
    batches[place].batch.as_mut()
}

/// No trusted key made a signature.
pub(super) fn invalid() -> VerifyFailure {
    let message = "the Ed25519 signature is not one of a trusted key";
    VerifyFailure::new(VerifyCode::InvalidSignature, message)
}

impl fmt::Debug for Signatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signatures")
            .field("together", &self.batches.is_some())
            .finish_non_exhaustive()
    }
}
