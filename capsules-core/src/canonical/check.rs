//! Whether a stored content is in canonical form already, and what it says about its place in a
//! chain, in one pass that copies nothing.
//!
//! Most contents are stored as they were hashed. Such a text is its own canonical form, so its
//! bytes can be hashed as they are. For every other text the answer is `None`, which is no error:
//! [`canonicalize`](super::canonicalize) and [`Header::read`] then say what it is.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::text::{compare, plain_prefix, unescape};
use crate::capsule::TENANT_KEY;
use crate::header::Header;

/// The header of a content that [`canonicalize`](super::canonicalize) would leave as it is with
/// [`Numbers::AsWritten`](super::Numbers::AsWritten). It is what [`Header::read`] gives.
///
/// `None` also for what is canonical and unusual: a field of the header that holds an array or an
/// object, and nesting deeper than [`DEEPEST`].
pub(crate) fn canonical_header(content: &str) -> Option<Header<'_>> {
    let mut checker = Checker {
        text: content,
        rest: content.as_bytes(),
        open: Vec::with_capacity(16),
        header: Header::default(),
        wanted: None,
    };
    checker.document()?;
    Some(checker.header)
}

/// Containers within containers, beyond which the check gives up instead of keeping a note of
/// each.
const DEEPEST: usize = 128;

struct Checker<'a> {
    text: &'a str,
    /// What of the text was not read yet.
    rest: &'a [u8],
    open: Vec<Container<'a>>,
    header: Header<'a>,
    /// The field of the header that the next value is.
    wanted: Option<Field>,
}

struct Container<'a> {
    is_object: bool,
    place: Place,
    /// The last key.
    key: Option<Text<'a>>,
}

/// A string as it stands in the text, without its quotes.
#[derive(Clone, Copy)]
struct Text<'a> {
    bytes: &'a [u8],
    /// Whether it contains escapes.
    escaped: bool,
}

/// The objects in which fields of the header stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Trigger,
    Context,
    Environment,
    Elsewhere,
}

#[derive(Clone, Copy)]
enum Field {
    Id,
    Kind,
    Domain,
    Sequence,
    PreviousHash,
    SessionId,
    TenantId,
    Timestamp,
    /// An object in which further fields stand.
    Section(Place),
}

impl<'a> Checker<'a> {
    fn document(&mut self) -> Option<()> {
        if *self.rest.first()? != b'{' {
            return None;
        }
        self.wanted = Some(Field::Section(Place::Root));
        loop {
            if self.value()? && !self.next_value()? {
                return self.rest.is_empty().then_some(());
            }
        }
    }

    /// Reads a value, or the beginning of a container up to its first value. Returns whether the
    /// value is complete.
    fn value(&mut self) -> Option<bool> {
        let wanted = self.wanted.take();
        let start = self.rest;
        let mut escaped = false;
        let (&first, inside) = start.split_first()?;
        match first {
            b'{' => {
                let place = match wanted {
                    None => Place::Elsewhere,
                    Some(Field::Section(place)) => place,
                    Some(_) => return None,
                };
                self.enter(true, place, inside)?;
                if let [b'}', rest @ ..] = inside {
                    self.leave(rest);
                    return Some(true);
                }
                self.key()?;
                return Some(false);
            }
            b'[' => {
                // A section must be an object; only the environment may be anything.
                if !matches!(wanted, None | Some(Field::Section(Place::Environment))) {
                    return None;
                }
                self.enter(false, Place::Elsewhere, inside)?;
                if let [b']', rest @ ..] = inside {
                    self.leave(rest);
                    return Some(true);
                }
                return Some(false);
            }
            b'"' => escaped = self.string(inside)?.escaped,
            b'-' | b'0'..=b'9' => self.number()?,
            b't' => self.rest = start.strip_prefix(b"true")?,
            b'f' => self.rest = start.strip_prefix(b"false")?,
            b'n' => self.rest = start.strip_prefix(b"null")?,
            _ => return None,
        }
        if let Some(field) = wanted {
            let place = |rest: &[u8]| self.text.len() - rest.len();
            let value = &self.text[place(start)..place(self.rest)];
            self.keep(field, value, escaped)?;
        }
        Some(true)
    }

    /// Goes from the end of a value to the next one. Returns false when the outermost value has
    /// ended.
    fn next_value(&mut self) -> Option<bool> {
        while let Some(container) = self.open.last() {
            let (&byte, rest) = self.rest.split_first()?;
            match (byte, container.is_object) {
                (b',', is_object) => {
                    self.rest = rest;
                    if is_object {
                        self.key()?;
                    }
                    return Some(true);
                }
                (b'}', true) | (b']', false) => self.leave(rest),
                _ => return None,
            }
        }
        Some(false)
    }

    fn enter(&mut self, is_object: bool, place: Place, inside: &'a [u8]) -> Option<()> {
        if self.open.len() == DEEPEST {
            return None;
        }
        self.rest = inside;
        self.open.push(Container {
            is_object,
            place,
            key: None,
        });
        Some(())
    }

    fn leave(&mut self, rest: &'a [u8]) {
        self.rest = rest;
        self.open.pop();
    }

    /// Reads a key, which must come after the one before it, and the colon behind it.
    fn key(&mut self) -> Option<()> {
        let [b'"', inside @ ..] = self.rest else {
            return None;
        };
        let key = self.string(inside)?;
        self.rest = self.rest.strip_prefix(b":")?;
        let container = self.open.last_mut()?;
        if let Some(before) = container.key {
            let escaped = key.escaped || before.escaped;
            if compare(before.bytes, key.bytes, escaped) != Ordering::Less {
                return None;
            }
        }
        container.key = Some(key);
        self.wanted = field(container.place, key.bytes);
        Some(())
    }

    /// Reads a string, of which the opening quote was read.
    fn string(&mut self, inside: &'a [u8]) -> Option<Text<'a>> {
        let (mut rest, mut escaped) = (inside, false);
        loop {
            rest = &rest[plain_prefix(rest)..];
            if let [b'"', after @ ..] = rest {
                self.rest = after;
                let bytes = &inside[..inside.len() - rest.len()];
                return Some(Text { bytes, escaped });
            }
            rest = behind_escape(rest)?;
            escaped = true;
        }
    }

    fn number(&mut self) -> Option<()> {
        self.accept(|byte| byte == b'-');
        if !self.accept(|byte| byte == b'0') {
            self.digits()?;
        }
        if self.accept(|byte| byte == b'.') {
            self.digits()?;
        }
        if self.accept(|byte| matches!(byte, b'e' | b'E')) {
            self.accept(|byte| matches!(byte, b'+' | b'-'));
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit());
        let count = digits.count();
        self.rest = &self.rest[count..];
        (count > 0).then_some(())
    }

    /// Passes over one byte if it is such.
    fn accept(&mut self, is_such: impl FnOnce(u8) -> bool) -> bool {
        match self.rest {
            [byte, rest @ ..] if is_such(*byte) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn keep(&mut self, field: Field, value: &'a str, escaped: bool) -> Option<()> {
        let header = &mut self.header;
        let place = match field {
            Field::Id => &mut header.id,
            Field::Kind => &mut header.kind,
            Field::Domain => &mut header.domain,
            Field::PreviousHash => &mut header.previous_hash,
            Field::SessionId => &mut header.session_id,
            Field::TenantId => &mut header.tenant_id,
            Field::Timestamp => &mut header.timestamp,
            Field::Sequence => {
                header.sequence = Some(value);
                return Some(());
            }
            Field::Section(Place::Environment) => return Some(()),
            Field::Section(_) => return None,
        };
        *place = scalar(value, escaped)?;
        Some(())
    }
}

/// What follows an escape in its one spelling.
fn behind_escape(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'\\', b'"' | b'\\' | b'b' | b't' | b'n' | b'f' | b'r', rest @ ..]
        // The control characters that have no short escape.
        | [
            b'\\',
            b'u',
            b'0',
            b'0',
            b'0',
            b'0'..=b'7' | b'b' | b'e' | b'f',
            rest @ ..,
        ]
        | [b'\\', b'u', b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f', rest @ ..] => Some(rest),
        _ => None,
    }
}

fn field(place: Place, key: &[u8]) -> Option<Field> {
    Some(match (place, key) {
        (Place::Root, b"id") => Field::Id,
        (Place::Root, b"type") => Field::Kind,
        (Place::Root, b"domain") => Field::Domain,
        (Place::Root, b"sequence") => Field::Sequence,
        (Place::Root, b"previous_hash") => Field::PreviousHash,
        (Place::Root, b"trigger") => Field::Section(Place::Trigger),
        (Place::Root, b"context") => Field::Section(Place::Context),
        (Place::Trigger, b"timestamp") => Field::Timestamp,
        (Place::Context, b"session_id") => Field::SessionId,
        (Place::Context, b"environment") => Field::Section(Place::Environment),
        (Place::Environment, key) if key == TENANT_KEY.as_bytes() => Field::TenantId,
        _ => return None,
    })
}

/// The text of a string, nothing for null, and of other values the JSON text.
#[expect(clippy::option_option, reason = "not readable, absent, present")]
fn scalar(value: &str, escaped: bool) -> Option<Option<Cow<'_, str>>> {
    if value == "null" {
        return Some(None);
    }
    let Some(inner) = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return Some(Some(Cow::Borrowed(value)));
    };
    if escaped {
        let text = String::from_utf8(unescape(inner.as_bytes()).collect()).ok()?;
        return Some(Some(Cow::Owned(text)));
    }
    Some(Some(Cow::Borrowed(inner)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::canonical::{Numbers, canonicalize};

    /// Checks a text against the two slow ways. Says whether it was found canonical.
    fn check(text: &str) -> Result<bool, TestCaseError> {
        let canonical = canonicalize(text.as_bytes(), Numbers::AsWritten);
        let slow = Header::read(text).ok();
        let Some(header) = canonical_header(text) else {
            return Ok(false);
        };
        prop_assert_eq!(canonical.as_deref().ok(), Some(text));
        prop_assert_eq!(Some(header), slow);
        Ok(true)
    }

    /// JSON values, whose strings have everything that is treated specially.
    fn value() -> impl Strategy<Value = String> {
        let string = "\"([a-c]|é|😀|\\\\n|\\\\u000[0-9a-f]|\\\\u001f|\\\\\"|\\\\/|\u{7f}){0,4}\"";
        let scalar = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            "-?(0|[1-9][0-9]{0,20})([.][0-9]{1,3})?([eE][+-]?[0-9]{1,3})?",
            string,
        ];
        scalar.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec((key(), inner), 0..5).prop_map(|members| object(&members)),
            ]
        })
    }

    fn key() -> impl Strategy<Value = String> {
        prop_oneof![
            prop::sample::select(vec![
                "id",
                "type",
                "domain",
                "sequence",
                "previous_hash",
                "trigger",
                "timestamp",
                "context",
                "session_id",
                "environment",
                "tenant_id",
            ])
            .prop_map(|name| format!("\"{name}\"")),
            "\"([a-c]|é|😀|\u{ffff}|\\\\n|\\\\u0001|\\\\\"){0,3}\"",
        ]
    }

    fn object(members: &[(String, String)]) -> String {
        let members: Vec<String> = members
            .iter()
            .map(|(key, value)| format!("{key}:{value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    }

    /// Documents with the sections of a capsule more often than chance would make them.
    fn document() -> impl Strategy<Value = String> {
        let section = prop::collection::vec((key(), value()), 0..4);
        let environment = prop::collection::vec((key(), value()), 0..3);
        let members = prop::collection::vec((key(), value()), 0..6);
        (members, section, environment).prop_map(|(mut members, mut section, environment)| {
            section.push(("\"environment\"".to_owned(), object(&environment)));
            let section = object(&section);
            members.push(("\"context\"".to_owned(), section.clone()));
            members.push(("\"trigger\"".to_owned(), section));
            object(&members)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// What is found canonical is, and no canonical document of usual form is missed.
        #[test]
        fn the_check_agrees_with_rewriting(document in document()) {
            check(&document)?;
            let Ok(canonical) = canonicalize(document.as_bytes(), Numbers::AsWritten) else {
                return Ok(());
            };
            let unusual = Header::read(&canonical).map_or(true, |header| {
                let texts = [&header.id, &header.kind, &header.domain, &header.previous_hash,
                    &header.session_id, &header.tenant_id, &header.timestamp];
                texts.iter().any(|text| {
                    text.as_ref().is_some_and(|text| text.starts_with(['{', '[']))
                }) || header.sequence.is_some_and(|text| text.starts_with(['{', '[']))
            });
            let found = check(&canonical)?;
            prop_assert!(found || unusual, "{}", canonical);
        }

        /// A canonical document of which a byte was changed, added or taken away.
        #[test]
        fn mutations_are_judged_as_rewriting_judges_them(
            document in document(),
            place in any::<prop::sample::Index>(),
            with in prop::sample::select(vec!["", " ", "0", "1", "\"", "\\", "a", ",", "{", "}", "u", ".", "\u{0}"]),
            cut in 0..2_usize,
        ) {
            let Ok(canonical) = canonicalize(document.as_bytes(), Numbers::AsWritten) else {
                return Ok(());
            };
            let places: Vec<usize> = canonical.char_indices().map(|(at, _)| at).collect();
            let at = places[place.index(places.len())];
            let rest = canonical[at..].chars().skip(cut).collect::<String>();
            check(&format!("{}{with}{rest}", &canonical[..at]))?;
        }
    }

    #[test]
    fn only_the_one_spelling_is_canonical() {
        for text in [
            "{}",
            r#"{"a":[],"b":{},"c":[[1,-0,1.50,1E-7],{"x":null}]}"#,
            r#"{"":"\n\u0001\u001f\"\\","a":"/é😀"}"#,
            r#"{"\n":1,"A":2}"#,
            "{\"\u{ffff}\":1,\"\u{10000}\":2}",
        ] {
            assert!(check(text).unwrap(), "{text}");
        }
        for text in [
            "",
            "[]",
            "null",
            " {}",
            "{} ",
            "{}{}",
            r#"{"a": 1}"#,
            r#"{"b":1,"a":2}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"A":2,"\n":1}"#,
            r#"{"a":"\/"}"#,
            r#"{"a":"\u0041"}"#,
            r#"{"a":"\u000A"}"#,
            r#"{"a":"\u000a"}"#,
            r#"{"a":"\u001F"}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":-}"#,
            r#"{"a":+1}"#,
            r#"{"a":1e}"#,
            r#"{"a":tru}"#,
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{"a":[1,]}"#,
            r#"{"a":[1}"#,
            r#"{"a":"b"#,
            r#"{"a":"\u00"#,
            "{",
            "{\"a\":\"\t\"}",
            r#"{"trigger":[]}"#,
            r#"{"context":null}"#,
        ] {
            assert!(!check(text).unwrap(), "{text}");
        }
    }

    #[test]
    fn depth_has_an_end() {
        let nested = |depth| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(check(&nested(DEEPEST - 1)).unwrap());
        assert!(!check(&nested(DEEPEST)).unwrap());
        assert!(!check(&nested(1_000_000)).unwrap());
    }
}
