//! Why a command has no answer.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use capsules_core::canonical::CanonicalError;
use capsules_core::export::{ExportError, WriteError};
use capsules_core::index::IndexError;
use capsules_core::pq::MalformedPqKey;
use capsules_core::verify::CheckpointError;
use capsules_core::{
    DataDir, DataDirError, KeyringError, MalformedPublicKey, PublicKey, RecordError, SignError,
    StorageError,
};

/// Why a command has no answer. Each message says what was attempted, on what, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("cannot read {input}: {reason}")]
    Read { input: String, reason: io::Error },

    #[error("cannot serve at {address}: {reason}")]
    Serve {
        address: SocketAddr,
        reason: io::Error,
    },

    #[error("cannot write the output: {0}")]
    Write(io::Error),

    #[error("cannot write {}: {reason}", .path.display())]
    WriteFile { path: PathBuf, reason: io::Error },

    #[error("{} is a store; choose another file for the output", .path.display())]
    WouldReplaceStore { path: PathBuf },

    #[error("--json describes the file that was written; name one with --output")]
    JsonWithoutOutput,

    #[error(
        "{location} keeps {chains} chains, and an export holds one; choose it with --tenant or \
         --no-tenant"
    )]
    SeveralToExport { location: String, chains: usize },

    #[error(transparent)]
    Unexportable(WriteError),

    #[error("cannot keep the verified capsules in a temporary file: {0}; TMPDIR chooses its place")]
    Spool(io::Error),

    #[error("cannot canonicalize {input}: {reason}")]
    Canonical {
        input: String,
        reason: CanonicalError,
    },

    #[error("cannot validate {input}: {reason}")]
    Validate {
        input: String,
        reason: CanonicalError,
    },

    #[error(
        "there is no store at {}; name one with --db or --pg, or give an export",
        .path.display()
    )]
    NoStore { path: PathBuf },

    #[error(
        "this program was built without PostgreSQL; build it with the feature `postgres`: cargo \
         install capsules-cli --features postgres"
    )]
    #[cfg(not(feature = "postgres"))]
    NoPostgres,

    #[error(
        "what was given with --pg or in CAPSULES_PG is not a URL postgresql://USER@HOST/DATABASE"
    )]
    NoUrl,

    #[error("--db names a file; give a URL with --pg")]
    UrlAsPath,

    #[error(
        "{location} keeps a chain for each tenant, and this is about one; choose it with --tenant \
         or --no-tenant"
    )]
    SeveralChains { location: String },

    #[error(
        "{location} keeps one chain, which all tenants share; leave --tenant and --no-tenant away"
    )]
    OneChain { location: String },

    #[error("a file cannot be used with --db or --pg; name one source")]
    TwoSources,

    #[error("--db and --pg cannot be used with this command, which reads no store")]
    NoStoreWanted,

    #[error(transparent)]
    Store(#[from] StorageError),

    #[error(transparent)]
    Index(#[from] IndexError),

    #[error(transparent)]
    Recover(#[from] capsules::Error),

    #[error("{input}: {reason}")]
    Export { input: String, reason: ExportError },

    #[error(transparent)]
    Record(#[from] RecordError),

    #[error("{0}; --json prints it as it is stored")]
    NotACapsule(RecordError),

    #[error("no capsule {what} in {location}")]
    NoCapsule { what: String, location: String },

    #[error("several capsules {what} in {location}: {candidates}; give more digits")]
    Ambiguous {
        what: String,
        location: String,
        candidates: String,
    },

    #[error("a capsule was named twice; leave away one of the names")]
    TwoCapsules,

    #[error("capsule {id} has no field {path}")]
    NoField { path: String, id: String },

    #[error("{location} holds several capsules; choose one with --seq or --id")]
    SeveralCapsules { location: String },

    #[error(transparent)]
    DataDir(#[from] DataDirError),

    #[error(transparent)]
    Keyring(#[from] KeyringError),

    #[error(
        "there is no key in {} to verify signatures with; give the signer's with --pubkey or \
         --pubkey-file, or name the directory of a keyring with --data-dir",
        .dir.path().display()
    )]
    NothingToVerifyWith { dir: DataDir },

    #[error("{place}: {reason}")]
    PublicKey {
        place: String,
        reason: MalformedPublicKey,
    },

    #[error("{}: {reason}", .path.display())]
    PqPublicKey {
        path: PathBuf,
        reason: MalformedPqKey,
    },

    #[error("cannot continue from {}: {reason}", .path.display())]
    Checkpoint {
        path: PathBuf,
        reason: CheckpointError,
    },

    #[error(
        "{} has the checkpoints of a store that keeps a chain for each tenant; give one of this \
         chain",
        .path.display()
    )]
    CheckpointOfChains { path: PathBuf },

    #[error("{place}: {reason}")]
    Key { place: String, reason: String },

    #[error(
        "the private key {private} belongs to the public key {belongs} and not to {public}; give \
         the two that belong together"
    )]
    NoPair {
        private: String,
        belongs: Box<PublicKey>,
        public: Box<PublicKey>,
    },

    #[error(
        "there is a private key in {} already; --rotate retires it, which overwrites it and keeps \
         its public key",
        .dir.path().display()
    )]
    HasKey { dir: DataDir },

    #[error(
        "a keyring holds public keys only; choose the format pem, hex or raw for the private key"
    )]
    PrivateInKeyring,

    #[error("there is no epoch {number} in the keyring of {}; `capsules keys info` shows them", .dir.path().display())]
    NoEpoch { number: u64, dir: DataDir },

    #[error("there is no ML-DSA-65 public key in {}; `capsules keys rotate --pq` makes it", .dir.path().display())]
    NoPqKey { dir: DataDir },

    #[error(
        "there are ML-DSA-65 keys in {} already; new ones would leave what they signed without its \
         public key",
        .dir.path().display()
    )]
    #[cfg(feature = "pq")]
    HasPqKeys { dir: DataDir },

    #[error(
        "this program was built without ML-DSA-65; build it with the feature `pq`: cargo install \
         capsules-cli --features pq"
    )]
    #[cfg(not(feature = "pq"))]
    NoPq,

    #[error(transparent)]
    Sign(#[from] SignError),

    #[error(
        "there is no key in {}; `capsules keys rotate` makes the first",
        .dir.path().display()
    )]
    NoKey { dir: DataDir },
}

impl CliError {
    /// That there is none of a name.
    pub(crate) fn no_capsule(what: &impl ToString, location: String) -> Self {
        Self::NoCapsule {
            what: what.to_string(),
            location,
        }
    }

    /// Whether nobody reads our output any more.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
