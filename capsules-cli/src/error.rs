//! Why a command has no answer.

use std::io;

use capsules_core::canonical::CanonicalError;

/// Why a command has no answer. Each message says what was attempted, on what, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("cannot read {input}: {reason}")]
    Read { input: String, reason: io::Error },

    #[error("cannot write the output: {0}")]
    Write(io::Error),

    #[error("cannot canonicalize {input}: {reason}")]
    Canonical {
        input: String,
        reason: CanonicalError,
    },
}

impl CliError {
    /// Whether nobody reads our output any more.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
