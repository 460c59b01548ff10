//! Exports: what `import` and `verify` read.

use std::io::Read;

use capsules_core::SealedRecord;
use capsules_core::export::{Format, Records, Writer};

/// An export.
pub fn import(text: &[u8]) {
    let whole = read(text);
    let in_pieces = read(Pieces(text));
    assert_eq!(whole, in_pieces, "it matters how the bytes arrive");
    let (records, _) = whole;
    for format in [Format::Array, Format::Lines] {
        let mut writer = Writer::new(Vec::new(), format);
        for record in &records {
            writer.write(record).expect("what was read can be written");
        }
        let written = writer.finish().expect("memory takes everything");
        let (again, error) = read(&*written);
        if !(records.is_empty() && format == Format::Lines) {
            assert_eq!(error, None);
        }
        assert_eq!(again, records, "written and read again");
    }
}

/// The records before the first error, and its message.
fn read(input: impl Read) -> (Vec<SealedRecord>, Option<String>) {
    let mut records = Vec::new();
    for record in Records::new(input) {
        match record {
            Ok(record) => records.push(record),
            Err(error) => return (records, Some(error.to_string())),
        }
    }
    (records, None)
}

/// Gives a few bytes at a time.
struct Pieces<'a>(&'a [u8]);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(3);
        self.0.read(&mut buffer[..most])
    }
}
