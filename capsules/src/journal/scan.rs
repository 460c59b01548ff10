//! Reads a segment, whatever has become of it.

use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;

use super::entry::{EntryHeader, FileHeader, VERSION};

/// How much is read at once, in bytes.
const CHUNK: usize = 64 << 10;

/// What a segment holds, in order.
#[derive(Debug)]
pub(super) enum Item {
    Entry(EntryHeader, String),
    Damage(Span, Damaged),
    /// The last entry is not complete: its append never returned.
    TornTail,
}

/// Bytes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// Bytes of a journal that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage {
    /// The segment, under the name it has when recovery is complete.
    pub(crate) path: PathBuf,
    /// Where the bytes begin.
    pub(crate) offset: u64,
    /// How many there are.
    pub(crate) length: u64,
    /// What stood there, as far as it is known.
    pub(crate) what: Damaged,
}

/// What is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damaged {
    /// The header of the file.
    FileHeader,
    /// The header of an entry, and everything up to the next one that is intact.
    EntryHeader,
    /// The text of the entry with this id.
    Text(capsules_core::Uuid),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            offset,
            length,
            what,
        } = self;
        write!(
            f,
            "{}: {length} bytes at offset {offset} are damaged: ",
            path.display()
        )?;
        match what {
            Damaged::FileHeader => f.write_str("the header of the file"),
            Damaged::EntryHeader => f.write_str("one entry or more"),
            Damaged::Text(id) => write!(f, "the text of the entry {id}"),
        }
    }
}

/// Why a segment cannot be read at all.
#[derive(Debug)]
pub(super) enum ScanError {
    Read(io::Error),
    /// It is written in this version of the format, which is not known here.
    UnknownVersion(u32),
}

/// Reads a segment once, from its beginning to its end. Memory is bounded by the longest entry,
/// never by a length that merely is claimed.
pub(super) struct Scanner<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Where the unread part of `buffer` begins, and where that is in the file.
    start: usize,
    offset: u64,
    /// Behind the last byte that was skipped and is not zero.
    written: u64,
    headless: bool,
    ended: bool,
}

impl<R: Read> Scanner<R> {
    /// Reads the header of the file. One that is damaged is reported by the first
    /// [`next`](Self::next).
    pub(super) fn new(reader: R) -> Result<Self, ScanError> {
        let mut scanner = Self {
            reader,
            buffer: Vec::new(),
            start: 0,
            offset: 0,
            written: 0,
            headless: false,
            ended: false,
        };
        scanner.fill(FileHeader::LENGTH).map_err(ScanError::Read)?;
        match FileHeader::decode(scanner.unread()) {
            Some(header) if header.version == VERSION => scanner.skip(FileHeader::LENGTH),
            Some(header) => return Err(ScanError::UnknownVersion(header.version)),
            None => scanner.headless = true,
        }
        Ok(scanner)
    }

    /// The next item; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Item>> {
        if std::mem::take(&mut self.headless) {
            let torn =
                self.unread().len() < FileHeader::LENGTH && FileHeader::begins_with(self.unread());
            return if torn {
                Ok(Some(self.end_torn()))
            } else {
                self.resynchronise(0, Damaged::FileHeader).map(Some)
            };
        }
        if !self.fill(EntryHeader::LENGTH)? {
            // Room that was not used may follow, or be all that is left.
            let rest = self.unread();
            let last = rest.iter().rposition(|byte| *byte != 0);
            return match last.map(|last| &rest[..=last]) {
                None => Ok(None),
                Some(written) if EntryHeader::begins_with(written) => Ok(Some(self.end_torn())),
                Some(_) => self.resynchronise(0, Damaged::EntryHeader).map(Some),
            };
        }
        let Some(header) = EntryHeader::decode(self.unread()) else {
            return self.no_header();
        };
        let length = EntryHeader::LENGTH + header.text_len();
        if !self.fill(length)? {
            // Unless entries follow: then bytes are missing in the middle.
            let item = self.resynchronise(EntryHeader::LENGTH, Damaged::Text(header.id))?;
            return Ok(Some(if self.unread().is_empty() {
                Item::TornTail
            } else {
                item
            }));
        }
        let end = self.offset + length as u64;
        let text = &self.unread()[EntryHeader::LENGTH..length];
        let unchanged = crc32fast::hash(text) == header.text_checksum;
        match str::from_utf8(text) {
            Ok(text) if unchanged => {
                let item = Item::Entry(header, text.to_owned());
                self.skip(length);
                Ok(Some(item))
            }
            // The length may be right and bytes be missing; the next entry is where it is found.
            _ => {
                let item = self.resynchronise(EntryHeader::LENGTH, Damaged::Text(header.id))?;
                // A text holds no zero, so that one at its end was never written.
                let torn = self.unread().is_empty() && self.written < end;
                Ok(Some(if torn { Item::TornTail } else { item }))
            }
        }
    }

    /// What stands where an entry could: the rest of the segment's room, a torn entry in it, or
    /// damage.
    fn no_header(&mut self) -> io::Result<Option<Item>> {
        let offset = self.offset;
        let mut begin = [0; EntryHeader::LENGTH];
        begin.copy_from_slice(&self.unread()[..EntryHeader::LENGTH]);
        let item = self.resynchronise(1, Damaged::EntryHeader)?;
        if !self.unread().is_empty() {
            return Ok(Some(item));
        }
        let written = usize::try_from(self.written.saturating_sub(offset)).unwrap_or(usize::MAX);
        if written == 0 {
            self.offset = offset;
            return Ok(None);
        }
        let torn = written < begin.len() && EntryHeader::begins_with(&begin[..written]);
        Ok(Some(if torn { Item::TornTail } else { item }))
    }

    /// How far the file was read, in bytes.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Goes on at the next intact entry header, at least `known` bytes on.
    fn resynchronise(&mut self, known: usize, what: Damaged) -> io::Result<Item> {
        let offset = self.offset;
        self.skip(known);
        loop {
            let unread = self.unread();
            let marker = unread
                .windows(4)
                .position(|bytes| bytes == EntryHeader::MARKER);
            if let Some(at) = marker {
                self.skip(at);
                if !self.fill(EntryHeader::LENGTH)? || EntryHeader::decode(self.unread()).is_some()
                {
                    break;
                }
                self.skip(1);
            } else {
                // The marker may begin in the last three bytes.
                self.skip(unread.len().saturating_sub(3));
                if !self.fill(4)? {
                    self.skip(self.unread().len());
                    break;
                }
            }
        }
        // Room that was not used is not damaged.
        let end = if self.unread().is_empty() {
            self.written.max(offset)
        } else {
            self.offset
        };
        let length = end - offset;
        Ok(Item::Damage(Span { offset, length }, what))
    }

    fn end_torn(&mut self) -> Item {
        self.skip(self.unread().len());
        Item::TornTail
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    fn skip(&mut self, bytes: usize) {
        let skipped = &self.unread()[..bytes];
        if let Some(last) = skipped.iter().rposition(|byte| *byte != 0) {
            self.written = self.offset + last as u64 + 1;
        }
        self.start += bytes;
        self.offset += bytes as u64;
    }

    /// Reads until `wanted` bytes are unread; `false` when the file ends before.
    fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        if self.unread().len() < wanted && !self.ended {
            self.buffer.drain(..self.start);
            self.start = 0;
            let missing = (wanted - self.buffer.len()).max(CHUNK) as u64;
            let read = self
                .reader
                .by_ref()
                .take(missing)
                .read_to_end(&mut self.buffer)?;
            self.ended = (read as u64) < missing;
        }
        Ok(self.unread().len() >= wanted)
    }
}
