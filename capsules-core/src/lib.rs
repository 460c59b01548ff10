//! The Capsule Protocol (CPS 1.0) in Rust: what a sealed record is, byte for byte.
//!
//! A [`Capsule`] records one action in six sections. Its canonical JSON is hashed with SHA3-256
//! and signed by a [`Seal`] with Ed25519, and each [`SealedRecord`] names the hash of the one
//! before it, so that any change is found by [`verify`].
//!
//! This crate holds the protocol and the stores. It has no runtime and keeps no global state, and
//! starts threads only for the time of a verification; the `capsules` crate adds the `#[audit]` attribute and the recorder.

pub mod canonical;
mod capsule;
mod chain;
mod crypto;
mod datadir;
mod deliberation;
mod draft;
pub mod export;
#[cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "for the index"))]
mod facts;
mod fingerprint;
mod hash;
mod header;
mod hex;
mod id;
#[cfg(feature = "sqlite")]
pub mod index;
mod json;
pub mod keyring;
pub mod pq;
mod record;
mod seal;
mod sections;
mod signer;
pub mod stats;
pub mod storage;
mod timestamp;
#[cfg(feature = "sqlite")]
pub mod tree;
pub mod uri;
pub mod validate;
pub mod verify;

pub use capsule::{Capsule, CapsuleType, SPEC_VERSION, UnknownCapsuleType};
pub use chain::{Head, Position};
pub use datadir::{DataDir, DataDirError};
pub use deliberation::{Deliberated, Deliberation};
pub use draft::{Draft, MalformedDraft};
pub use hash::{ContentHash, MalformedHash, sha3_256, sha3_256_reader};
pub use keyring::{Keyring, KeyringError};
#[cfg(feature = "pq")]
pub use pq::PqKeyPair;
pub use pq::PqPublicKey;
pub use record::{Columns, ColumnsRef, MAX_RECORD_BYTES, RecordError, RecordRef, SealedRecord};
pub use seal::{Seal, SealError, Unsigned};
pub use sections::{
    Authority, AuthorityType, Context, Execution, Outcome, OutcomeStatus, Reasoning,
    ReasoningOption, ToolCall, Trigger, TriggerType,
};
pub use signer::{
    LocalSigner, MalformedPublicKey, MalformedSignature, PublicKey, SignError, Signature, Signer,
};
pub use storage::{Filter, Storage, StorageError};
pub use timestamp::{MalformedTimestamp, Timestamp};
pub use uuid::Uuid;
