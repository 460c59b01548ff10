//! Records on their way from the thread that reads to the threads that check.

use crate::record::{ColumnsRef, RecordRef};

/// A run of records in one buffer, which costs the reader a copy and no allocation.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    text: String,
    rows: Vec<Row>,
}

/// The place of a record's texts, which follow each other in the order of [`TEXTS`].
#[derive(Debug)]
struct Row {
    start: usize,
    lengths: [Option<usize>; TEXTS],
    sequence: i64,
}

const TEXTS: usize = 12;

impl Chunk {
    pub(super) fn push(&mut self, record: RecordRef<'_>) {
        let start = self.text.len();
        let texts = texts(&record);
        for text in texts.into_iter().flatten() {
            self.text.push_str(text);
        }
        self.rows.push(Row {
            start,
            lengths: texts.map(|text| text.map(str::len)),
            sequence: record.columns.sequence,
        });
    }

    /// How many records there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many bytes of text there are.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    pub(super) fn records(&self) -> impl Iterator<Item = RecordRef<'_>> {
        self.rows.iter().map(|row| self.record(row))
    }

    pub(super) fn last(&self) -> Option<RecordRef<'_>> {
        self.rows.last().map(|row| self.record(row))
    }

    /// Empties the chunk; its memory stays unless it has become much.
    pub(super) fn clear(&mut self, keep: usize) {
        self.rows.clear();
        self.text.clear();
        self.text.shrink_to(keep);
    }

    fn record(&self, row: &Row) -> RecordRef<'_> {
        let mut at = row.start;
        let [
            content,
            hash,
            signature,
            signature_pq,
            signed_at,
            signed_by,
            id,
            kind,
            previous_hash,
            session_id,
            tenant_id,
            domain,
        ] = row.lengths.map(|length| {
            let start = at;
            at += length?;
            Some(&self.text[start..at])
        });
        RecordRef {
            content: content.unwrap_or_default(),
            hash: hash.unwrap_or_default(),
            signature: signature.unwrap_or_default(),
            signature_pq: signature_pq.unwrap_or_default(),
            signed_at,
            signed_by,
            columns: ColumnsRef {
                id: id.unwrap_or_default(),
                kind: kind.unwrap_or_default(),
                sequence: row.sequence,
                previous_hash,
                session_id,
                tenant_id,
                domain,
            },
        }
    }
}

fn texts<'a>(record: &RecordRef<'a>) -> [Option<&'a str>; TEXTS] {
    let columns = &record.columns;
    [
        Some(record.content),
        Some(record.hash),
        Some(record.signature),
        Some(record.signature_pq),
        record.signed_at,
        record.signed_by,
        Some(columns.id),
        Some(columns.kind),
        columns.previous_hash,
        columns.session_id,
        columns.tenant_id,
        columns.domain,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_as_they_went_in() {
        let full = RecordRef {
            content: "{\"é\":1}",
            hash: "h",
            signature: "s",
            signature_pq: "",
            signed_at: Some("at"),
            signed_by: Some(""),
            columns: ColumnsRef {
                id: "i",
                kind: "k",
                sequence: -3,
                previous_hash: Some("p"),
                session_id: None,
                tenant_id: Some("t"),
                domain: Some("d"),
            },
        };
        let bare = RecordRef {
            signed_at: None,
            signed_by: None,
            columns: ColumnsRef::default(),
            ..full
        };
        let mut chunk = Chunk::default();
        for _ in 0..2 {
            for record in [full, bare, full] {
                chunk.push(record);
            }
            assert!(chunk.records().eq([full, bare, full]));
            assert_eq!((chunk.len(), chunk.is_empty()), (3, false));
            chunk.clear(0);
            assert_eq!((chunk.len(), chunk.bytes()), (0, 0));
        }
    }
}
