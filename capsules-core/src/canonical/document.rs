//! Canonical JSON of stored documents, from their text.

use std::cmp::Ordering;
use std::ops::Range;

use super::lexer::{Lexer, NumberToken};
use super::number::write_float;
use super::order::{Unsorted, reorder};
use super::text::{compare, unescape};
use super::{CanonicalError, Numbers};

/// The canonical form of any JSON document.
///
/// The document must be strict JSON (RFC 8259) in UTF-8 without a byte order mark. Duplicate keys
/// and lone surrogates are refused, because readers disagree on what they mean. The time is
/// linear in the size, apart from sorting, and nothing recurses, so nesting is limited by memory
/// only.
///
/// ```
/// use capsules_core::canonical::{Numbers, canonicalize};
///
/// let stored = br#"{ "b": [1.50, 1E-7], "a": "\u00e9" }"#;
/// assert_eq!(canonicalize(stored, Numbers::AsWritten)?, r#"{"a":"é","b":[1.50,1E-7]}"#);
/// assert_eq!(canonicalize(stored, Numbers::Python)?, r#"{"a":"é","b":[1.5,1e-07]}"#);
/// # Ok::<(), capsules_core::canonical::CanonicalError>(())
/// ```
///
/// # Errors
///
/// [`CanonicalError::Syntax`] when the document is not JSON, [`CanonicalError::DuplicateKey`], and
/// with [`Numbers::Python`] [`CanonicalError::NumberTooLarge`].
pub fn canonicalize(document: &[u8], numbers: Numbers) -> Result<String, CanonicalError> {
    let mut rewriter = Rewriter::new(document, numbers)?;
    rewriter.run(|_, _, _| Ok(true))?;
    Ok(rewriter.finish())
}

/// Rewrites a document in its own order without white space, and keeps note of the objects whose
/// members are to be put in order afterwards.
pub(super) struct Rewriter<'a> {
    lexer: Lexer<'a>,
    numbers: Numbers,
    /// The document as far as it was read, canonical but for the order of members.
    flat: String,
    open: Vec<Container>,
    /// The members of the open objects, the outermost object's first.
    members: Vec<Member>,
    unsorted: Vec<Unsorted>,
    /// The members of the unsorted objects.
    sorted_members: Vec<Range<usize>>,
}

/// An object or array whose end has not been read.
struct Container {
    is_object: bool,
    place: Place,
    /// Where it begins in `flat`.
    start: usize,
    /// Where its members begin in `members`.
    members: usize,
    /// Whether its members so far are in order.
    sorted: bool,
}

/// Where a container stands, as far as that matters for float-typed fields.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Reasoning,
    Options,
    Option,
    Elsewhere,
}

/// A member of an object, by its place in `flat`.
struct Member {
    /// From the key's opening quote to the end of the value.
    span: Range<usize>,
    /// The position of the key's closing quote.
    key_end: usize,
    /// Whether the key contains escapes.
    escaped: bool,
    /// Where the key stands in the document.
    offset: usize,
}

impl<'a> Rewriter<'a> {
    pub(super) fn new(document: &'a [u8], numbers: Numbers) -> Result<Self, CanonicalError> {
        Ok(Self {
            lexer: Lexer::new(document)?,
            numbers,
            flat: String::with_capacity(document.len()),
            open: Vec::new(),
            members: Vec::new(),
            unsorted: Vec::new(),
            sorted_members: Vec::new(),
        })
    }

    /// Reads the whole document. `keep` is shown each member of the outermost object, as its key,
    /// its value (both in canonical form) and the key's offset, and says whether it stays.
    pub(super) fn run(
        &mut self,
        mut keep: impl FnMut(&str, &str, usize) -> Result<bool, CanonicalError>,
    ) -> Result<(), CanonicalError> {
        loop {
            while !self.value()? {}
            if !self.next_value(&mut keep)? {
                break;
            }
        }
        match self.lexer.next_token() {
            None => Ok(()),
            Some(_) => Err(self.lexer.unexpected("the end of the document")),
        }
    }

    /// The document in canonical form.
    pub(super) fn finish(mut self) -> String {
        if self.unsorted.is_empty() {
            return self.flat;
        }
        self.unsorted
            .sort_unstable_by_key(|object| object.span.start);
        reorder(&self.flat, &self.unsorted, &self.sorted_members)
    }

    /// Reads a value, or the beginning of a container up to its first value. Returns whether the
    /// value is complete.
    fn value(&mut self) -> Result<bool, CanonicalError> {
        match self.lexer.next_token() {
            Some(b'{') => {
                self.enter(true);
                match self.lexer.next_token() {
                    Some(b'}') => self.leave()?,
                    Some(b'"') => return self.key().map(|()| false),
                    _ => return Err(self.lexer.unexpected("a key in quotes or `}`")),
                }
            }
            Some(b'[') => {
                self.enter(false);
                match self.lexer.next_token() {
                    Some(b']') => self.leave()?,
                    _ => return Ok(false),
                }
            }
            Some(b'"') => {
                self.lexer.string(&mut self.flat)?;
            }
            Some(b'-' | b'0'..=b'9') => {
                let number = self.lexer.number()?;
                self.number(&number)?;
            }
            _ => self.lexer.word(&mut self.flat)?,
        }
        Ok(true)
    }

    /// Goes from the end of a value to the next one, closing the containers that end between
    /// them. Returns false when the outermost value has ended.
    fn next_value(
        &mut self,
        keep: &mut impl FnMut(&str, &str, usize) -> Result<bool, CanonicalError>,
    ) -> Result<bool, CanonicalError> {
        while let Some(is_object) = self.open.last().map(|container| container.is_object) {
            if is_object {
                self.end_member(keep)?;
            }
            match (self.lexer.next_token(), is_object) {
                (Some(b','), true) => {
                    self.lexer.advance();
                    return match self.lexer.next_token() {
                        Some(b'"') => self.key().map(|()| true),
                        _ => Err(self.lexer.unexpected("a key in quotes")),
                    };
                }
                (Some(b','), false) => {
                    self.lexer.advance();
                    self.flat.push(',');
                    return Ok(true);
                }
                (Some(b'}'), true) | (Some(b']'), false) => self.leave()?,
                (_, true) => return Err(self.lexer.unexpected("`,` or `}`")),
                (_, false) => return Err(self.lexer.unexpected("`,` or `]`")),
            }
        }
        Ok(false)
    }

    /// Opens the container whose bracket is next.
    fn enter(&mut self, is_object: bool) {
        let place = match (self.place(), is_object) {
            (None, true) => Place::Root,
            (Some((Place::Root, "reasoning")), true) => Place::Reasoning,
            (Some((Place::Reasoning, "options")), false) => Place::Options,
            (Some((Place::Options, _)), true) => Place::Option,
            _ => Place::Elsewhere,
        };
        self.open.push(Container {
            is_object,
            place,
            start: self.flat.len(),
            members: self.members.len(),
            sorted: true,
        });
        self.flat.push(if is_object { '{' } else { '[' });
        self.lexer.advance();
    }

    /// Closes the innermost container, whose bracket is next.
    fn leave(&mut self) -> Result<(), CanonicalError> {
        self.lexer.advance();
        let Some(container) = self.open.pop() else {
            return Ok(());
        };
        self.flat.push(if container.is_object { '}' } else { ']' });
        if !container.sorted {
            let members = &mut self.members[container.members..];
            members.sort_unstable_by(|left, right| compare_keys(&self.flat, left, right));
            for pair in members.windows(2) {
                if compare_keys(&self.flat, &pair[0], &pair[1]).is_eq() {
                    let offset = pair[0].offset.max(pair[1].offset);
                    return Err(duplicate_key(pair[0].key(&self.flat), offset));
                }
            }
            let first = self.sorted_members.len();
            self.sorted_members
                .extend(members.iter().map(|member| member.span.clone()));
            self.unsorted.push(Unsorted {
                span: container.start..self.flat.len(),
                members: first..self.sorted_members.len(),
            });
        }
        self.members.truncate(container.members);
        Ok(())
    }

    /// Reads the key whose quote is next, and the colon behind it.
    fn key(&mut self) -> Result<(), CanonicalError> {
        let Some(container) = self.open.last_mut() else {
            return Ok(());
        };
        let previous = self.members[container.members..].last();
        if previous.is_some() {
            self.flat.push(',');
        }
        let (start, offset) = (self.flat.len(), self.lexer.offset());
        let escaped = self.lexer.string(&mut self.flat)?;
        let end = self.flat.len();
        let member = Member {
            span: start..end,
            key_end: end - 1,
            escaped,
            offset,
        };
        if let Some(previous) = previous {
            match compare_keys(&self.flat, previous, &member) {
                Ordering::Less => {}
                Ordering::Equal => return Err(duplicate_key(member.key(&self.flat), offset)),
                Ordering::Greater => container.sorted = false,
            }
        }
        self.members.push(member);
        match self.lexer.next_token() {
            Some(b':') => {
                self.lexer.advance();
                self.flat.push(':');
                Ok(())
            }
            _ => Err(self.lexer.unexpected("`:`")),
        }
    }

    /// Ends the member whose value was read.
    fn end_member(
        &mut self,
        keep: &mut impl FnMut(&str, &str, usize) -> Result<bool, CanonicalError>,
    ) -> Result<(), CanonicalError> {
        let Some(member) = self.members.last_mut() else {
            return Ok(());
        };
        member.span.end = self.flat.len();
        // The value begins behind the key's quote and the colon.
        let value = &self.flat[member.key_end + 2..];
        if self.open.len() == 1 && !keep(member.key(&self.flat), value, member.offset)? {
            let start = member.span.start;
            self.members.pop();
            // The first member has no comma before it.
            self.flat.truncate(if self.members.is_empty() {
                start
            } else {
                start - 1
            });
        }
        Ok(())
    }

    fn number(&mut self, number: &NumberToken<'_>) -> Result<(), CanonicalError> {
        let to_float = number.is_integer && self.in_float_field();
        match self.numbers {
            Numbers::AsWritten => self.flat.push_str(number.text),
            Numbers::FloatTyped => {
                self.flat.push_str(number.text);
                if to_float {
                    self.flat.push_str(".0");
                }
            }
            Numbers::Python => {
                // Python has no negative zero among its integers.
                let negative_zero = number.is_integer && number.text == "-0";
                let text = if negative_zero { "0" } else { number.text };
                if number.is_integer && !to_float {
                    self.flat.push_str(text);
                    return Ok(());
                }
                match text.parse::<f64>() {
                    Ok(value) if value.is_finite() => write_float(value, &mut self.flat),
                    _ => {
                        return Err(CanonicalError::NumberTooLarge {
                            offset: number.offset,
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the value that is next belongs to a field that the protocol types as a float.
    fn in_float_field(&self) -> bool {
        matches!(
            self.place(),
            Some((Place::Reasoning, "confidence") | (Place::Option, "feasibility"))
        )
    }

    /// The container that the next value stands in and, in an object, its key.
    fn place(&self) -> Option<(Place, &str)> {
        let container = self.open.last()?;
        let key = match self.members.last() {
            Some(member) if container.is_object => member.key(&self.flat),
            _ => "",
        };
        Some((container.place, key))
    }
}

impl Member {
    /// The key in canonical form, without its quotes.
    fn key<'a>(&self, flat: &'a str) -> &'a str {
        &flat[self.span.start + 1..self.key_end]
    }
}

fn compare_keys(flat: &str, left: &Member, right: &Member) -> Ordering {
    compare(
        left.key(flat).as_bytes(),
        right.key(flat).as_bytes(),
        left.escaped || right.escaped,
    )
}

pub(super) fn duplicate_key(canonical: &str, offset: usize) -> CanonicalError {
    let key =
        String::from_utf8_lossy(&unescape(canonical.as_bytes()).collect::<Vec<_>>()).into_owned();
    CanonicalError::DuplicateKey { key, offset }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_written(document: &str) -> String {
        canonicalize(document.as_bytes(), Numbers::AsWritten).unwrap()
    }

    #[test]
    fn members_are_sorted_at_every_depth() {
        for (document, canonical) in [
            ("{}", "{}"),
            (" [ ] ", "[]"),
            ("\t\"a\"\r\n", "\"a\""),
            (r#"{"b":1,"a":2,"c":3}"#, r#"{"a":2,"b":1,"c":3}"#),
            (
                r#"{"a":{"c":{},"b":[{"e":[],"d":0}]}}"#,
                r#"{"a":{"b":[{"d":0,"e":[]}],"c":{}}}"#,
            ),
            (
                r#"[{"b":{"z":1,"y":2},"a":3},{"d":4,"c":5}]"#,
                r#"[{"a":3,"b":{"y":2,"z":1}},{"c":5,"d":4}]"#,
            ),
            (
                r#"{"b":"}","a":"{","":null}"#,
                r#"{"":null,"a":"{","b":"}"}"#,
            ),
            (
                r#"{"A":1,"\n":2,"\u0000":3}"#,
                r#"{"\u0000":3,"\n":2,"A":1}"#,
            ),
            (
                r#"{"\ud83d\ude00":1,"\uffff":2}"#,
                "{\"\u{ffff}\":2,\"😀\":1}",
            ),
            (r#"["\/\u007f\u001F\u0022"]"#, "[\"/\u{7f}\\u001f\\\"\"]"),
        ] {
            assert_eq!(as_written(document), canonical);
            assert_eq!(as_written(canonical), canonical);
        }
    }

    #[test]
    fn numbers_in_every_mode() {
        for (written, float_typed, python) in [
            ("1.50", "1.50", "1.5"),
            ("1E5", "1E5", "100000.0"),
            ("1e-7", "1e-7", "1e-07"),
            ("-0", "-0", "0"),
            ("-0.0", "-0.0", "-0.0"),
            (
                "100000000000000000000000000001",
                "100000000000000000000000000001",
                "100000000000000000000000000001",
            ),
        ] {
            for (numbers, expected) in [
                (Numbers::AsWritten, written),
                (Numbers::FloatTyped, float_typed),
                (Numbers::Python, python),
            ] {
                assert_eq!(canonicalize(written.as_bytes(), numbers).unwrap(), expected);
            }
        }
    }

    #[test]
    fn integers_become_floats_where_the_protocol_says_so_only() {
        let document = r#"{"confidence":1,"options":[{"feasibility":1}],"reasoning":{"a":{"confidence":1},"confidence":-0,"feasibility":1,"options":[{"feasibility":1},{"feasibility":[1]},[1],1],"options_considered":[{"feasibility":1}]}}"#;
        let float_typed = document
            .replace(r#""confidence":-0"#, r#""confidence":-0.0"#)
            .replace(r#"[{"feasibility":1},"#, r#"[{"feasibility":1.0},"#);
        let python = float_typed.replace("-0.0", "0.0");
        for (numbers, expected) in [
            (Numbers::AsWritten, document),
            (Numbers::FloatTyped, &float_typed),
            (Numbers::Python, &python),
        ] {
            assert_eq!(
                canonicalize(document.as_bytes(), numbers).unwrap(),
                expected
            );
        }
        let escaped = br#"{"\u0072easoning":{"confidence":12345678901234567890}}"#;
        assert_eq!(
            canonicalize(escaped, Numbers::Python).unwrap(),
            r#"{"reasoning":{"confidence":1.2345678901234567e+19}}"#
        );
    }
}
