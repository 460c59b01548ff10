//! SHA3-256 content hashes.

use std::fmt;
use std::str::FromStr;

/// A SHA3-256 digest (FIPS 202), written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash([u8; 32]);

/// The text is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a SHA3-256 hash of 64 lower-case hexadecimal digits")]
pub struct MalformedHash {
    /// The text that was read.
    pub text: String,
}

/// SHA3-256 of some bytes.
pub fn sha3_256(bytes: &[u8]) -> ContentHash {
    ContentHash(crate::crypto::sha3_256(bytes))
}

impl ContentHash {
    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(const_hex::Buffer::<32>::new().format(&self.0))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

impl FromStr for ContentHash {
    type Err = MalformedHash;

    fn from_str(_text: &str) -> Result<Self, Self::Err> {
        todo!()
    }
}
