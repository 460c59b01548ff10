//! The short names of public keys that records carry in `signed_by` (CPS section 5).

use crate::signer::PublicKey;

const PREFIX: &str = "qp_key_";

/// The digits of the shortest fingerprint.
const SHORTEST: usize = 4;

/// The most digits that fit, with the prefix, into the 32 characters of a `signed_by` column.
const LONGEST: usize = 24;

/// The digits of the form that older records carry, which has no prefix.
const LEGACY: usize = 16;

/// The fingerprint of a key without regard to others.
pub(crate) fn shortest(key: &PublicKey) -> String {
    of_length(&key.to_string(), SHORTEST)
}

/// The shortest fingerprint of `key` that names none of `others`: 4 digits, or 6, 8 and so on.
pub(crate) fn unique<'a>(key: &PublicKey, others: impl Iterator<Item = &'a PublicKey>) -> String {
    let digits = key.to_string();
    let shared = others
        .filter(|other| *other != key)
        .map(|other| shared_digits(&digits, &other.to_string()))
        .max();
    let length = match shared {
        Some(shared) => (shared + 1).next_multiple_of(2).clamp(SHORTEST, LONGEST),
        None => SHORTEST,
    };
    of_length(&digits, length)
}

/// Whether `name` is a form that names this key: `qp_key_` and at least four of its first
/// digits, its first 16 digits, or all 64.
pub(crate) fn names(name: &str, key: &PublicKey) -> bool {
    let digits = key.to_string();
    match name.strip_prefix(PREFIX) {
        Some(prefix) => prefix.len() >= SHORTEST && digits.starts_with(prefix),
        None => name == digits || name == &digits[..LEGACY],
    }
}

fn of_length(digits: &str, length: usize) -> String {
    format!("{PREFIX}{}", &digits[..length])
}

fn shared_digits(one: &str, other: &str) -> usize {
    one.bytes()
        .zip(other.bytes())
        .take_while(|(a, b)| a == b)
        .count()
}
