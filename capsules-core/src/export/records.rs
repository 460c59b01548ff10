//! Reading an export.

use std::fmt;
use std::io::{BufRead, BufReader, Read};

use crate::record::{MAX_RECORD_BYTES, RecordError, SealedRecord};

/// Reads the sealed records of an export one after the other.
///
/// An export is a JSON array of sealed records, one sealed record, or sealed records one after
/// the other as in JSON Lines. Only the record at hand is in memory, and at most
/// [`MAX_RECORD_BYTES`] of it. After an error nothing more is read.
///
/// ```
/// use capsules_core::export::Records;
///
/// let export = br#"[{"id":"a","sequence":0,"hash":""}, {"id":"b","sequence":1,"hash":""}]"#;
/// let ids: Vec<String> = Records::new(export.as_slice())
///     .map(|record| record.map(|record| record.columns.id))
///     .collect::<Result<_, _>>()?;
/// assert_eq!(ids, ["a", "b"]);
/// # Ok::<(), capsules_core::export::ExportError>(())
/// ```
#[derive(Debug)]
pub struct Records<R> {
    input: BufReader<R>,
    /// How many bytes were read.
    offset: u64,
    /// How many records were read.
    index: u64,
    /// How many bytes a record may take.
    limit: usize,
    next: Next,
}

/// Why an export could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The file could not be read.
    #[error("the export cannot be read after byte {offset}: {source}")]
    Io {
        /// How many bytes were read before.
        offset: u64,
        /// What happened.
        source: std::io::Error,
    },
    /// The text between records is not that of an export.
    #[error("the export is damaged at byte {offset}: expected {expected}, found {found}")]
    Syntax {
        /// Where, in bytes from the start.
        offset: u64,
        /// What should have been there.
        expected: &'static str,
        /// What was there.
        found: Found,
    },
    /// A record is not a sealed record. Positions in `source` count from the record's beginning.
    #[error("record {index} of the export, which begins at byte {offset}: {source}")]
    Record {
        /// Which record, counted from 0.
        index: u64,
        /// Where it begins, in bytes from the start.
        offset: u64,
        /// What is wrong with it.
        source: RecordError,
    },
    /// A record takes more than [`MAX_RECORD_BYTES`].
    #[error(
        "record {index} of the export, at byte {offset}, takes more than {MAX_RECORD_BYTES} bytes"
    )]
    TooLarge {
        /// Which record, counted from 0.
        index: u64,
        /// Where it begins, in bytes from the start.
        offset: u64,
    },
}

/// What stood where something else was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// This byte.
    Byte(u8),
    /// The end of the file.
    End,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(byte) => write!(f, "`{}`", byte.escape_ascii()),
            Self::End => f.write_str("the end of the file"),
        }
    }
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// `[` or a record.
    Start,
    /// A record or `]`.
    FirstElement,
    /// `,` or `]`.
    Separator,
    /// A record or the end, outside an array.
    Line,
    /// Nothing: the end was reached, or an error.
    Nothing,
}

impl<R: Read> Records<R> {
    /// Reads from `input`, which need not be buffered.
    pub fn new(input: R) -> Self {
        Self {
            input: BufReader::new(input),
            offset: 0,
            index: 0,
            limit: MAX_RECORD_BYTES,
            next: Next::Start,
        }
    }

    fn read(&mut self) -> Result<Option<SealedRecord>, ExportError> {
        let byte = self.skip_white_space()?;
        match (self.next, byte) {
            (Next::Start, Some(b'[')) => {
                self.consume(1);
                self.next = Next::FirstElement;
                self.read()
            }
            (Next::Start | Next::Line, Some(b'{')) => self.record(Next::Line).map(Some),
            (Next::FirstElement, Some(b'{')) => self.record(Next::Separator).map(Some),
            (Next::Separator, Some(b',')) => {
                self.consume(1);
                match self.skip_white_space()? {
                    Some(b'{') => self.record(Next::Separator).map(Some),
                    other => Err(self.syntax("a record", other)),
                }
            }
            (Next::FirstElement | Next::Separator, Some(b']')) => {
                self.consume(1);
                match self.skip_white_space()? {
                    None => Ok(None),
                    other => Err(self.syntax("the end of the file after the array", other)),
                }
            }
            (Next::Line, None) | (Next::Nothing, _) => Ok(None),
            (Next::Start, other) => Err(self.syntax("an array or a record", other)),
            (Next::FirstElement, other) => Err(self.syntax("a record or `]`", other)),
            (Next::Separator, other) => Err(self.syntax("`,` or `]`", other)),
            (Next::Line, other) => Err(self.syntax("a record", other)),
        }
    }

    /// Reads the record that begins here.
    fn record(&mut self, next: Next) -> Result<SealedRecord, ExportError> {
        let (index, offset) = (self.index, self.offset);
        let text = self.object(index)?;
        let record = SealedRecord::from_json(&text).map_err(|source| ExportError::Record {
            index,
            offset,
            source,
        })?;
        self.index += 1;
        self.next = next;
        Ok(record)
    }

    /// The text of the object that begins here: up to the bracket that closes it. Whether it is
    /// well formed is for the caller to find out.
    fn object(&mut self, index: u64) -> Result<Vec<u8>, ExportError> {
        let (begin, limit) = (self.offset, self.limit);
        let mut text = Vec::new();
        let mut brackets = Brackets::default();
        loop {
            let chunk = self.fill()?;
            if chunk.is_empty() {
                return Err(self.syntax("the rest of the record", None));
            }
            let end = chunk.iter().position(|byte| brackets.closed_by(*byte));
            let taken = end.map_or(chunk.len(), |last| last + 1);
            if text.len() + taken > limit {
                return Err(ExportError::TooLarge {
                    index,
                    offset: begin,
                });
            }
            text.extend_from_slice(&chunk[..taken]);
            self.consume(taken);
            if end.is_some() {
                return Ok(text);
            }
        }
    }

    /// The next byte that is not white space, which stays unread.
    fn skip_white_space(&mut self) -> Result<Option<u8>, ExportError> {
        loop {
            let chunk = self.fill()?;
            if chunk.is_empty() {
                return Ok(None);
            }
            let skipped = chunk
                .iter()
                .take_while(|byte| b" \t\r\n".contains(byte))
                .count();
            let byte = chunk.get(skipped).copied();
            self.consume(skipped);
            if byte.is_some() {
                return Ok(byte);
            }
        }
    }

    fn fill(&mut self) -> Result<&[u8], ExportError> {
        let offset = self.offset;
        self.input
            .fill_buf()
            .map_err(|source| ExportError::Io { offset, source })
    }

    fn consume(&mut self, bytes: usize) {
        self.input.consume(bytes);
        self.offset += bytes as u64;
    }

    fn syntax(&self, expected: &'static str, found: Option<u8>) -> ExportError {
        let found = found.map_or(Found::End, Found::Byte);
        ExportError::Syntax {
            offset: self.offset,
            expected,
            found,
        }
    }
}

impl<R: Read> Iterator for Records<R> {
    type Item = Result<SealedRecord, ExportError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == Next::Nothing {
            return None;
        }
        let read = self.read();
        if !matches!(read, Ok(Some(_))) {
            self.next = Next::Nothing;
        }
        read.transpose()
    }
}

/// Counts brackets outside of strings.
#[derive(Default)]
struct Brackets {
    open: usize,
    in_string: bool,
    escaped: bool,
}

impl Brackets {
    /// Whether this byte closes the bracket that the text began with.
    fn closed_by(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.open += 1,
            b'}' | b']' => self.open -= 1,
            _ => {}
        }
        self.open == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Result<Vec<String>, ExportError> {
        let ids = |input: &mut dyn Read| {
            Records::new(input)
                .map(|record| record.map(|record| record.columns.id))
                .collect()
        };
        let whole: Result<Vec<_>, _> = ids(&mut text.as_bytes());
        let bytewise: Result<Vec<_>, _> = ids(&mut OneByteAtATime(text.as_bytes()));
        assert_eq!(whole.as_ref().ok(), bytewise.as_ref().ok());
        whole
    }

    struct OneByteAtATime<'a>(&'a [u8]);

    impl Read for OneByteAtATime<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(&mut buffer[..1])
        }
    }

    #[test]
    fn arrays_single_records_and_lines() {
        for (text, expected) in [
            (r#"[{"id":"a"}, {"id":"b"}]"#, &["a", "b"][..]),
            (" [ ] \n", &[]),
            (r#"{"id":"a"}"#, &["a"]),
            ("{\"id\":\"a\"}\n{\"id\":\"b\"}\r\n\n", &["a", "b"]),
            (r#"[{"id":"}]\\\"{","x":[[{}],{"y":[]}]}]"#, &["}]\\\"{"]),
        ] {
            assert_eq!(ids(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn errors_say_where() {
        for (text, message) in [
            (
                "",
                "damaged at byte 0: expected an array or a record, found the end of the file",
            ),
            (
                "null",
                "damaged at byte 0: expected an array or a record, found `n`",
            ),
            (
                "\u{feff}[]",
                r"damaged at byte 0: expected an array or a record, found `\xef`",
            ),
            (
                "[",
                "damaged at byte 1: expected a record or `]`, found the end of the file",
            ),
            (
                "[1]",
                "damaged at byte 1: expected a record or `]`, found `1`",
            ),
            (
                r#"[{"id":"a"}"#,
                "damaged at byte 11: expected `,` or `]`, found the end",
            ),
            (
                r#"[{"id":"a"},]"#,
                "damaged at byte 12: expected a record, found `]`",
            ),
            (
                r#"[{"id":"a"}] x"#,
                "expected the end of the file after the array, found `x`",
            ),
            (
                r#"[{"id":"a"}]{"#,
                "expected the end of the file after the array, found `{`",
            ),
            (
                r#"{"id":"a"},"#,
                "damaged at byte 10: expected a record, found `,`",
            ),
            (
                r#"{"id":"a"#,
                "damaged at byte 8: expected the rest of the record, found the end",
            ),
            (
                r#"[{"id":"a"},{"x":]}]"#,
                "record 1 of the export, which begins at byte 12: not a sealed record",
            ),
            (r#"[{"id":"a","id":"b"}]"#, "the key \"id\" appears again"),
        ] {
            let error = ids(text).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn nothing_is_read_after_an_error() {
        let mut records = Records::new(br#"[{"id":"a"} {"id":"b"}]"#.as_slice());
        assert!(records.next().unwrap().is_ok());
        assert!(records.next().unwrap().is_err());
        assert!(records.next().is_none());
    }

    #[test]
    fn a_record_without_end_does_not_fill_the_memory() {
        let endless = b"[{\"id\":\"".chain(std::io::repeat(b'x'));
        let mut records = Records {
            limit: 1 << 20,
            ..Records::new(endless)
        };
        let error = records.next().unwrap().unwrap_err();
        assert!(
            matches!(
                error,
                ExportError::TooLarge {
                    index: 0,
                    offset: 1
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn depth_is_no_limit() {
        let depth = 1_000_000;
        let text = format!(
            r#"[{{"id":"a","x":{}{}}}]"#,
            "[".repeat(depth),
            "]".repeat(depth)
        );
        assert_eq!(ids(&text).unwrap(), ["a"]);
    }
}
