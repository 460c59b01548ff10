//! The keyring.

/// The public keys of every epoch.
#[derive(Debug, Clone, Default)]
pub struct Keyring {}
