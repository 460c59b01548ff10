//! Writing an export.

use std::io::{self, Write};

use crate::canonical::{CanonicalError, Numbers, canonicalize};
use crate::record::{RecordError, SealedRecord};

/// How the records of an export stand beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// One JSON array, a line for each record: what every implementation of the protocol reads.
    Array,
    /// One record a line and nothing else (JSON Lines), so that files can be cut and joined.
    Lines,
}

/// Writes sealed records one after the other, in constant memory.
///
/// Each record is the content as it was stored, letter for letter, and the five keys of its seal.
/// Only a content that has line breaks between its tokens is written in canonical form, which has
/// the same hash.
///
/// ```
/// use capsules_core::SealedRecord;
/// use capsules_core::export::{Format, Records, Writer};
///
/// let record = SealedRecord::from_json(br#"{"id":"a","sequence":0,"hash":"ab"}"#)?;
/// let mut writer = Writer::new(Vec::new(), Format::Array);
/// writer.write(&record)?;
/// let export = writer.finish()?;
/// assert_eq!(Records::new(&*export).next().unwrap()?, record);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    format: Format,
    written: u64,
}

/// Why a record could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The output refused.
    #[error("cannot write the export after {written} records: {source}")]
    Io {
        /// How many records were written before.
        written: u64,
        /// What happened.
        source: io::Error,
    },
    /// The store holds something that is not a sealed record.
    #[error("cannot export: {0}; `capsules verify --full` says what else is damaged")]
    Record(#[from] RecordError),
}

impl<W: Write> Writer<W> {
    /// Begins an export.
    pub fn new(output: W, format: Format) -> Self {
        Self {
            output,
            format,
            written: 0,
        }
    }

    /// Writes the next record.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when the output fails, or the content is not a JSON object. The export is
    /// of no use then.
    pub fn write(&mut self, record: &SealedRecord) -> Result<(), WriteError> {
        let text = one_line(record)?;
        let before = match (self.format, self.written) {
            (Format::Lines, 0) => "",
            (Format::Array, 0) => "[\n",
            (Format::Lines, _) => "\n",
            (Format::Array, _) => ",\n",
        };
        let output = &mut self.output;
        output
            .write_all(before.as_bytes())
            .and_then(|()| output.write_all(text.as_bytes()))
            .map_err(|source| self.failed(source))?;
        self.written += 1;
        Ok(())
    }

    /// How many records were written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Ends the export, flushes the output and returns it. An array that was not ended is not
    /// JSON, so that an export that was cut short is not taken for a whole one.
    ///
    /// # Errors
    ///
    /// [`WriteError::Io`] when the output fails.
    pub fn finish(mut self) -> Result<W, WriteError> {
        let after = match (self.format, self.written) {
            (Format::Array, 0) => "[]\n",
            (Format::Array, _) => "\n]\n",
            (Format::Lines, 0) => "",
            (Format::Lines, _) => "\n",
        };
        let output = &mut self.output;
        match output
            .write_all(after.as_bytes())
            .and_then(|()| output.flush())
        {
            Ok(()) => Ok(self.output),
            Err(source) => Err(self.failed(source)),
        }
    }

    fn failed(&self, source: io::Error) -> WriteError {
        WriteError::Io {
            written: self.written,
            source,
        }
    }
}

fn one_line(record: &SealedRecord) -> Result<String, RecordError> {
    let breaks = |byte| matches!(byte, b'\n' | b'\r');
    if !record.content.bytes().any(breaks) {
        return record.to_json();
    }
    let content = canonicalize(record.content.as_bytes(), Numbers::AsWritten).map_err(
        |error: CanonicalError| RecordError::Content {
            id: record.columns.id.clone(),
            reason: error.to_string(),
        },
    )?;
    SealedRecord {
        content,
        ..record.clone()
    }
    .to_json()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Records;

    fn record(content: &str) -> SealedRecord {
        SealedRecord {
            content: content.to_owned(),
            hash: "ab".to_owned(),
            signature: "cd".to_owned(),
            signature_pq: String::new(),
            signed_at: None,
            signed_by: None,
            columns: crate::Columns::default(),
        }
    }

    fn export(contents: &[&str], format: Format) -> String {
        let mut writer = Writer::new(Vec::new(), format);
        for content in contents {
            writer.write(&record(content)).unwrap();
        }
        assert_eq!(writer.written(), contents.len() as u64);
        String::from_utf8(writer.finish().unwrap()).unwrap()
    }

    #[test]
    fn contents_come_back_letter_for_letter() {
        let contents = [r#"{"b": 1.50,"a":"\u00e4"}"#, r#"{"id":"x"}"#, "{}"];
        for format in [Format::Array, Format::Lines] {
            let text = export(&contents, format);
            for (content, read) in contents.iter().zip(Records::new(text.as_bytes())) {
                let canonical = canonicalize(content.as_bytes(), Numbers::AsWritten).unwrap();
                assert_eq!(read.unwrap().content, canonical);
            }
            for content in contents {
                assert!(text.contains(content.trim_end_matches('}')), "{text}");
            }
        }
    }

    #[test]
    fn a_record_is_one_line_however_it_was_stored() {
        let spread = "{\r\n  \"b\": [1.50,\n 1e-7],\n  \"a\": \"\\n\"\n}\n";
        let line = r#"{"a":"\n","b":[1.50,1e-7],"hash":"ab","#;
        for format in [Format::Array, Format::Lines] {
            let text = export(&[spread, spread], format);
            let lines = text.lines().filter(|text| text.starts_with(line));
            assert_eq!(lines.count(), 2, "{text}");
        }
    }

    #[test]
    fn nothing_is_an_empty_export() {
        assert_eq!(export(&[], Format::Array), "[]\n");
        assert_eq!(export(&[], Format::Lines), "");
    }

    #[test]
    fn damaged_content_and_full_outputs_are_errors() {
        let mut writer = Writer::new(Vec::new(), Format::Lines);
        for content in ["{\"a\":1", "{\n", "[]"] {
            let error = writer.write(&record(content)).unwrap_err();
            assert!(matches!(error, WriteError::Record(_)), "{error}");
        }
        let mut small = [0; 100];
        let mut writer = Writer::new(&mut small[..], Format::Array);
        writer.write(&record("{}")).unwrap();
        let error = writer.write(&record("{}")).unwrap_err();
        assert!(
            matches!(error, WriteError::Io { written: 1, .. }),
            "{error}"
        );
    }
}
