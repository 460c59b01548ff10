//! Strings in canonical JSON, and the order of keys.

use std::cmp::Ordering;

/// Writes a string with its quotes.
pub(super) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    loop {
        let (plain, special) = rest.split_at(plain_prefix(rest.as_bytes()));
        out.push_str(plain);
        let Some(&byte) = special.as_bytes().first() else {
            break;
        };
        write_escape(byte, out);
        rest = &special[1..];
    }
    out.push('"');
}

/// Writes a string, or `null`.
pub(crate) fn write_optional(text: Option<&str>, out: &mut String) {
    match text {
        Some(text) => write_string(text, out),
        None => out.push_str("null"),
    }
}

/// Writes a character inside a string; whether it had to be escaped.
pub(super) fn write_char(char: char, out: &mut String) -> bool {
    match u8::try_from(char) {
        Ok(byte) if is_special(byte) => {
            write_escape(byte, out);
            true
        }
        _ => {
            out.push(char);
            false
        }
    }
}

/// How many bytes at the start stand for themselves inside a string.
#[inline]
pub(super) fn plain_prefix(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks();
    for (number, word) in words.iter().enumerate() {
        if let Some(end) = first_special(*word) {
            return number * 8 + end;
        }
    }
    let end = rest.iter().position(|&byte| is_special(byte));
    words.len() * 8 + end.unwrap_or(rest.len())
}

/// The place of the first byte that cannot stand for itself. Eight bytes are tested at once, as one
/// number, without a branch for each.
fn first_special(bytes: [u8; 8]) -> Option<usize> {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    let word = u64::from_le_bytes(bytes);
    let below = |word: u64, limit: u8| word.wrapping_sub(EACH * u64::from(limit));
    let equal = |byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    // A difference below zero sets the highest bit of its byte and borrows from the bytes after it,
    // so the first such bit tells. Bytes beyond ASCII have theirs from the beginning.
    let special = below(word, 0x20) | equal(b'"') | equal(b'\\');
    let special = special & !word & (EACH << 7);
    (special != 0).then(|| special.trailing_zeros() as usize / 8)
}

/// Compares two strings by code point. Both are given in canonical form without their quotes;
/// `escaped` says whether either contains an escape.
pub(super) fn compare(left: &[u8], right: &[u8], escaped: bool) -> Ordering {
    // The order of UTF-8 bytes is the order of code points.
    if escaped {
        unescape(left).cmp(unescape(right))
    } else {
        left.cmp(right)
    }
}

/// The bytes that a string in canonical form, without its quotes, stands for.
pub(super) fn unescape(canonical: &[u8]) -> impl Iterator<Item = u8> {
    let mut bytes = canonical.iter().copied();
    std::iter::from_fn(move || {
        let byte = bytes.next()?;
        if byte != b'\\' {
            return Some(byte);
        }
        Some(match bytes.next()? {
            b'b' => 0x08,
            b't' => b'\t',
            b'n' => b'\n',
            b'f' => 0x0c,
            b'r' => b'\r',
            // Canonical form writes nothing above U+001F this way.
            b'u' => bytes.by_ref().take(4).fold(0, |value, digit| {
                let digit = if digit.is_ascii_digit() {
                    digit - b'0'
                } else {
                    digit - b'a' + 10
                };
                (value << 4) | digit
            }),
            quoted => quoted,
        })
    })
}

/// The bytes that cannot stand for themselves inside a string.
fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn write_escape(byte: u8, out: &mut String) {
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        0x08 => out.push_str("\\b"),
        b'\t' => out.push_str("\\t"),
        b'\n' => out.push_str("\\n"),
        0x0c => out.push_str("\\f"),
        b'\r' => out.push_str("\\r"),
        control => {
            out.push_str("\\u00");
            out.push(char::from(HEX[usize::from(control >> 4)]));
            out.push(char::from(HEX[usize::from(control & 0xf)]));
        }
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str) -> String {
        let mut out = String::new();
        write_string(text, &mut out);
        out
    }

    #[test]
    fn only_what_must_be_escaped_is() {
        assert_eq!(string("a\"b\\c/d"), r#""a\"b\\c/d""#);
        assert_eq!(
            string("\u{8}\t\n\u{c}\r\0\u{1f}"),
            r#""\b\t\n\f\r\u0000\u001f""#
        );
        assert_eq!(string("\u{7f}\u{2028}é😀"), "\"\u{7f}\u{2028}é😀\"");
    }

    #[test]
    fn a_special_byte_is_found_wherever_it_stands() {
        for length in 0..70 {
            assert_eq!(plain_prefix(&vec![b'x'; length]), length);
            for at in 0..length {
                for special in [0, 0x1f, b'"', b'\\'] {
                    let mut bytes = vec![0xff; length];
                    bytes[at] = special;
                    assert_eq!(plain_prefix(&bytes), at);
                }
            }
        }
    }

    #[test]
    fn escaped_keys_sort_by_what_they_stand_for() {
        // Escaped, a line feed begins with a backslash, which is above `A`.
        assert_eq!(compare(br"\n", b"A", true), Ordering::Less);
        assert_eq!(compare(br"\u001f", br"\n", true), Ordering::Greater);
        assert_eq!(compare(br#"\""#, b"!", true), Ordering::Greater);
        // UTF-16 order would be the other way round.
        let (left, right) = ("\u{ffff}".as_bytes(), "\u{10000}".as_bytes());
        assert_eq!(compare(left, right, false), Ordering::Less);
    }

    #[test]
    fn unescape_reverses_escape() {
        let all: String = ('\0'..='\u{ff}').collect();
        let canonical = string(&all);
        let inner = &canonical[1..canonical.len() - 1];
        assert_eq!(
            String::from_utf8(unescape(inner.as_bytes()).collect()).unwrap(),
            all
        );
    }
}
