//! `capsule://` URIs: references to a capsule, and to a field of it.

use std::fmt;
use std::str::FromStr;

use serde::ser::{Serialize, SerializeStruct, Serializer};
use uuid::Uuid;

/// A reference to a capsule, with an optional path into its content.
///
/// | form | names |
/// |---|---|
/// | `capsule://sha3_<64 lower-case hex digits>` | the capsule with this hash |
/// | `capsule://<chain>/sha3_<64 lower-case hex digits>` | the same, and the chain that holds it |
/// | `capsule://<chain>/<sequence>` | a place in a chain |
/// | `capsule://<UUID>` | the capsule with this id |
///
/// A chain's name consists of `A-Z a-z 0-9 . _ -`. The fragment is a path of such names joined by
/// `/` that begins with one of the six sections. A sequence has no leading zeros, so that each
/// place has one spelling.
///
/// Serde writes the parts as an object with the keys `scheme`, `chain`, `reference_type`,
/// `hash_algorithm`, `hash_value`, `sequence`, `id` and `fragment`; absent parts are null.
///
/// ```
/// use capsules_core::uri::{CapsuleUri, Reference};
///
/// let uri: CapsuleUri = "capsule://deploy-bot/42#reasoning/confidence".parse()?;
/// assert_eq!(uri.chain(), Some("deploy-bot"));
/// assert_eq!(uri.reference(), &Reference::Sequence(42));
/// assert_eq!(uri.fragment(), Some("reasoning/confidence"));
/// assert_eq!(uri.to_string(), "capsule://deploy-bot/42#reasoning/confidence");
/// # Ok::<(), capsules_core::uri::UriError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CapsuleUri {
    chain: Option<String>,
    reference: Reference,
    fragment: Option<String>,
}

/// What a [`CapsuleUri`] names a capsule by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    /// Its SHA3-256 hash, as 64 lower-case hexadecimal digits.
    Hash(String),
    /// Its place in the chain.
    Sequence(u64),
    /// Its id.
    Id(Uuid),
}

impl CapsuleUri {
    /// The chain, where the URI names one. A [`Reference::Sequence`] always has one.
    pub fn chain(&self) -> Option<&str> {
        self.chain.as_deref()
    }

    /// What the capsule is named by.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// The path into the content, such as `execution/tool_calls/0`, without the `#`.
    pub fn fragment(&self) -> Option<&str> {
        self.fragment.as_deref()
    }
}

/// Why a text is not a `capsule://` URI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// The text is empty.
    #[error("the URI is empty")]
    Empty,
    /// The text does not begin with `capsule://`.
    #[error("`{uri}` does not begin with `capsule://`")]
    Scheme {
        /// The text that was read.
        uri: String,
    },
    /// Nothing follows the scheme or the chain.
    #[error("the URI names no capsule")]
    MissingReference,
    /// The chain's name is empty or has other characters than `A-Z a-z 0-9 . _ -`.
    #[error("`{chain}` is not the name of a chain; it consists of A-Z a-z 0-9 . _ -")]
    Chain {
        /// The name that was read.
        chain: String,
    },
    /// The hash does not have 64 digits.
    #[error("the hash has {length} characters instead of 64")]
    HashLength {
        /// How many characters it has.
        length: usize,
    },
    /// The hash has a character that is no lower-case hexadecimal digit.
    #[error("`{character}` in the hash is not a lower-case hexadecimal digit")]
    HashDigit {
        /// The first such character.
        character: char,
    },
    /// The prefix before the hash is not `sha3_`.
    #[error("`{prefix}_` is not a known hash algorithm; the only one is `sha3_`")]
    HashAlgorithm {
        /// The prefix that was read.
        prefix: String,
    },
    /// The sequence is not a decimal number from 0 to 18446744073709551615 without leading zeros.
    #[error(
        "`{sequence}` is not a sequence: it is a decimal number from 0 to {}, without sign or \
         leading zeros",
        u64::MAX
    )]
    Sequence {
        /// The text that was read.
        sequence: String,
    },
    /// The text after the scheme is no hash, no place in a chain and no UUID.
    #[error(
        "`{reference}` names no capsule: it is neither `sha3_` and a hash, nor a UUID, nor a chain \
         and a sequence"
    )]
    Reference {
        /// The text that was read.
        reference: String,
    },
    /// The fragment does not begin with one of the six sections.
    #[error(
        "the fragment begins with `{section}`, which is not a section; the sections are trigger, \
         context, reasoning, authority, execution and outcome"
    )]
    Section {
        /// The first name of the path.
        section: String,
    },
    /// A name in the fragment's path is empty, `.`, `..` or has other characters than
    /// `A-Z a-z 0-9 . _ -`.
    #[error("`{token}` in the fragment is not the name of a field")]
    Token {
        /// The name that was read.
        token: String,
    },
}

impl FromStr for CapsuleUri {
    type Err = UriError;

    fn from_str(uri: &str) -> Result<Self, Self::Err> {
        if uri.is_empty() {
            return Err(UriError::Empty);
        }
        let rest = uri
            .strip_prefix(SCHEME)
            .and_then(|rest| rest.strip_prefix("://"))
            .ok_or_else(|| UriError::Scheme {
                uri: uri.to_owned(),
            })?;
        let (path, fragment) = match rest.split_once('#') {
            Some((path, fragment)) => (path, Some(parse_fragment(fragment)?)),
            None => (rest, None),
        };
        let (chain, reference) = match path.split_once('/') {
            Some((chain, reference)) => (
                Some(parse_chain(chain)?),
                parse_reference_in_chain(reference)?,
            ),
            None => (None, parse_reference(path)?),
        };
        Ok(Self {
            chain,
            reference,
            fragment,
        })
    }
}

impl fmt::Display for CapsuleUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}://")?;
        if let Some(chain) = &self.chain {
            write!(f, "{chain}/")?;
        }
        match &self.reference {
            Reference::Hash(hash) => write!(f, "{SHA3}_{hash}")?,
            Reference::Sequence(sequence) => write!(f, "{sequence}")?,
            Reference::Id(id) => write!(f, "{id}")?,
        }
        match &self.fragment {
            Some(fragment) => write!(f, "#{fragment}"),
            None => Ok(()),
        }
    }
}

impl Serialize for CapsuleUri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (kind, hash, sequence, id) = match &self.reference {
            Reference::Hash(hash) => ("hash", Some(hash), None, None),
            Reference::Sequence(sequence) => ("sequence", None, Some(sequence), None),
            Reference::Id(id) => ("id", None, None, Some(id)),
        };
        let mut parts = serializer.serialize_struct("CapsuleUri", 8)?;
        parts.serialize_field("scheme", SCHEME)?;
        parts.serialize_field("chain", &self.chain)?;
        parts.serialize_field("reference_type", kind)?;
        parts.serialize_field("hash_algorithm", &hash.map(|_| SHA3))?;
        parts.serialize_field("hash_value", &hash)?;
        parts.serialize_field("sequence", &sequence)?;
        parts.serialize_field("id", &id)?;
        parts.serialize_field("fragment", &self.fragment)?;
        parts.end()
    }
}

fn parse_chain(chain: &str) -> Result<String, UriError> {
    if is_name(chain) {
        Ok(chain.to_owned())
    } else {
        Err(UriError::Chain {
            chain: chain.to_owned(),
        })
    }
}

fn parse_reference_in_chain(text: &str) -> Result<Reference, UriError> {
    if text.is_empty() {
        return Err(UriError::MissingReference);
    }
    if let Some((prefix, digits)) = text.split_once('_') {
        return parse_hash(prefix, digits);
    }
    let sequence = || UriError::Sequence {
        sequence: text.to_owned(),
    };
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if leading_zero || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(sequence());
    }
    text.parse()
        .map(Reference::Sequence)
        .map_err(|_| sequence())
}

fn parse_reference(text: &str) -> Result<Reference, UriError> {
    if text.is_empty() {
        return Err(UriError::MissingReference);
    }
    if let Some((prefix, digits)) = text.split_once('_') {
        return parse_hash(prefix, digits);
    }
    // The parser of `uuid` also accepts braces, `urn:uuid:` and digits without hyphens.
    match Uuid::try_parse(text) {
        Ok(id) if text.len() == HYPHENATED_UUID => Ok(Reference::Id(id)),
        _ => Err(UriError::Reference {
            reference: text.to_owned(),
        }),
    }
}

fn parse_hash(prefix: &str, digits: &str) -> Result<Reference, UriError> {
    if prefix != SHA3 {
        return Err(UriError::HashAlgorithm {
            prefix: prefix.to_owned(),
        });
    }
    if let Some(character) = digits
        .chars()
        .find(|digit| !matches!(digit, '0'..='9' | 'a'..='f'))
    {
        return Err(UriError::HashDigit { character });
    }
    if digits.len() != HASH_DIGITS {
        return Err(UriError::HashLength {
            length: digits.len(),
        });
    }
    Ok(Reference::Hash(digits.to_owned()))
}

fn parse_fragment(fragment: &str) -> Result<String, UriError> {
    let mut tokens = fragment.split('/');
    let section = tokens.next().unwrap_or_default();
    if !SECTIONS.contains(&section) {
        return Err(UriError::Section {
            section: section.to_owned(),
        });
    }
    for token in tokens {
        if !is_name(token) || matches!(token, "." | "..") {
            return Err(UriError::Token {
                token: token.to_owned(),
            });
        }
    }
    Ok(fragment.to_owned())
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

const SCHEME: &str = "capsule";
const SHA3: &str = "sha3";
const HASH_DIGITS: usize = 64;
const HYPHENATED_UUID: usize = 36;
const SECTIONS: [&str; 6] = [
    "trigger",
    "context",
    "reasoning",
    "authority",
    "execution",
    "outcome",
];

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "8c71e187dfbffca067265f576d9fb72ee8a223c3dff801dd7c5dd8fcb915f2cd";

    #[test]
    fn what_is_written_is_read_again() {
        for uri in [
            format!("capsule://sha3_{HASH}"),
            format!("capsule://a/sha3_{HASH}#outcome"),
            "capsule://org.team_x-1/18446744073709551615".to_owned(),
            "capsule://sha3_/0".to_owned(),
            "capsule://a1b2c3d4-e5f6-7890-abcd-ef1234567890#context/environment/v1.2".to_owned(),
        ] {
            assert_eq!(uri.parse::<CapsuleUri>().unwrap().to_string(), uri);
        }
    }

    #[test]
    fn each_error_names_what_is_wrong() {
        let chain = |chain: &str| UriError::Chain {
            chain: chain.to_owned(),
        };
        let sequence = |text: &str| UriError::Sequence {
            sequence: text.to_owned(),
        };
        let section = |section: &str| UriError::Section {
            section: section.to_owned(),
        };
        let token = |token: &str| UriError::Token {
            token: token.to_owned(),
        };
        for (uri, error) in [
            (String::new(), UriError::Empty),
            (
                "Capsule://a/1".to_owned(),
                UriError::Scheme {
                    uri: "Capsule://a/1".to_owned(),
                },
            ),
            (
                "capsule:a/1".to_owned(),
                UriError::Scheme {
                    uri: "capsule:a/1".to_owned(),
                },
            ),
            ("capsule://".to_owned(), UriError::MissingReference),
            ("capsule://#outcome".to_owned(), UriError::MissingReference),
            ("capsule://a/".to_owned(), UriError::MissingReference),
            ("capsule:///1".to_owned(), chain("")),
            ("capsule://a%20b/1".to_owned(), chain("a%20b")),
            ("capsule://ä/1".to_owned(), chain("ä")),
            ("capsule://a/-1".to_owned(), sequence("-1")),
            ("capsule://a/+1".to_owned(), sequence("+1")),
            ("capsule://a/007".to_owned(), sequence("007")),
            (
                "capsule://a/18446744073709551616".to_owned(),
                sequence("18446744073709551616"),
            ),
            ("capsule://a/b/1".to_owned(), sequence("b/1")),
            ("capsule://a/1?x".to_owned(), sequence("1?x")),
            (
                format!("capsule://sha3_{}", &HASH[1..]),
                UriError::HashLength { length: 63 },
            ),
            (
                format!("capsule://sha3_{HASH}0"),
                UriError::HashLength { length: 65 },
            ),
            (
                format!("capsule://sha3_{}", HASH.to_uppercase()),
                UriError::HashDigit { character: 'C' },
            ),
            (
                format!("capsule://a/sha2_{HASH}"),
                UriError::HashAlgorithm {
                    prefix: "sha2".to_owned(),
                },
            ),
            (
                "capsule://42".to_owned(),
                UriError::Reference {
                    reference: "42".to_owned(),
                },
            ),
            ("capsule://a/1#".to_owned(), section("")),
            ("capsule://a/1#seal".to_owned(), section("seal")),
            ("capsule://a/1#..".to_owned(), section("..")),
            ("capsule://a/1#outcome/".to_owned(), token("")),
            ("capsule://a/1#outcome/../trigger".to_owned(), token("..")),
            ("capsule://a/1#outcome/%2e%2e".to_owned(), token("%2e%2e")),
            (
                "capsule://a/1#outcome#trigger".to_owned(),
                section("outcome#trigger"),
            ),
        ] {
            assert_eq!(uri.parse::<CapsuleUri>(), Err(error), "{uri}");
        }
    }

    #[test]
    fn only_the_hyphenated_form_of_a_uuid_is_read() {
        for id in [
            "a1b2c3d4e5f67890abcdef1234567890",
            "{a1b2c3d4-e5f6-7890-abcd-ef1234567890}",
            "urn:uuid:a1b2c3d4-e5f6-7890-abcd-ef1234567890",
        ] {
            assert!(
                format!("capsule://{id}").parse::<CapsuleUri>().is_err(),
                "{id}"
            );
        }
        let upper = "capsule://A1B2C3D4-E5F6-7890-ABCD-EF1234567890"
            .parse::<CapsuleUri>()
            .unwrap();
        assert_eq!(
            upper.to_string(),
            "capsule://a1b2c3d4-e5f6-7890-abcd-ef1234567890"
        );
    }
}
