//! Values that are never kept.

use std::any::type_name;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::limits::REDACTED;

/// A value that no capsule keeps: formatted or serialised it is `[redacted]`, wherever it stands.
///
/// ```
/// use capsules::Redacted;
///
/// #[derive(Debug)]
/// struct Login {
///     user: String,
///     password: Redacted<String>,
/// }
/// let login = Login { user: "ann".to_owned(), password: Redacted::new("hunter2".to_owned()) };
/// assert_eq!(format!("{login:?}"), r#"Login { user: "ann", password: [redacted] }"#);
/// assert_eq!(login.password.expose(), "hunter2");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Redacted<T: ?Sized>(T);

impl<T> Redacted<T> {
    /// Wraps the value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: ?Sized> Redacted<T> {
    /// The value itself.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: ?Sized> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T: ?Sized> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(REDACTED)
    }
}

impl<T: ?Sized> Serialize for Redacted<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

/// Whether a type is a well-known wrapper for secrets, or has one among its parameters.
///
/// The compiler does not promise how it spells a type; a test asks it for each of the wrappers.
pub(crate) fn is_secret<T: ?Sized>() -> bool {
    names_a_secret(type_name::<T>())
}

/// The same of a type's name. Names are read path by path: `&[secrecy::SecretBox<str>]` is `secrecy::SecretBox` and `str`.
pub(crate) fn names_a_secret(name: &str) -> bool {
    let outside = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':');
    // Shorter than the shortest of them, most names are done with here.
    name.len() >= "redact::Secret".len()
        && name.split(outside).any(|path| {
            let (Some((krate, _)), Some((_, last))) =
                (path.split_once("::"), path.rsplit_once("::"))
            else {
                return false;
            };
            match krate {
                "capsules" => last == "Redacted",
                "redact" => last == "Secret",
                "secrecy" => matches!(last, "Secret" | "SecretBox" | "SecretString" | "SecretVec"),
                "secstr" => matches!(last, "SecVec" | "SecBox" | "SecUtf8"),
                "secure_string" => last.starts_with("Secure"),
                "zeroize" => last == "Zeroizing",
                _ => false,
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_among_parameters_and_nothing_else_is() {
        for secret in [
            "secrecy::SecretBox<str>",
            "&mut secrecy::SecretBox<str>",
            "core::option::Option<&secrecy::SecretBox<str>>",
            "(u8, redact::Secret<alloc::string::String>)",
            "[zeroize::Zeroizing<alloc::vec::Vec<u8>>; 3]",
            "secstr::utf8::SecUtf8",
        ] {
            assert!(names_a_secret(secret), "{secret}");
        }
        for other in [
            "alloc::string::String",
            "my_secrecy::SecretBox<str>",
            "app::redact::Secret",
            "app::SecretBox<alloc::string::String>",
            "zeroize::Zeroize",
            "redact::SecretKeeper<alloc::string::String>",
        ] {
            assert!(!names_a_secret(other), "{other}");
        }
    }

    #[test]
    fn our_own_wrapper_is_one() {
        assert!(is_secret::<Option<Redacted<u8>>>());
        assert_eq!(
            serde_json::json!({ "key": Redacted::new(7) }).to_string(),
            r#"{"key":"[redacted]"}"#
        );
    }
}
