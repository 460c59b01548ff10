//! What can be wrong with a record in a chain.

use std::fmt;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::record::{VerifyCode, VerifyFailure};
use super::report::Check;

/// A record that was found wrong.
///
/// `Display` gives the message that libraries of the protocol give. Serde writes `sequence`,
/// `capsule_id` and `error`, the message that its command line prints.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Its place in the chain, counted from 0, whatever the record itself says.
    pub sequence: u64,
    /// Its id.
    pub capsule_id: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a record in a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// Its content is not a JSON object, or says two things about where it belongs.
    Unreadable {
        /// What was found.
        reason: String,
    },
    /// It has another sequence than the one that follows.
    SequenceGap {
        /// The sequence in its content.
        found: String,
    },
    /// It is the first and names one before it.
    GenesisHasPrevious,
    /// It does not name the hash of the record before it.
    BrokenLink,
    /// It is not the trusted record after which the verification was to begin.
    HeadDiffers {
        /// The trusted hash.
        expected: String,
        /// Its hash.
        found: String,
    },
    /// The chain ends before the trusted record after which the verification was to begin.
    HeadMissing {
        /// The trusted hash.
        expected: String,
    },
    /// Its content does not have its hash.
    ContentMismatch,
    /// Its signature is not accepted.
    Signature(VerifyFailure),
    /// Its post-quantum signature is not accepted.
    PostQuantum(VerifyFailure),
    /// A column says something else than its content.
    Column {
        /// The column.
        name: &'static str,
        /// What the store says.
        stored: Option<String>,
        /// What the content says.
        sealed: Option<String>,
    },
    /// It is stored under another tenant than its content names.
    Tenant {
        /// What the store says.
        stored: String,
        /// What the content says.
        sealed: String,
    },
    /// It was sealed before something that came earlier.
    TimeOrder {
        /// When it was sealed, as the record says.
        signed_at: String,
        /// What is later, though it came earlier.
        earlier: Earlier,
    },
    /// It was sealed before the epoch of its key began or after it ended.
    Epoch {
        /// The number of the epoch.
        number: u64,
        /// When it was sealed, as the record says.
        signed_at: String,
        /// When the epoch began.
        began: Option<String>,
        /// When the epoch ended.
        ended: Option<String>,
    },
    /// The time of its seal cannot be read.
    Time {
        /// What the record says.
        signed_at: String,
    },
}

/// What must have happened before a record was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Earlier {
    /// Its action began, at this time.
    Action(String),
    /// The record before it was sealed, at this time.
    Record(String),
}

impl Finding {
    /// The question that it answers.
    pub fn check(&self) -> Check {
        match &self.problem {
            Problem::Unreadable { .. }
            | Problem::SequenceGap { .. }
            | Problem::GenesisHasPrevious
            | Problem::BrokenLink
            | Problem::HeadDiffers { .. }
            | Problem::HeadMissing { .. } => Check::Links,
            Problem::ContentMismatch => Check::Content,
            Problem::Signature(_) => Check::Signatures,
            Problem::PostQuantum(_) => Check::PostQuantum,
            Problem::Column { .. } => Check::Columns,
            Problem::Tenant { .. } => Check::Tenant,
            Problem::TimeOrder { .. } | Problem::Time { .. } => Check::TimeOrder,
            Problem::Epoch { .. } => Check::Epochs,
        }
    }

    /// The field of the record that is wrong, or does not fit the others.
    pub fn field(&self) -> &'static str {
        match &self.problem {
            Problem::Unreadable { .. } => "content",
            Problem::SequenceGap { .. } => "sequence",
            Problem::GenesisHasPrevious | Problem::BrokenLink => "previous_hash",
            Problem::ContentMismatch
            | Problem::HeadDiffers { .. }
            | Problem::HeadMissing { .. } => "hash",
            Problem::Signature(_) => "signature",
            Problem::PostQuantum(_) => "signature_pq",
            Problem::Column { name, .. } => name,
            Problem::Tenant { .. } => "tenant_id",
            Problem::TimeOrder { .. } | Problem::Time { .. } | Problem::Epoch { .. } => "signed_at",
        }
    }

    /// The protocol's code, for a problem that verifying the record by itself finds too.
    pub fn code(&self) -> Option<VerifyCode> {
        match &self.problem {
            Problem::ContentMismatch => Some(VerifyCode::HashMismatch),
            Problem::Signature(failure) | Problem::PostQuantum(failure) => Some(failure.code),
            _ => None,
        }
    }

    /// The message, in the words of the protocol's libraries or of its command line.
    fn message(&self, words: Words) -> String {
        let at = self.sequence;
        match (&self.problem, words) {
            (Problem::Unreadable { reason }, _) => {
                format!("Content not readable at sequence {at}: {reason}")
            }
            (Problem::SequenceGap { found }, _) => {
                format!("Sequence gap: expected {at}, got {found}")
            }
            (Problem::GenesisHasPrevious, Words::Library) => {
                "Genesis Capsule has previous_hash (should be None)".to_owned()
            }
            (Problem::GenesisHasPrevious, Words::CommandLine) => {
                "Genesis capsule has previous_hash (should be null)".to_owned()
            }
            (Problem::BrokenLink, _) => {
                format!("Chain broken: previous_hash mismatch at sequence {at}")
            }
            (Problem::HeadDiffers { expected, found }, _) => {
                format!(
                    "Trusted head not found: sequence {at} has the hash {found}, not {expected}"
                )
            }
            (Problem::HeadMissing { expected }, _) => {
                format!("Trusted head not found: the chain ends before sequence {at} ({expected})")
            }
            (Problem::ContentMismatch, _) => format!("Content hash mismatch at sequence {at}"),
            (Problem::Signature(_), _) => {
                format!("Signature verification failed at sequence {at}")
            }
            (Problem::PostQuantum(failure), _) => {
                format!("Post-quantum verification failed at sequence {at}: {failure}")
            }
            (
                Problem::Column {
                    name,
                    stored,
                    sealed,
                },
                _,
            ) => format!(
                "Column mismatch at sequence {at}: {name} is {}, the content says {}",
                Quoted(stored.as_deref()),
                Quoted(sealed.as_deref())
            ),
            (Problem::Tenant { stored, sealed }, _) => format!(
                "Tenant mismatch at sequence {at}: stored under {}, the content says {}",
                Quoted(Some(stored)),
                Quoted(Some(sealed))
            ),
            (
                Problem::TimeOrder {
                    signed_at,
                    earlier: Earlier::Action(time),
                },
                _,
            ) => {
                format!("Time order at sequence {at}: sealed {signed_at}, but it began {time}")
            }
            (
                Problem::TimeOrder {
                    signed_at,
                    earlier: Earlier::Record(time),
                },
                _,
            ) => format!(
                "Time order at sequence {at}: sealed {signed_at}, the record before it {time}"
            ),
            (
                Problem::Epoch {
                    number,
                    signed_at,
                    began,
                    ended,
                },
                _,
            ) => format!(
                "Epoch at sequence {at}: sealed {signed_at} with the key of epoch {number}, in use \
                 from {} to {}",
                began.as_deref().unwrap_or("an unknown time"),
                ended.as_deref().unwrap_or("now"),
            ),
            (Problem::Time { signed_at }, _) => {
                format!(
                    "Time order at sequence {at}: signed_at is {}",
                    Quoted(Some(signed_at))
                )
            }
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.message(Words::Library))
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut finding = serializer.serialize_struct("Finding", 3)?;
        finding.serialize_field("sequence", &self.sequence)?;
        finding.serialize_field("capsule_id", &self.capsule_id)?;
        finding.serialize_field("error", &self.message(Words::CommandLine))?;
        finding.end()
    }
}

/// Other implementations word one message differently in their library and their command.
#[derive(Clone, Copy)]
enum Words {
    Library,
    CommandLine,
}

struct Quoted<'a>(Option<&'a str>);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(text) => write!(f, "{text:?}"),
            None => f.write_str("null"),
        }
    }
}
