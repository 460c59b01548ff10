//! `swallow_errors = false`: a failure to record becomes the function's own error.

use crate::error::Error;

/// A return type that can carry the audit's error: any `Result<T, E>` with `E: From<Error>`.
///
/// `#[audit(swallow_errors = false)]` asks for it.
#[diagnostic::on_unimplemented(
    message = "`swallow_errors = false` needs a function that can return the audit's error",
    label = "this cannot carry a `capsules::Error`",
    note = "return a `Result<_, E>` where `E: From<capsules::Error>`"
)]
pub trait FromAuditError {
    /// Whether the function itself succeeded. Its own error is never replaced.
    fn is_success(&self) -> bool;

    /// The value that carries the audit's error.
    fn from_audit_error(error: Error) -> Self;
}

impl<T, E: From<Error>> FromAuditError for Result<T, E> {
    fn is_success(&self) -> bool {
        self.is_ok()
    }

    fn from_audit_error(error: Error) -> Self {
        Err(error.into())
    }
}

/// The function's value, unless it succeeded and could not be recorded.
pub fn or_error<R: FromAuditError>(value: R, recorded: Result<(), Error>) -> R {
    match recorded {
        Err(error) if value.is_success() => R::from_audit_error(error),
        _ => value,
    }
}

/// The last item of a stream that could not be recorded.
pub fn error_item<R: FromAuditError>(recorded: Result<(), Error>) -> Option<R> {
    recorded.err().map(R::from_audit_error)
}
