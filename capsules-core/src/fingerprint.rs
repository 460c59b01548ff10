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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::signer::{LocalSigner, Signer};

    /// Two keys whose first `digits` digits are the same and whose next one is not.
    fn twins(digits: usize) -> (PublicKey, PublicKey) {
        let mut known = HashMap::new();
        for n in 0_u64.. {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&n.to_le_bytes());
            let key = LocalSigner::from_seed(&seed).unwrap().public_key();
            if let Some(twin) = known.insert(key.to_string()[..digits].to_owned(), key)
                && shared_digits(&key.to_string(), &twin.to_string()) == digits
            {
                return (twin, key);
            }
        }
        unreachable!()
    }

    #[test]
    fn a_fingerprint_is_lengthened_until_it_is_unique() {
        for (digits, length) in [(3, 4), (4, 6), (5, 6)] {
            let (first, second) = twins(digits);
            assert_eq!(unique(&first, [].iter()), shortest(&first));
            let fingerprint = unique(&second, [first, second].iter());
            assert_eq!(
                fingerprint,
                format!("qp_key_{}", &second.to_string()[..length])
            );
            assert!(names(&fingerprint, &second) && !names(&fingerprint, &first));
        }
    }

    #[test]
    fn every_form_names_the_key_and_nothing_else_does() {
        let key = LocalSigner::from_seed(&[7; 32]).unwrap().public_key();
        let digits = key.to_string();
        for length in [4, 5, 16, 64] {
            assert!(
                names(&format!("qp_key_{}", &digits[..length]), &key),
                "{length}"
            );
        }
        assert!(names(&digits[..16], &key) && names(&digits, &key));

        for other in [
            "",
            "qp_key_",
            &digits[..4],
            &digits[..15],
            &digits[..17],
            "qp_key_EA4A",
        ] {
            assert!(!names(other, &key), "{other}");
        }
        assert!(!names(&format!("qp_key_{}", &digits[..3]), &key));
        assert!(!names(&format!("qp_key_{digits}0"), &key));
    }
}
