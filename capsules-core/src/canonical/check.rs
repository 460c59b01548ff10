//! Whether a stored content is in canonical form already, and what it says about its place in a
//! chain, in one pass that copies nothing.
//!
//! Most contents are stored as they were hashed. Such a text is its own canonical form, so its
//! bytes can be hashed as they are. For every other text the answer is `None`, which is no error:
//! [`canonicalize`](super::canonicalize) and [`Header::read`] then say what it is.

use std::cmp::Ordering;

use super::fields::{Field, Place};
use super::text::{compare, plain_prefix};
use crate::header::Header;

/// Reads the headers of contents, one after the other.
///
/// Most have the keys of the one before, in which case only the scalars between them are new.
#[derive(Debug, Default)]
pub(crate) struct CanonicalHeaders {
    /// The last content that was canonical; empty before the first.
    last: String,
    /// Its scalars.
    scalars: Vec<Scalar>,
}

impl CanonicalHeaders {
    /// The header of a content that [`canonicalize`](super::canonicalize) would leave as it is with
    /// [`Numbers::AsWritten`](super::Numbers::AsWritten). It is what [`Header::read`] gives.
    ///
    /// `None` also for what is canonical and unusual: a field of the header that holds an array or an
    /// object, and nesting deeper than [`DEEPEST`].
    pub(crate) fn read<'a>(&mut self, content: &'a str) -> Option<Header<'a>> {
        self.repeated(content).or_else(|| self.changed(content))
    }

    /// Reads a content that is the last one with other scalars.
    fn repeated<'a>(&self, content: &'a str) -> Option<Header<'a>> {
        let last = self.last.as_bytes();
        let mut checker = Checker::of(content, Vec::new());
        let mut end = 0;
        for scalar in &self.scalars {
            checker.rest = checker.rest.strip_prefix(&last[end..scalar.start])?;
            checker.scalar(scalar.field)?;
            end = scalar.end;
        }
        (end > 0 && checker.rest == &last[end..]).then_some(checker.header)
    }

    /// Reads any content.
    fn changed<'a>(&mut self, content: &'a str) -> Option<Header<'a>> {
        let mut scalars = std::mem::take(&mut self.scalars);
        scalars.clear();
        let mut checker = Checker::of(content, scalars);
        checker.document()?;
        if checker.scalars.len() < MOST_SCALARS && content.len() < MOST_BYTES {
            self.scalars = checker.scalars;
            self.last.clear();
            self.last.push_str(content);
        }
        Some(checker.header)
    }
}

/// What has more of them, or more bytes, is not remembered.
const MOST_SCALARS: usize = 1_024;
const MOST_BYTES: usize = 1 << 16;

/// Where a string, a number, a truth value or null stands in a content.
#[derive(Debug)]
struct Scalar {
    start: usize,
    end: usize,
    field: Option<Field>,
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
    /// What was read so far.
    scalars: Vec<Scalar>,
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

impl<'a> Checker<'a> {
    fn of(text: &'a str, scalars: Vec<Scalar>) -> Self {
        Self {
            text,
            rest: text.as_bytes(),
            open: Vec::new(),
            header: Header::default(),
            wanted: None,
            scalars,
        }
    }

    fn document(&mut self) -> Option<()> {
        if *self.rest.first()? != b'{' {
            return None;
        }
        self.open.reserve(16);
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
        match self.rest {
            [b'{', inside @ ..] => {
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
                Some(false)
            }
            [b'[', inside @ ..] => {
                // A section must be an object; only the environment may be anything.
                if !matches!(wanted, None | Some(Field::Section(Place::Environment))) {
                    return None;
                }
                self.enter(false, Place::Elsewhere, inside)?;
                if let [b']', rest @ ..] = inside {
                    self.leave(rest);
                    return Some(true);
                }
                Some(false)
            }
            _ => {
                let start = self.place();
                self.scalar(wanted)?;
                if self.scalars.len() < MOST_SCALARS {
                    let end = self.place();
                    let field = wanted;
                    self.scalars.push(Scalar { start, end, field });
                }
                Some(true)
            }
        }
    }

    /// Reads a string, a number, a truth value or null.
    fn scalar(&mut self, wanted: Option<Field>) -> Option<()> {
        let (start, place) = (self.rest, self.place());
        let mut escaped = false;
        match start {
            [b'"', inside @ ..] => escaped = self.string(inside)?.escaped,
            [b'-' | b'0'..=b'9', ..] => self.number()?,
            [b't', ..] => self.rest = start.strip_prefix(b"true")?,
            [b'f', ..] => self.rest = start.strip_prefix(b"false")?,
            [b'n', ..] => self.rest = start.strip_prefix(b"null")?,
            _ => return None,
        }
        match wanted {
            Some(field) => {
                let value = &self.text[place..self.place()];
                field.keep(&mut self.header, value, escaped)
            }
            None => Some(()),
        }
    }

    /// How much of the text was read.
    fn place(&self) -> usize {
        self.text.len() - self.rest.len()
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
        self.wanted = Field::of(container.place, key.bytes);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::canonical::{Numbers, canonicalize};

    fn canonical_header(text: &str) -> Option<Header<'_>> {
        CanonicalHeaders::default().read(text)
    }

    /// Checks a text against the two slow ways. Says whether it was found canonical.
    fn check(text: &str) -> Result<bool, TestCaseError> {
        let canonical = canonicalize(text.as_bytes(), Numbers::AsWritten);
        let slow = Header::read(text).ok();
        let header = canonical_header(text);
        if header.is_some() {
            prop_assert_eq!(canonical.as_deref().ok(), Some(text));
            prop_assert_eq!(&header, &slow);
        }
        // After itself it is read another way.
        let mut headers = CanonicalHeaders::default();
        for _ in 0..2 {
            prop_assert_eq!(headers.read(text), canonical_header(text));
        }
        Ok(header.is_some())
    }

    /// A text in which a scalar is another, or whose end or beginning is missing.
    fn edited(text: &str, place: prop::sample::Index, kind: usize, new: &str) -> String {
        let mut headers = CanonicalHeaders::default();
        headers.read(text);
        if headers.scalars.is_empty() {
            return new.to_owned();
        }
        let Scalar { start, end, .. } = headers.scalars[place.index(headers.scalars.len())];
        match kind {
            0 => format!("{}{new}{}", &text[..start], &text[end..]),
            1 => format!("{}{new}", &text[..start]),
            _ => format!("{new}{}", &text[end..]),
        }
    }

    /// JSON values, whose strings have everything that is treated specially.
    fn value() -> impl Strategy<Value = String> {
        scalar_text().prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec((key(), inner), 0..5).prop_map(|members| object(&members)),
            ]
        })
    }

    fn scalar_text() -> impl Strategy<Value = String> {
        let string = "\"([a-c]|é|😀|\\\\n|\\\\u000[0-9a-f]|\\\\u001f|\\\\\"|\\\\/|\u{7f}){0,4}\"";
        prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            "-?(0|[1-9][0-9]{0,20})([.][0-9]{1,3})?([eE][+-]?[0-9]{1,3})?",
            string,
        ]
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

        /// Whatever was read before, a document is judged as by itself.
        #[test]
        fn what_was_read_before_changes_nothing(
            document in document(),
            edits in prop::collection::vec(
                (any::<prop::sample::Index>(), 0..3_usize, scalar_text()), 1..6),
        ) {
            let Ok(canonical) = canonicalize(document.as_bytes(), Numbers::AsWritten) else {
                return Ok(());
            };
            let mut headers = CanonicalHeaders::default();
            let mut text = canonical.clone();
            for (place, kind, new) in edits {
                prop_assert_eq!(headers.read(&text), canonical_header(&text), "{}", text);
                text = edited(&canonical, place, kind, &new);
            }
            prop_assert_eq!(headers.read(&text), canonical_header(&text), "{}", text);
            prop_assert_eq!(headers.read(&canonical), canonical_header(&canonical));
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
            let mutated = format!("{}{with}{rest}", &canonical[..at]);
            check(&mutated)?;
            let mut headers = CanonicalHeaders::default();
            headers.read(&canonical);
            prop_assert_eq!(headers.read(&mutated), canonical_header(&mutated));
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
