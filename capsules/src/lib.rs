//! Tamper-evident audit records for AI agents.
//!
//! Annotate a function, and every call of it leaves a sealed *capsule*: what was asked, in which
//! context, why the actor decided as it did, who allowed it, what it did and what came of it.
//! Capsules are hashed with SHA3-256, signed with Ed25519 and chained, so that anybody who has the
//! public key finds any change, with this project's tools or with another implementation of the
//! Capsule Protocol.
//!
//! ```no_run
//! // Zero configuration: this alone seals a capsule into ~/.quantumpipes/capsules.db.
//! #[capsules::audit(type = "agent", tenant_from = "site_id")]
//! async fn run_agent(task: &str, site_id: &str) -> Result<String, std::io::Error> {
//!     let capsule = capsules::current();
//!     capsule.model("gpt-4o").confidence(0.95).session_id("session-abc");
//!     let text = format!("did {task}");
//!     capsule.summary(format!("Generated {} chars", text.len())).resource("tokens", 1500);
//!     Ok(text)
//! }
//! ```
//!
//! The function behaves as it did: same value, same error, same panic, same cancellation. An
//! error of the audit itself is reported as a [`tracing`] event under the target `capsules` and
//! counted in [`stats`].
//!
//! # The end of a process
//!
//! What a call has accepted is recorded once, however the process ends. What was not committed is
//! in the journal, and in the store when that is opened next.
//!
//! | end | accepted capsules | [`Durability::Memory`] | actions that run |
//! |---|---|---|---|
//! | guard dropped, [`Capsules::close`] | committed, within 10 s or the time-out | committed | |
//! | `main` returns, with or without a guard; `process::exit` | those of the thread that ends: committed, within 10 s | committed | `pending` |
//! | `panic = "abort"`, `SIGTERM` or another signal without a handler, `SIGKILL` | recovered | lost | `pending` |
//! | `exec` | recovered | lost | `pending` |
//! | power failure | recovered as far as the system had written the journal; all that was [`Durability::Committed`] | lost | |
//!
//! Where the store fails, nothing waits for it. Threads that still run when the process exits are
//! cut off as by a signal: their capsules are in the journal.
//!
//! A forked child has no recorder. In it an instance of its parent only accepts, into a journal of
//! the child's own, which is recovered when the child has ended; what needs the store is
//! [`Error::Forked`] at once. An action that a fork divides is recorded for both processes, the
//! child's part as a child of the other. Open an instance after the fork, or in a program that is
//! executed; SQLite does not allow a file that was open at the fork to be opened again in the child.

mod action;
mod active;
mod bounded_json;
mod builder;
mod call;
mod capsules;
mod capture;
mod carry;
mod content;
#[cfg(feature = "tracing")]
mod correlation;
mod default;
mod durability;
mod error;
mod fork;
mod function;
mod future;
mod identity;
mod inputs;
mod items;
mod journal;
mod limits;
mod location;
mod reader;
mod reading;
mod reasoning;
mod recorder;
pub mod recovery;
mod redaction;
mod reply;
mod scope;
mod secret;
mod stats;
mod stream;
mod strict;
mod switch;
mod target;
mod tenant;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tower")]
pub mod tower;
mod trace_parent;

pub use capsules_core::{
    Authority, AuthorityType, Capsule, CapsuleType, Context, DataDir, Deliberated, Deliberation,
    Execution, Filter, Keyring, LocalSigner, Outcome, OutcomeStatus, PublicKey, Reasoning,
    ReasoningOption, Seal, SealedRecord, SignError, Signature, Signer, Storage, StorageError,
    Timestamp, ToolCall, Trigger, Uuid,
};
pub use capsules_core::{export, storage, verify};

pub use crate::action::{Acting, Action, ActionOutcome, Ended, Keep, Running, action};
pub use crate::active::{CurrentCapsule, NoActiveCapsule, current, try_current};
pub use crate::builder::Builder;
pub use crate::capsules::Capsules;
pub use crate::carry::InCurrentCapsule;
#[doc(hidden)]
pub use crate::carry::kind;
#[cfg(feature = "tracing")]
pub use crate::correlation::CorrelationLayer;
pub use crate::default::{Installed, stats};
pub use crate::durability::{Durability, Overflow};
pub use crate::error::Error;
pub use crate::reply::Reply;
pub use crate::scope::Scoped;
pub use crate::secret::Redacted;
pub use crate::stats::Stats;
pub use crate::strict::FromAuditError;
pub use crate::switch::{is_enabled, set_enabled};
pub use crate::tenant::Tenant;
pub use crate::trace_parent::{MalformedTraceParent, TraceParent};

pub use capsules_macros::audit;

/// What the attribute's output names. Not part of the interface: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::durability::Durability;
    pub use capsules_core::CapsuleType;
    pub use core::any::type_name;
    pub use core::option::Option;
    pub use core::result::Result;
    pub use std::boxed::Box;

    pub use crate::call::Call;
    pub use crate::capture::{Id, Json, Probe, Returned, Text, hint, prompt_hash, read};
    pub use crate::function::Function;
    pub use crate::future::{EndWith, RunAsync, boxed_send};
    pub use crate::inputs::{Inputs, ReadInputs, borrow};
    pub use crate::items::{FoldedText, Items};
    pub use crate::limits::{Captured, Limits};
    pub use crate::reader::Reader::{self, Nothing};
    pub use crate::reader::ToJson;
    pub use crate::stream::{RunStream, StreamEnd};
    pub use crate::strict::{error_item, or_error};
    pub use crate::trace_parent::trace_id;
}
