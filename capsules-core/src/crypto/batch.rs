//! Many signatures of one key, checked together.
//!
//! A strict check of one signature (R, S) of a message M by the key A decides whether
//! S·B = R + k·A with k = SHA-512(R ‖ A ‖ M), after it has refused an S that is not reduced, and an
//! R or A of small order or in another than its canonical encoding. A batch refuses the same, and
//! then decides all equations at once: each is multiplied by a weight that nobody knew before, and
//! the sum must be the neutral element. The terms of A, since it is the same key, fold into one.
//!
//! # In which sense the answer is that of the strict check
//!
//! The curve's group is the product of a group of prime order and one of order 8. Weights are
//! multiples of 8, random in their other 125 bits.
//!
//! - The part of prime order: a batch in which an equation does not hold is accepted with
//!   probability 2^-125, whatever the signatures are. The weights come from the operating
//!   system's generator after the signatures are there, so nobody can prepare for them.
//! - The part of order 8 plays no part, which makes the answer the same each time. B has no such
//!   component, and keys that have one are not checked in batches ([`Batch::new`]). So what
//!   remains is an R with one: such a signature satisfies the equation of RFC 8032, section 5.1.7,
//!   which has the cofactor 8 in it, and not the strict one without it. Making one takes the
//!   private key, as any signature of which 8·S·B = 8·R + 8·k·A does, since k binds R, and whoever
//!   has the key can sign the same record so that the strict check accepts it. A batch therefore
//!   accepts no record that the holder of the key did not sign.
//!
//! A batch that is not accepted does not say which signature is wrong: the strict check does.

use std::array;
use std::sync::OnceLock;

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::{IsIdentity, VartimeMultiscalarMul};
use curve25519_dalek::{EdwardsPoint, Scalar};
use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha512};

/// Signatures of one key that wait for their answer.
pub(crate) struct Batch {
    key: VerifyingKey,
    /// Of each signature.
    r: Vec<EdwardsPoint>,
    s: Vec<Scalar>,
    k: Vec<Scalar>,
}

impl Batch {
    /// An empty batch; `None` for a key whose signatures can only be checked one by one.
    pub(crate) fn new(key: &VerifyingKey) -> Option<Self> {
        let fit = !key.is_weak() && key.to_edwards().is_torsion_free();
        fit.then(|| Self {
            key: *key,
            r: Vec::new(),
            s: Vec::new(),
            k: Vec::new(),
        })
    }

    /// Adds a signature. Says false, and leaves it out, when the strict check would refuse it for
    /// the form of R or S.
    #[must_use]
    pub(crate) fn push(&mut self, message: &[u8], signature: &[u8; 64]) -> bool {
        let (r_bytes, s_bytes) = halves(signature);
        let s: Option<Scalar> = Scalar::from_canonical_bytes(s_bytes).into();
        let Some(s) = s else {
            return false;
        };
        if !is_canonical(&r_bytes) || is_of_small_order(&r_bytes) {
            return false;
        }
        let Some(r) = CompressedEdwardsY(r_bytes).decompress() else {
            return false;
        };
        let k = Sha512::new()
            .chain_update(r_bytes)
            .chain_update(self.key.as_bytes())
            .chain_update(message)
            .finalize();
        self.r.push(r);
        self.s.push(s);
        self.k.push(Scalar::from_bytes_mod_order_wide(&k.into()));
        true
    }

    /// Whether every signature that was added is valid, in the sense that the
    /// [module](self) describes; and empties the batch. Without random numbers from the system
    /// the answer is no.
    #[must_use]
    pub(crate) fn accepts(&mut self) -> bool {
        let Some(weights) = weights(self.r.len()) else {
            self.clear();
            return false;
        };
        let sum = |scalars: &[Scalar]| -> Scalar {
            weights
                .iter()
                .zip(scalars)
                .map(|(z, scalar)| z * scalar)
                .sum()
        };
        // B and A have scalars twice as long as the weights, and would make the others' work longer.
        let (base, key) = (-sum(&self.s), sum(&self.k));
        let total = EdwardsPoint::vartime_multiscalar_mul(&weights, &self.r)
            + EdwardsPoint::vartime_double_scalar_mul_basepoint(
                &key,
                &self.key.to_edwards(),
                &base,
            );
        self.clear();
        total.is_identity()
    }

    fn clear(&mut self) {
        self.r.clear();
        self.s.clear();
        self.k.clear();
    }
}

/// Random multiples of 8 below 2^128.
fn weights(count: usize) -> Option<Vec<Scalar>> {
    let mut random = vec![0; 16 * count];
    getrandom::fill(&mut random).ok()?;
    let (chunks, _) = random.as_chunks::<16>();
    Some(
        chunks
            .iter()
            .map(|bytes| Scalar::from(u128::from_le_bytes(*bytes) & !7))
            .collect(),
    )
}

fn halves(signature: &[u8; 64]) -> ([u8; 32], [u8; 32]) {
    (
        array::from_fn(|index| signature[index]),
        array::from_fn(|index| signature[32 + index]),
    )
}

/// Whether the y-coordinate of an encoded point is reduced modulo p = 2^255 - 19. The other
/// encodings that are not canonical are of points of small order.
fn is_canonical(encoded: &[u8; 32]) -> bool {
    encoded[31] & 0x7f != 0x7f
        || encoded[1..31].iter().any(|&byte| byte != 0xff)
        || encoded[0] < 0xed
}

/// Whether a canonical encoding, whatever its sign, is one of the eight points of small order.
fn is_of_small_order(encoded: &[u8; 32]) -> bool {
    static SMALL: OnceLock<[[u8; 32]; 8]> = OnceLock::new();
    let without_sign = |mut bytes: [u8; 32]| {
        bytes[31] &= 0x7f;
        bytes
    };
    let small = SMALL.get_or_init(|| EIGHT_TORSION.map(|point| without_sign(point.compress().0)));
    small.contains(&without_sign(*encoded))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::verify;

    const MESSAGE: &[u8] = b"message";

    /// A private scalar, and a key that may have a component of small order.
    struct Signer {
        secret: Scalar,
        key: VerifyingKey,
    }

    impl Signer {
        fn new(seed: u64, torsion: usize) -> Self {
            let secret = Scalar::from(seed) + Scalar::from(1_u64 << 40) * Scalar::from(1_u64 << 50);
            let point = EdwardsPoint::mul_base(&secret) + EIGHT_TORSION[torsion];
            Self {
                secret,
                key: VerifyingKey::from_bytes(&point.compress().0).unwrap(),
            }
        }

        /// A signature in which R has a component of small order.
        fn sign(&self, message: &[u8], nonce: u64, torsion: usize) -> [u8; 64] {
            let r = Scalar::from(nonce) * Scalar::from(0x9e37_79b9_7f4a_7c15_u64);
            let encoded = (EdwardsPoint::mul_base(&r) + EIGHT_TORSION[torsion]).compress();
            let k = Sha512::new()
                .chain_update(encoded.0)
                .chain_update(self.key.as_bytes())
                .chain_update(message)
                .finalize();
            let s = r + Scalar::from_bytes_mod_order_wide(&k.into()) * self.secret;
            join(encoded.0, s.to_bytes())
        }
    }

    fn join(r: [u8; 32], s: [u8; 32]) -> [u8; 64] {
        array::from_fn(|index| if index < 32 { r[index] } else { s[index - 32] })
    }

    /// What a batch of these says; `None` when it refuses one at once.
    fn batch(key: &VerifyingKey, signatures: &[[u8; 64]]) -> Option<bool> {
        let mut batch = Batch::new(key).unwrap();
        if signatures
            .iter()
            .all(|signature| batch.push(MESSAGE, signature))
        {
            Some(batch.accepts())
        } else {
            None
        }
    }

    #[test]
    fn valid_signatures_are_accepted_and_one_wrong_one_is_not() {
        let signer = Signer::new(7, 0);
        for count in [0, 1, 2, 200, 900] {
            let mut signatures: Vec<_> = (1..=count)
                .map(|nonce| signer.sign(MESSAGE, nonce, 0))
                .collect();
            assert_eq!(batch(&signer.key, &signatures), Some(true), "{count}");
            for signature in &signatures {
                assert!(verify(&signer.key, MESSAGE, signature));
            }
            if let Some(last) = signatures.last_mut() {
                *last = signer.sign(b"massage", 5, 0);
                assert_eq!(batch(&signer.key, &signatures), Some(false), "{count}");
            }
        }
    }

    #[test]
    fn errors_do_not_cancel_each_other() {
        let signer = Signer::new(7, 0);
        let [mut one, mut other] = [1, 2].map(|nonce| signer.sign(MESSAGE, nonce, 0));
        let shift = |signature: &mut [u8; 64], by: Scalar| {
            let (r, s) = halves(signature);
            *signature = join(
                r,
                (Scalar::from_canonical_bytes(s).unwrap() + by).to_bytes(),
            );
        };
        shift(&mut one, Scalar::ONE);
        shift(&mut other, -Scalar::ONE);
        assert_eq!(batch(&signer.key, &[one, other]), Some(false));
    }

    #[test]
    fn a_batch_can_be_used_again() {
        let signer = Signer::new(7, 0);
        let mut batch = Batch::new(&signer.key).unwrap();
        assert!(batch.push(MESSAGE, &signer.sign(b"massage", 1, 0)));
        assert!(!batch.accepts());
        assert!(batch.push(MESSAGE, &signer.sign(MESSAGE, 1, 0)));
        assert!(batch.accepts());
    }

    #[test]
    fn a_scalar_that_is_not_reduced_is_refused() {
        let signer = Signer::new(7, 0);
        let (r, s) = halves(&signer.sign(MESSAGE, 1, 0));
        // The order of the group, little-endian.
        let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
        let order: [u8; 32] = const_hex::decode_to_array(order).unwrap();
        let mut carry = 0;
        let malleated = array::from_fn(|index| {
            let sum = u16::from(s[index]) + u16::from(order[index]) + carry;
            carry = sum >> 8;
            sum.to_le_bytes()[0]
        });
        for s in [malleated, order, [0xff; 32]] {
            let signature = join(r, s);
            assert!(!verify(&signer.key, MESSAGE, &signature));
            assert_eq!(batch(&signer.key, &[signature]), None);
        }
    }

    /// Every encoding of every point of small order, with an S for which the equation holds.
    #[test]
    fn points_of_small_order_are_refused_in_every_encoding() {
        let signer = Signer::new(7, 0);
        let mut encodings: Vec<[u8; 32]> = EIGHT_TORSION
            .iter()
            .map(|point| point.compress().0)
            .collect();
        // y = p, p + 1 (with both signs), and 1 and -1 with the sign that zero does not have.
        let p = "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f";
        let p: [u8; 32] = const_hex::decode_to_array(p).unwrap();
        for (add, sign) in [(0, 0), (0, 0x80), (1, 0), (1, 0x80), (255, 0x80)] {
            let mut encoding = p;
            encoding[0] = encoding[0].wrapping_add(add);
            encoding[31] |= sign;
            encodings.push(encoding);
        }
        let mut one = [0; 32];
        (one[0], one[31]) = (1, 0x80);
        encodings.push(one);
        for r in encodings {
            let k = Sha512::new()
                .chain_update(r)
                .chain_update(signer.key.as_bytes())
                .chain_update(MESSAGE)
                .finalize();
            let s = Scalar::from_bytes_mod_order_wide(&k.into()) * signer.secret;
            let signature = join(r, s.to_bytes());
            assert!(!verify(&signer.key, MESSAGE, &signature), "{r:02x?}");
            assert_eq!(batch(&signer.key, &[signature]), None, "{r:02x?}");
        }
    }

    /// y = p + 3 is a point of large order, whose canonical encoding has y = 3.
    #[test]
    fn encodings_that_are_not_canonical_are_refused() {
        let signer = Signer::new(7, 0);
        for last in 0xed..=0xff_u8 {
            for sign in [0x7f, 0xff] {
                let mut r = [0xff; 32];
                (r[0], r[31]) = (last, sign);
                let signature = join(r, [0; 32]);
                assert!(!verify(&signer.key, MESSAGE, &signature));
                assert_eq!(batch(&signer.key, &[signature]), None);
            }
        }
        let mut largest = [0xff; 32];
        (largest[0], largest[31]) = (0xec, 0x7f);
        assert!(is_canonical(&largest));
    }

    #[test]
    fn bytes_that_are_no_point_are_refused() {
        let signer = Signer::new(7, 0);
        let mut r = [0; 32];
        r[0] = 2;
        assert!(!verify(&signer.key, MESSAGE, &join(r, [0; 32])));
        assert_eq!(batch(&signer.key, &[join(r, [0; 32])]), None);
    }

    /// The one difference that the module describes; it takes the private key, and the answer is
    /// the same each time.
    #[test]
    fn an_r_of_mixed_order_is_valid_by_the_equation_with_the_cofactor_only() {
        let signer = Signer::new(7, 0);
        for torsion in 1..8 {
            let signature = signer.sign(MESSAGE, 3, torsion);
            assert!(!verify(&signer.key, MESSAGE, &signature));
            for _ in 0..8 {
                assert_eq!(batch(&signer.key, &[signature]), Some(true));
            }
        }
    }

    #[test]
    fn keys_of_mixed_order_are_not_checked_in_batches() {
        for torsion in 1..8 {
            assert!(Batch::new(&Signer::new(7, torsion).key).is_none());
        }
        assert!(Batch::new(&Signer::new(7, 0).key).is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever is done to signatures of the key, a batch says what the strict checks say.
        #[test]
        fn a_batch_says_what_strict_checks_say(
            damages in prop::collection::vec(
                prop::option::weighted(0.1, (0..64_usize, 1..=255_u8)), 1..12),
        ) {
            let signer = Signer::new(11, 0);
            let signatures: Vec<[u8; 64]> = (1_u64..).zip(&damages).map(|(nonce, damage)| {
                let mut signature = signer.sign(MESSAGE, nonce, 0);
                if let Some((at, by)) = damage {
                    signature[*at] ^= by;
                }
                signature
            }).collect();
            let strict = signatures.iter().all(|signature| verify(&signer.key, MESSAGE, signature));
            prop_assert_eq!(batch(&signer.key, &signatures).unwrap_or(false), strict);
        }
    }
}
