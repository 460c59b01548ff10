//! SHA3-256 content hashes.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use crate::crypto;
use crate::hex;

/// A SHA3-256 digest (FIPS 202), written as 64 lower-case hexadecimal digits.
///
/// ```
/// use capsules_core::{ContentHash, sha3_256};
///
/// let hash = sha3_256(b"{}");
/// assert_eq!(hash.to_string().parse(), Ok(hash));
/// assert!("A7FF".parse::<ContentHash>().is_err());
/// ```
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
    ContentHash(crypto::sha3_256(bytes))
}

/// SHA3-256 of everything that a reader gives, in constant memory.
///
/// # Errors
///
/// Those of the reader, except [`Interrupted`](io::ErrorKind::Interrupted), after which it reads
/// on.
pub fn sha3_256_reader(mut reader: impl Read) -> io::Result<ContentHash> {
    let mut hasher = crypto::Sha3::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(ContentHash(hasher.finish())),
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl ContentHash {
    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether this is its text.
    pub(crate) fn is_written(&self, text: &str) -> bool {
        const_hex::Buffer::<32>::new().format(&self.0) == text
    }
}

impl From<[u8; 32]> for ContentHash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
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

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        hex::decode_lower(text)
            .map(Self)
            .ok_or_else(|| MalformedHash {
                text: text.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 202 test vectors: the empty message and 200 times 0xa3.
    #[test]
    fn digests_are_those_of_fips_202() {
        assert_eq!(
            sha3_256(b"").to_string(),
            "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"
        );
        assert_eq!(
            sha3_256(&[0xa3; 200]).to_string(),
            "79f38adec5c20307a98ef76e8324afbfd46cfd81b22e3973c65fa1bd9de31787"
        );
    }

    #[test]
    fn a_reader_gives_the_hash_of_its_bytes_whatever_its_pieces() {
        /// Gives one byte less each time, and an interruption before each piece.
        struct Ragged<'a>(&'a [u8], bool);
        impl Read for Ragged<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.1 = !self.1;
                if self.1 {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                let most = buffer.len().min(self.0.len().div_ceil(3));
                self.0.read(&mut buffer[..most])
            }
        }
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        assert_eq!(
            sha3_256_reader(Ragged(&bytes, false)).unwrap(),
            sha3_256(&bytes)
        );
    }

    #[test]
    fn only_64_lower_case_digits_are_a_hash() {
        let good = "0f".repeat(32);
        assert_eq!(good.parse(), Ok(ContentHash([0x0f; 32])));
        for bad in [
            String::new(),
            "0F".repeat(32),
            "0f".repeat(31),
            "0f".repeat(33),
            format!("{}\n", &good[..63]),
            format!("0x{}", &good[..62]),
            format!("0g{}", &good[..62]),
            "é".repeat(32),
        ] {
            assert_eq!(bad.parse::<ContentHash>(), Err(MalformedHash { text: bad }));
        }
    }
}
