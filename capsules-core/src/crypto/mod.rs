//! The cryptographic primitives behind one interface.
//!
//! SHA3-256 (FIPS 202) and Ed25519 signing (RFC 8032) come from the pure-Rust crates, or from
//! AWS-LC with the feature `aws-lc`. Both are deterministic, so the bytes are the same.
//!
//! Verification is `ed25519-dalek`'s `verify_strict` in every build. Implementations of Ed25519
//! agree on honest signatures and disagree on hostile ones: on points of small order and on
//! encodings that are not canonical. A verdict on evidence must not depend on how the verifier
//! was built. [`Batch`] checks many signatures of one key at once, and says in which sense its
//! answer is the same.

#[cfg(feature = "aws-lc")]
mod aws_lc;
mod batch;
#[cfg(any(not(feature = "aws-lc"), test))]
mod pure;

#[cfg(feature = "aws-lc")]
pub(crate) use aws_lc::{Sha3, SigningKey, sha3_256};
#[cfg(not(feature = "aws-lc"))]
pub(crate) use pure::{Sha3, SigningKey, sha3_256};

pub(crate) use batch::Batch;
use ed25519_dalek::VerifyingKey;

/// The backend refused a key or an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library refused the operation")]
pub(crate) struct Refused;

/// Whether the signature is valid: S canonical, R and the key of large order, and the equation
/// without cofactor.
pub(crate) fn verify(key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(signature);
    key.verify_strict(message, &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Verifier;

    use super::*;

    const MESSAGE: &[u8] = b"message";
    /// The public key of the seed of 32 sevens, and a signature of `MESSAGE` by it.
    const KEY: &str = "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c";
    const SIGNATURE: &str = "ef4f62f8479733ad879cfaced3c89a9c39dd4fc795ef2efa1c3eafe4d729a081\
                             dceffa93bec73778b3394842af4302ae3a6716dc7f66e5964f0bb102e213d501";

    fn key(hex: &str) -> VerifyingKey {
        VerifyingKey::from_bytes(&const_hex::decode_to_array(hex).unwrap()).unwrap()
    }

    fn signature(hex: &str) -> [u8; 64] {
        const_hex::decode_to_array(hex).unwrap()
    }

    /// RFC 8032, section 7.1, tests 1 and 3.
    #[test]
    fn signatures_are_those_of_rfc_8032() {
        for (seed, public_key, message, expected) in [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac\
                 c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
                "af82",
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290\
                 ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            ),
        ] {
            let signer = SigningKey::from_seed(&const_hex::decode_to_array(seed).unwrap()).unwrap();
            let message = const_hex::decode(message).unwrap();
            assert_eq!(const_hex::encode(signer.public_key()), public_key);
            assert_eq!(const_hex::encode(signer.sign(&message).unwrap()), expected);
            assert!(verify(&key(public_key), &message, &signature(expected)));
        }
    }

    #[test]
    fn a_scalar_that_is_not_reduced_is_refused() {
        assert!(verify(&key(KEY), MESSAGE, &signature(SIGNATURE)));
        // The same signature with the order of the group added to S.
        let malleated = "ef4f62f8479733ad879cfaced3c89a9c39dd4fc795ef2efa1c3eafe4d729a081\
                         c9c3f0f0d82a4ad089d63fe58d3de1c23a6716dc7f66e5964f0bb102e213d511";
        assert!(!verify(&key(KEY), MESSAGE, &signature(malleated)));
    }

    #[test]
    fn points_of_small_order_are_refused_though_the_equation_holds() {
        let small_r = "0100000000000000000000000000000000000000000000000000000000000000\
                       d4c5323131ff9683cfb3d30197c786c9043f1052d6c2d5293f19d6f36b911104";
        let small_key = "0100000000000000000000000000000000000000000000000000000000000000";
        let five_times_the_base_point = "edc876d6831fd2105d0b4389ca2e283166469289146e2ce06faefe98b22548df\
             0500000000000000000000000000000000000000000000000000000000000000";
        for (public_key, hostile) in [(KEY, small_r), (small_key, five_times_the_base_point)] {
            let (key, hostile) = (key(public_key), signature(hostile));
            let lenient = ed25519_dalek::Signature::from_bytes(&hostile);
            assert!(
                key.verify(MESSAGE, &lenient).is_ok(),
                "the vector does not test strictness"
            );
            assert!(!verify(&key, MESSAGE, &hostile));
        }
    }
}

#[cfg(all(test, feature = "aws-lc"))]
mod backends {
    use super::{aws_lc, pure};

    #[test]
    fn both_backends_give_the_same_bytes() {
        for length in (0..300).chain([4_096, 100_000]) {
            let mut seed = [0; 32];
            let mut message = vec![0; length];
            getrandom::fill(&mut seed).unwrap();
            getrandom::fill(&mut message).unwrap();

            let digest = pure::sha3_256(&message);
            assert_eq!(aws_lc::sha3_256(&message), digest);
            let (mut one, mut other) = (pure::Sha3::new(), aws_lc::Sha3::new());
            for piece in message.chunks(97) {
                one.update(piece);
                other.update(piece);
            }
            assert_eq!(one.finish(), digest);
            assert_eq!(other.finish(), digest);

            let one = pure::SigningKey::from_seed(&seed).unwrap();
            let other = aws_lc::SigningKey::from_seed(&seed).unwrap();
            assert_eq!(one.public_key(), other.public_key());
            assert_eq!(one.sign(&message), other.sign(&message));
        }
    }
}
