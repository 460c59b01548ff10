//! How much of a value is kept.

use std::fmt::{self, Write};

use serde_json::Value;

/// Stands where something was left out.
pub(crate) const ELLIPSIS: char = '…';
/// Stands where a secret would have stood.
pub(crate) const REDACTED: &str = "[redacted]";

/// How much of an argument, a result or an error is kept. Reading one takes time and memory within
/// these bounds, however large it is, as far as its own code stops when it is told to.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Characters of one text.
    pub(crate) text: usize,
    /// Bytes of one value, about as its JSON would have them.
    pub(crate) bytes: usize,
    /// Levels of arrays and objects.
    pub(crate) depth: usize,
}

impl Limits {
    /// For what is put into a capsule on purpose: it is not cut, and yet ends.
    pub(crate) const ON_PURPOSE: Self = Self {
        text: usize::MAX,
        bytes: usize::MAX,
        depth: 100,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text: 500,
            bytes: 64 << 10,
            depth: 20,
        }
    }
}

/// A value as it is kept.
#[derive(Debug, Clone, Default)]
pub struct Captured<T> {
    pub(crate) value: T,
    /// Whether something was left out, for the limits' sake.
    pub(crate) cut: bool,
    /// Whether something was left out because it is a secret.
    pub(crate) secret: bool,
}

impl<T> Captured<T> {
    /// All of a value.
    pub(crate) fn whole(value: T) -> Self {
        Self {
            value,
            cut: false,
            secret: false,
        }
    }

    /// The same, of another type.
    pub(crate) fn map<U>(self, to: impl FnOnce(T) -> U) -> Captured<U> {
        Captured {
            value: to(self.value),
            cut: self.cut,
            secret: self.secret,
        }
    }
}

impl<T: From<&'static str>> Captured<T> {
    /// What is kept of a secret.
    pub(crate) fn secret() -> Self {
        Self {
            value: REDACTED.into(),
            cut: false,
            secret: true,
        }
    }
}

/// A text that ends the writing once it is full.
#[derive(Debug)]
pub(crate) struct Bounded {
    text: String,
    characters: usize,
    bytes: usize,
    full: bool,
}

impl Bounded {
    pub(crate) fn new(characters: usize, bytes: usize) -> Self {
        Self {
            text: String::new(),
            characters,
            bytes,
            full: false,
        }
    }

    /// Whether something had no room.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// The text, its last character an ellipsis when it was cut, and whether it was.
    pub(crate) fn finish(mut self) -> (String, bool) {
        if self.full {
            self.text.pop();
            self.text.push(ELLIPSIS);
        }
        (self.text, self.full)
    }

    /// Writes what a value says of itself.
    pub(crate) fn format(arguments: fmt::Arguments<'_>, limits: Limits) -> Captured<String> {
        let mut bounded = Self::new(limits.text, limits.bytes);
        let written = bounded.write_fmt(arguments);
        let (value, cut) = bounded.finish();
        match written {
            Err(fmt::Error) if !cut => Captured::whole("<not readable>".to_owned()),
            _ => Captured {
                value,
                cut,
                secret: false,
            },
        }
    }
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // A text has at least as many bytes as characters.
        if text.len() <= self.characters.min(self.bytes) {
            self.characters -= text.chars().count();
            self.bytes -= text.len();
            self.text.push_str(text);
            return Ok(());
        }
        let mut taken = 0;
        for character in text.chars() {
            if self.characters == 0 || character.len_utf8() > self.bytes {
                self.full = true;
                break;
            }
            self.characters -= 1;
            self.bytes -= character.len_utf8();
            taken += character.len_utf8();
        }
        self.text.push_str(&text[..taken]);
        if self.full { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Cuts a text to `limit` characters, the last of them an ellipsis, when it is longer. Whether it
/// was.
pub(crate) fn cut(text: &mut String, limit: usize) -> bool {
    // A text has at least as many bytes as characters.
    if text.len() <= limit || text.chars().nth(limit).is_none() {
        return false;
    }
    let kept = text
        .char_indices()
        .nth(limit.saturating_sub(1))
        .map_or(0, |(at, _)| at);
    text.truncate(kept);
    text.push(ELLIPSIS);
    true
}

/// Cuts every text of a value. Whether any was.
pub(crate) fn cut_texts(value: &mut Value, limit: usize) -> bool {
    match value {
        Value::String(text) => cut(text, limit),
        Value::Array(items) => cut_each(items.iter_mut(), limit),
        Value::Object(members) => cut_each(members.values_mut(), limit),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn cut_each<'v>(values: impl Iterator<Item = &'v mut Value>, limit: usize) -> bool {
    let mut any = false;
    for value in values {
        any |= cut_texts(value, limit);
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_on_a_character() {
        let mut text = "äöü".to_owned();
        assert!(!cut(&mut text, 3));
        assert_eq!(text, "äöü");
        assert!(cut(&mut text, 2));
        assert_eq!(text, "ä…");
    }

    #[test]
    fn writing_ends_when_the_text_is_full() {
        let written = |characters, bytes| {
            let mut bounded = Bounded::new(characters, bytes);
            let result = ["äö", "üx"]
                .into_iter()
                .try_for_each(|part| bounded.write_str(part));
            (bounded.finish(), result.is_ok())
        };
        assert_eq!(written(4, 7), (("äöüx".to_owned(), false), true));
        assert_eq!(written(9, 9), (("äöüx".to_owned(), false), true));
        assert_eq!(written(3, 99), (("äö…".to_owned(), true), false));
        assert_eq!(written(9, 5), (("ä…".to_owned(), true), false));
        assert_eq!(written(0, 9), (("…".to_owned(), true), false));
    }
}
