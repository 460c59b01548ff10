//! The bytes of a segment: a file header, then entries. Integers are little-endian.

use capsules_core::{Timestamp, Uuid};

/// The version of the format that is written, and the only one that is read.
pub(super) const VERSION: u32 = 1;

/// The longest text of an entry, in bytes.
pub(crate) const MAX_TEXT: usize = 64 << 20;

/// What begins a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileHeader {
    pub(super) version: u32,
    /// The process that wrote it.
    pub(super) process: u32,
    /// The segment's number in its journal.
    pub(super) segment: u32,
    pub(super) created: i64,
}

impl FileHeader {
    pub(super) const LENGTH: usize = 32;
    const MAGIC: [u8; 8] = *b"\xffCAPSJ\r\n";

    pub(super) fn encode(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[..8].copy_from_slice(&Self::MAGIC);
        bytes[8..12].copy_from_slice(&self.version.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.process.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.segment.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.created.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..28]);
        bytes[28..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// `None` when the bytes are not a header or have changed. The version is not judged.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let checked = bytes.get(..28)?;
        let rest = &mut &*bytes;
        (take(rest)? == Self::MAGIC).then_some(())?;
        let header = Self {
            version: u32::from_le_bytes(take(rest)?),
            process: u32::from_le_bytes(take(rest)?),
            segment: u32::from_le_bytes(take(rest)?),
            created: i64::from_le_bytes(take(rest)?),
        };
        (u32::from_le_bytes(take(rest)?) == crc32fast::hash(checked)).then_some(header)
    }

    /// Whether fewer bytes than a header may be the beginning of one.
    pub(super) fn begins_with(bytes: &[u8]) -> bool {
        bytes.iter().zip(&Self::MAGIC).all(|(a, b)| a == b)
    }
}

/// What an entry records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An action has started; the text is what was known then.
    Started = 1,
    /// A capsule was accepted; the text is the capsule. Ends the action of the same id.
    Accepted = 2,
    /// An action has ended and leaves no capsule.
    Ended = 3,
    /// Every capsule accepted up to the entry's sequence number is in the store.
    Committed = 4,
}

/// What begins an entry; the text follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntryHeader {
    pub(super) kind: Kind,
    pub(super) text_length: u32,
    pub(super) text_checksum: u32,
    /// The number of the accepted capsule, counted from 1 in each journal, or of the last that is
    /// committed; 0 in entries of other kinds.
    pub(super) sequence: u64,
    /// When the action started or the capsule was accepted.
    pub(super) at: Timestamp,
    /// The capsule's id; nil in `Committed`.
    pub(super) id: Uuid,
}

impl EntryHeader {
    pub(super) const LENGTH: usize = 52;

    /// What every entry begins with. Two of the bytes occur in no UTF-8 text, so the search
    /// for the next entry behind a damaged one never stops inside a text.
    pub(super) const MARKER: [u8; 4] = *b"\xffcj\xfe";

    pub(super) fn encode(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[..4].copy_from_slice(&Self::MARKER);
        bytes[4] = self.kind as u8;
        bytes[8..12].copy_from_slice(&self.text_length.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.text_checksum.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.at.as_micros().to_le_bytes());
        bytes[32..48].copy_from_slice(self.id.as_bytes());
        let checksum = crc32fast::hash(&bytes[..48]);
        bytes[48..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// `None` when the bytes are not a header, have changed, or say what no writer writes.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let checked = bytes.get(..48)?;
        let rest = &mut &*bytes;
        (take(rest)? == Self::MARKER).then_some(())?;
        let kind = match take(rest)? {
            [1, 0, 0, 0] => Kind::Started,
            [2, 0, 0, 0] => Kind::Accepted,
            [3, 0, 0, 0] => Kind::Ended,
            [4, 0, 0, 0] => Kind::Committed,
            _ => return None,
        };
        let header = Self {
            kind,
            text_length: u32::from_le_bytes(take(rest)?),
            text_checksum: u32::from_le_bytes(take(rest)?),
            sequence: u64::from_le_bytes(take(rest)?),
            at: Timestamp::from_micros(i64::from_le_bytes(take(rest)?))?,
            id: Uuid::from_bytes(take(rest)?),
        };
        let unchanged = u32::from_le_bytes(take(rest)?) == crc32fast::hash(checked);
        (unchanged && header.text_len() <= MAX_TEXT).then_some(header)
    }

    pub(super) fn text_len(&self) -> usize {
        self.text_length as usize
    }

    /// Whether fewer bytes than a header may be the beginning of one.
    pub(super) fn begins_with(bytes: &[u8]) -> bool {
        bytes.iter().zip(&Self::MARKER).all(|(a, b)| a == b)
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_documented_format() {
        let file = FileHeader {
            version: 1,
            process: 7,
            segment: 3,
            created: -2,
        };
        let bytes = file.encode();
        assert_eq!(
            bytes[..28],
            *b"\xffCAPSJ\r\n\x01\0\0\0\x07\0\0\0\x03\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff"
        );
        assert_eq!(FileHeader::decode(&bytes), Some(file));

        let entry = EntryHeader {
            kind: Kind::Accepted,
            text_length: 5,
            text_checksum: crc32fast::hash(b"hello"),
            sequence: 258,
            at: Timestamp::from_micros(1).unwrap(),
            id: Uuid::from_u128(0x0102),
        };
        let bytes = entry.encode();
        assert_eq!(bytes[..12], *b"\xffcj\xfe\x02\0\0\0\x05\0\0\0");
        // CRC-32 of "hello", as zlib and `cksum -o 3` compute it.
        assert_eq!(bytes[12..16], 0x3610_a686_u32.to_le_bytes());
        assert_eq!(bytes[16..32], *b"\x02\x01\0\0\0\0\0\0\x01\0\0\0\0\0\0\0");
        assert_eq!(bytes[32..48], *b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x02");
        assert_eq!(EntryHeader::decode(&bytes), Some(entry));
    }

    #[test]
    fn a_length_beyond_the_limit_is_no_header() {
        let mut entry = EntryHeader {
            kind: Kind::Started,
            text_length: u32::try_from(MAX_TEXT).unwrap(),
            text_checksum: 0,
            sequence: 0,
            at: Timestamp::from_micros(0).unwrap(),
            id: Uuid::nil(),
        };
        assert!(EntryHeader::decode(&entry.encode()).is_some());
        entry.text_length += 1;
        assert!(EntryHeader::decode(&entry.encode()).is_none());
    }
}
