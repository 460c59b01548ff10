//! The price of one seal, by step, beside the bare primitives on the same bytes.
//!
//! `cargo bench -p capsules-core --bench seal [--features aws-lc]`

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "nobody calls a benchmark"
)]

use std::hint::black_box;
use std::sync::Arc;

use capsules_core::{
    Capsule, CapsuleType, Draft, Head, LocalSigner, Position, PublicKey, ReasoningOption, Seal,
    Signature, ToolCall, Unsigned, sha3_256,
};
use divan::Bencher;
use serde_json::json;

fn main() {
    let content = draft().link(&position());
    println!("content of {} bytes", content.len());
    divan::main();
}

/// What sealing does, alone and as a whole.
mod seal {
    use super::{
        Bencher, Draft, PublicKey, Signature, Unsigned, black_box, capsule, draft, open, position,
        sha3_256,
    };

    #[divan::bench]
    fn a_canonicalise(bencher: Bencher) {
        let capsule = capsule();
        bencher.bench(|| Draft::new(black_box(&capsule)));
    }

    #[divan::bench]
    fn b_link_and_hash(bencher: Bencher) {
        let (draft, position) = (draft(), position());
        bencher.bench(|| Unsigned::new(black_box(&draft), black_box(&position)));
    }

    #[divan::bench]
    fn c_sign(bencher: Bencher) {
        let (seal, unsigned) = (open(), Unsigned::new(&draft(), &position()));
        bencher
            .with_inputs(|| unsigned.clone())
            .bench_values(|unsigned| seal.sign(unsigned));
    }

    #[divan::bench]
    fn d_whole(bencher: Bencher) {
        let (seal, draft, position) = (open(), draft(), position());
        bencher.bench(|| seal.seal(black_box(&draft), black_box(&position)));
    }

    #[divan::bench]
    fn e_whole_with_canonicalise(bencher: Bencher) {
        let (seal, capsule, position) = (open(), capsule(), position());
        bencher.bench(|| seal.seal(&Draft::new(black_box(&capsule)).unwrap(), &position));
    }

    #[divan::bench]
    fn f_verify(bencher: Bencher) {
        let seal = open();
        let record = seal.seal(&draft(), &position()).unwrap();
        let key = seal.public_key();
        bencher.bench(|| {
            verify(
                black_box(&key),
                &record.content,
                &record.hash,
                &record.signature,
            )
        });
    }

    fn verify(key: &PublicKey, content: &str, hash: &str, signature: &str) -> bool {
        let signature: Signature = signature.parse().unwrap();
        sha3_256(content.as_bytes()).to_string() == hash && key.verify(hash.as_bytes(), &signature)
    }
}

/// The same cryptography without anything around it.
mod primitive {
    use super::{Bencher, bare, black_box, draft, position};

    #[divan::bench]
    fn a_sha3(bencher: Bencher) {
        let content = draft().link(&position());
        bencher.bench(|| bare::sha3(black_box(content.as_bytes())));
    }

    #[divan::bench]
    fn b_ed25519_sign(bencher: Bencher) {
        let key = bare::key();
        bencher.bench(|| bare::sign(&key, black_box(&[b'a'; 64])));
    }

    #[divan::bench]
    fn c_hex_of_hash_and_signature() -> (String, String) {
        (
            const_hex::encode(black_box([7_u8; 32])),
            const_hex::encode(black_box([7_u8; 64])),
        )
    }

    #[divan::bench]
    fn d_sum(bencher: Bencher) {
        let content = draft().link(&position());
        let key = bare::key();
        bencher.bench(|| {
            let hash = const_hex::encode(bare::sha3(black_box(content.as_bytes())));
            const_hex::encode(bare::sign(&key, hash.as_bytes()))
        });
    }

    #[divan::bench]
    fn e_ed25519_verify_strict(bencher: Bencher) {
        use ed25519_dalek::Signer;
        let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        let signature = key.sign(&[b'a'; 64]);
        let key = key.verifying_key();
        bencher.bench(|| {
            key.verify_strict(black_box(&[b'a'; 64]), &signature)
                .is_ok()
        });
    }
}

#[cfg(not(feature = "aws-lc"))]
mod bare {
    use ed25519_dalek::{Signer, SigningKey};
    use sha3::Digest;

    pub(super) fn sha3(bytes: &[u8]) -> [u8; 32] {
        sha3::Sha3_256::digest(bytes).into()
    }

    pub(super) fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    pub(super) fn sign(key: &SigningKey, message: &[u8]) -> [u8; 64] {
        key.sign(message).to_bytes()
    }
}

#[cfg(feature = "aws-lc")]
mod bare {
    use aws_lc_rs::digest;
    use aws_lc_rs::signature::Ed25519KeyPair;

    pub(super) fn sha3(bytes: &[u8]) -> [u8; 32] {
        digest::digest(&digest::SHA3_256, bytes)
            .as_ref()
            .try_into()
            .unwrap()
    }

    pub(super) fn key() -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
    }

    pub(super) fn sign(key: &Ed25519KeyPair, message: &[u8]) -> [u8; 64] {
        key.sign(message).as_ref().try_into().unwrap()
    }
}

fn open() -> Seal {
    Seal::with_signer(Arc::new(LocalSigner::from_seed(&[7; 32]).unwrap()))
}

fn position() -> Position {
    Position::after(Some(&Head {
        sequence: 41_999,
        hash: "5e".repeat(32),
    }))
}

fn draft() -> Draft {
    Draft::new(&capsule()).unwrap()
}

/// An agent's decision with two options and a tool call, 1.5 KB.
fn capsule() -> Capsule {
    let mut capsule = Capsule::new(CapsuleType::Agent);
    capsule.set_tenant_id(Some("site-berlin-03"));
    capsule.trigger.source = "support::triage".into();
    capsule.trigger.request = "Refund order 1183, the parcel never arrived".into();
    capsule.context.agent_id = "support::triage".into();
    capsule.context.session_id = Some("session-7f2a".to_owned());
    capsule.reasoning.analysis = "The carrier lost the parcel; the order is insured".into();
    let option = |id: &str, description: &str, feasibility| ReasoningOption {
        id: id.to_owned(),
        description: description.to_owned(),
        pros: vec!["the customer is satisfied".to_owned()],
        feasibility,
        ..ReasoningOption::default()
    };
    capsule.reasoning.options = vec![option("a", "refund", 0.9), option("b", "send again", 0.4)];
    capsule.reasoning.selected_option = "refund".into();
    capsule.reasoning.confidence = 0.87;
    capsule.reasoning.model = Some("gpt-4o".to_owned());
    capsule.execution.tool_calls = vec![ToolCall {
        tool: "orders.refund".to_owned(),
        arguments: json!({"order": 1183, "amount": 49.9})
            .as_object()
            .unwrap()
            .clone(),
        result: json!({"accepted": true}),
        ..ToolCall::default()
    }];
    capsule.execution.duration_ms = 812;
    capsule.outcome.summary = "Refunded 49.90 EUR to the original payment method".into();
    capsule
}
