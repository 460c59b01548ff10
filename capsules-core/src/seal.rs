//! Sealing: hash, sign.

use std::sync::Arc;

use crate::chain::Position;
use crate::datadir::DataDir;
use crate::draft::Draft;
use crate::record::SealedRecord;
use crate::signer::Signer;

/// Seals capsules with a key.
#[derive(Debug, Clone)]
pub struct Seal {}

/// Why a capsule could not be sealed, or a seal not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The key could not be used.
    #[error(transparent)]
    Sign(#[from] crate::signer::SignError),
}

impl Seal {
    /// Opens the key and keyring of a data directory, making them on first use.
    pub fn open(_dir: &DataDir) -> Result<Self, SealError> {
        todo!()
    }

    /// Seals with a key that lives elsewhere.
    pub fn with_signer(_signer: Arc<dyn Signer>) -> Self {
        todo!()
    }

    /// Links, hashes and signs.
    pub fn seal(&self, _draft: &Draft, _position: &Position) -> Result<SealedRecord, SealError> {
        todo!()
    }
}
