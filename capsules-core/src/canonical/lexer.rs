//! The tokens of a JSON text (RFC 8259), read strictly.

use super::CanonicalError;
use super::text::{plain_prefix, write_char};

/// Reads tokens from a document, from front to back.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

/// A number as the document spells it.
pub(super) struct NumberToken<'a> {
    pub(super) text: &'a str,
    pub(super) offset: usize,
    /// Without fraction and exponent.
    pub(super) is_integer: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(document: &'a [u8]) -> Result<Self, CanonicalError> {
        let text = std::str::from_utf8(document)
            .map_err(|error| syntax("invalid UTF-8", error.valid_up_to()))?;
        if text.starts_with('\u{feff}') {
            return Err(syntax("expected a value, found a byte order mark", 0));
        }
        Ok(Self { text, at: 0 })
    }

    /// Bytes read so far.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// The first byte of the next token; `None` at the end.
    pub(super) fn next_token(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
        self.peek()
    }

    /// Passes over one byte that has been looked at.
    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    /// Reads the string whose opening quote is next and appends its canonical form to `out`.
    /// Returns whether that contains escapes.
    pub(super) fn string(&mut self, out: &mut String) -> Result<bool, CanonicalError> {
        let start = self.at;
        let mut escaped = false;
        self.at += 1;
        out.push('"');
        loop {
            let plain = plain_prefix(&self.text.as_bytes()[self.at..]);
            out.push_str(&self.text[self.at..self.at + plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => escaped |= write_char(self.escape()?, out),
                Some(_) => {
                    return Err(self.unexpected("an escape such as \\n inside a string"));
                }
                None => return Err(syntax("a string without its closing quote", start)),
            }
        }
        self.at += 1;
        out.push('"');
        Ok(escaped)
    }

    pub(super) fn number(&mut self) -> Result<NumberToken<'a>, CanonicalError> {
        let offset = self.at;
        let mut is_integer = true;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return Err(syntax("a number with a leading zero", offset));
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            is_integer = false;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            is_integer = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(NumberToken {
            text: &self.text[offset..self.at],
            offset,
            is_integer,
        })
    }

    /// Reads `true`, `false` or `null` and appends it to `out`.
    pub(super) fn word(&mut self, out: &mut String) -> Result<(), CanonicalError> {
        let rest = &self.text[self.at..];
        let word = ["true", "false", "null"]
            .into_iter()
            .find(|word| rest.starts_with(word));
        let word = word.ok_or_else(|| self.unexpected("a value"))?;
        out.push_str(word);
        self.at += word.len();
        Ok(())
    }

    /// The error for what is next in the document.
    pub(super) fn unexpected(&self, expected: &str) -> CanonicalError {
        let found = match self.text[self.at..].chars().next() {
            Some(char) if char.is_control() => format!("U+{:04X}", u32::from(char)),
            Some(char) => format!("`{char}`"),
            None => "the end of the document".to_owned(),
        };
        syntax(format!("expected {expected}, found {found}"), self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn digits(&mut self) -> Result<(), CanonicalError> {
        let bytes = &self.text.as_bytes()[self.at..];
        match bytes
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
        {
            0 => Err(self.unexpected("a digit")),
            count => {
                self.at += count;
                Ok(())
            }
        }
    }

    /// Reads the escape whose backslash is next.
    fn escape(&mut self) -> Result<char, CanonicalError> {
        let start = self.at;
        self.at += 1;
        let char = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            _ => return Err(self.unexpected("one of \" \\ / b f n r t u after a backslash")),
        };
        self.at += 1;
        Ok(char)
    }

    /// Reads a `\u` escape, or the two of a surrogate pair. The `u` is next.
    fn unicode_escape(&mut self, start: usize) -> Result<char, CanonicalError> {
        let first = self.code_unit()?;
        let mut second = None;
        if is_high_surrogate(first) && self.text[self.at..].starts_with("\\u") {
            self.at += 1;
            second = Some(self.code_unit()?);
        }
        match char::decode_utf16(std::iter::once(first).chain(second)).next() {
            Some(Ok(char)) => Ok(char),
            _ => Err(syntax("a lone surrogate, which is not a character,", start)),
        }
    }

    /// Reads `u` and four hexadecimal digits. The `u` is next.
    fn code_unit(&mut self) -> Result<u16, CanonicalError> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(Ok(digit)) = digit.map(u16::try_from) else {
                return Err(self.unexpected("four hexadecimal digits after \\u"));
            };
            unit = (unit << 4) | digit;
            self.at += 1;
        }
        Ok(unit)
    }
}

fn is_high_surrogate(unit: u16) -> bool {
    (0xd800..0xdc00).contains(&unit)
}

fn syntax(reason: impl Into<String>, offset: usize) -> CanonicalError {
    CanonicalError::Syntax {
        reason: reason.into(),
        offset,
    }
}
