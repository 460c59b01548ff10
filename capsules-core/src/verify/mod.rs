//! Verification of records and chains (CPS sections 3 and 4).
//!
//! [`verify_record`] checks one record by itself: that its content has the hash it states, and
//! that a key you trust signed that hash. A [`Verifier`] checks a chain, record by record in
//! constant memory, and answers each question of [`Checks`] on its own, so that what was not
//! checked never reads as passed.
//!
//! | question | from level | a failure makes the chain invalid |
//! |---|---|---|
//! | links: are sequences without gaps, and does each record name the hash before it? | structural | yes |
//! | content: does each content have the hash of its record? | full | yes |
//! | columns: does what the store keeps beside the content agree with it? | full | yes |
//! | tenant: is each record in the tenant that its content names? | full | yes |
//! | time order: is each record sealed after it began and after the record before it? | full | no: clocks are set back honestly |
//! | signatures: did a trusted key sign each hash? | signatures | yes |
//! | post-quantum: the same for ML-DSA-65, as [`PqPolicy`] demands | signatures | yes |
//! | epochs: is each record sealed while the keyring's epoch of its key lasted? | signatures | no: programs finish with the key they have |
//!
//! What no verification of a chain by itself can find: records cut off its end, a whole chain
//! replaced by someone who holds the key, and at the levels below `signatures` a chain that was
//! hashed anew. A [`Checkpoint`] of an earlier verification finds the first two. `signed_at` and `signed_by` are outside of the hash.

mod chains;
mod checkpoint;
mod chunk;
mod columns;
mod finding;
mod keys;
mod parallel;
mod ranges;
mod record;
mod report;
mod signatures;
mod time;
mod verification;
mod verifier;

pub use chains::ChainReport;
pub use checkpoint::{Checkpoint, CheckpointError, NoCheckpoint};
pub use finding::{Earlier, Finding, Problem};
pub use keys::TrustedKeys;
pub use parallel::Neighbours;
pub use record::{PqPolicy, VerifyCode, VerifyFailure, verify_each, verify_record};
pub use report::{Check, Checks, Level, Report, UnknownLevel, Verdict};
pub use verification::Verification;
pub use verifier::Verifier;
