//! What a journal has on file, and how it appends to it.

use std::collections::{HashMap, VecDeque};
use std::mem;

use capsules_core::{Timestamp, Uuid};

use super::disk::DiskFile;
use super::entry::{EntryHeader, Kind, MAX_TEXT};
use super::error::AppendError;
use super::segment::Segment;

/// The buffer that entries are assembled in keeps at most this much between two of them.
const BUFFER: usize = 256 << 10;

/// So many actions end with a note at most before the journal is looked after.
const NOTES: u32 = 64;

pub(super) struct State<F> {
    pub(super) current: Segment<F>,
    /// Segments before the current one that cannot be deleted yet, oldest first.
    pub(super) old: VecDeque<OldSegment<F>>,
    /// How many capsules were accepted: the number of the last.
    pub(super) accepted: u64,
    /// Actions that have started and not ended.
    pub(super) open: HashMap<Uuid, Start>,
    /// Entries that are written together with the next one.
    notes: Vec<u8>,
    /// How many were noted since the journal was looked after.
    noted: u32,
    buffer: Vec<u8>,
}

pub(super) struct OldSegment<F> {
    pub(super) segment: Segment<F>,
    /// The number of the last capsule in it.
    pub(super) last: u64,
}

/// What is kept of an action's start, to write it again when its segment is deleted.
pub(super) struct Start {
    pub(super) segment: u32,
    pub(super) at: Timestamp,
    pub(super) text: Box<str>,
}

impl<F: DiskFile> State<F> {
    /// A journal that begins in this segment.
    pub(super) fn of(current: Segment<F>) -> Self {
        Self {
            current,
            old: VecDeque::new(),
            accepted: 0,
            open: HashMap::new(),
            notes: Vec::new(),
            noted: 0,
            buffer: Vec::new(),
        }
    }

    pub(super) fn append(&mut self, header: EntryHeader, text: &str) -> Result<(), AppendError> {
        self.buffer.clone_from(&self.notes);
        push_entry(&mut self.buffer, &header, text);
        self.write_buffer()?;
        self.notes.clear();
        Ok(())
    }

    /// Has the end of an action written with the next entry, if its start is on file. Says whether the
    /// journal has to be looked after.
    pub(super) fn note_end(&mut self, header: &EntryHeader) -> bool {
        if self.open.remove(&header.id).is_some() {
            push_entry(&mut self.notes, header, "");
        }
        self.noted += 1;
        self.noted >= NOTES || self.current.is_full() || self.current.is_torn()
    }

    /// Writes what no entry has taken along. Nothing relies on it, so it is given up when it cannot
    /// be written.
    pub(super) fn write_notes(&mut self) -> Result<(), AppendError> {
        self.noted = 0;
        if self.notes.is_empty() {
            return Ok(());
        }
        mem::swap(&mut self.buffer, &mut self.notes);
        self.notes.clear();
        self.write_buffer()
    }

    /// Copies the starts in the oldest segment whose actions have not ended into the current one.
    pub(super) fn carry_starts(&mut self) -> Result<(), AppendError> {
        let Some(oldest) = self.old.front().map(|old| old.segment.name.number) else {
            return Ok(());
        };
        self.buffer.clear();
        for (id, start) in self
            .open
            .iter()
            .filter(|(_, start)| start.segment == oldest)
        {
            let header = header(Kind::Started, *id, start.at, &start.text)?;
            push_entry(&mut self.buffer, &header, &start.text);
        }
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.write_buffer()?;
        let current = self.current.name.number;
        for start in self
            .open
            .values_mut()
            .filter(|start| start.segment == oldest)
        {
            start.segment = current;
        }
        Ok(())
    }

    fn write_buffer(&mut self) -> Result<(), AppendError> {
        let result = self.current.append(&self.buffer);
        self.buffer.truncate(BUFFER);
        self.buffer.shrink_to(BUFFER);
        result.map_err(|source| AppendError::Write {
            path: self.current.path.clone(),
            source,
        })
    }
}

/// The header of an entry, which takes its number when it is appended.
pub(super) fn header(
    kind: Kind,
    id: Uuid,
    at: Timestamp,
    text: &str,
) -> Result<EntryHeader, AppendError> {
    let length = text.len();
    match u32::try_from(length) {
        Ok(text_length) if length <= MAX_TEXT => Ok(EntryHeader {
            kind,
            text_length,
            text_checksum: crc32fast::hash(text.as_bytes()),
            sequence: 0,
            at,
            id,
        }),
        _ => Err(AppendError::TooLong {
            length,
            limit: MAX_TEXT,
        }),
    }
}

fn push_entry(buffer: &mut Vec<u8>, header: &EntryHeader, text: &str) {
    buffer.extend_from_slice(&header.encode());
    buffer.extend_from_slice(text.as_bytes());
}
