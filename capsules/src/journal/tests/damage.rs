//! Journals whose bytes are missing or have changed.

use super::*;
use crate::journal::entry::{EntryHeader, FileHeader};
use crate::journal::scan::{Damaged, Item, Scanner, Span};

/// Zeros behind the entries, more than an entry has.
const ROOM: usize = 200;

/// A segment with these entries: a start, its capsule, a start, an end, a start, two capsules.
struct Segment {
    bytes: Vec<u8>,
    /// Where each entry ends, beginning with the file's header.
    ends: Vec<usize>,
}

impl Segment {
    fn write() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::open(directory.path()).unwrap();
        let path = files(directory.path()).remove(0);
        let mut ends = Vec::new();
        let mut ended = || ends.push(usize::try_from(path.metadata().unwrap().len()).unwrap());
        ended();
        journal.start(id(1), at(1), &text(1)).unwrap();
        ended();
        journal.accept(id(1), at(1), &text(1)).unwrap();
        ended();
        journal.start(id(2), at(2), &text(2)).unwrap();
        ended();
        journal.end(id(2)).unwrap();
        ended();
        for n in [3, 4, 5] {
            if n == 3 {
                journal.start(id(n), at(n), &text(n)).unwrap();
            } else {
                journal.accept(id(n), at(n), &text(n)).unwrap();
            }
            ended();
        }
        Self {
            bytes: fs::read(path).unwrap(),
            ends,
        }
    }

    /// What is found when so many of its entries are.
    fn found(entries: usize) -> (Vec<Uuid>, Vec<Uuid>) {
        match entries {
            0 => (vec![], vec![]),
            1 => (vec![], ids([1])),
            2 | 4 => (ids([1]), vec![]),
            3 => (ids([1]), ids([2])),
            5 => (ids([1]), ids([3])),
            6 => (ids([1, 4]), ids([3])),
            _ => (ids([1, 4, 5]), ids([3])),
        }
    }
}

/// Recovers a journal of one segment with these bytes.
fn recover_bytes(bytes: &[u8]) -> Found {
    let directory = tempfile::tempdir().unwrap();
    let name = "1-00000000000000000000000000000000-000001.journal";
    fs::write(directory.path().join(name), bytes).unwrap();
    let (found, recovery) = recover_all(directory.path());
    assert_eq!(recovery.journals, 1, "{recovery:?}");
    // What is damaged is kept as it is; what is not is gone.
    let damaged = directory.path().join(format!("{name}.damaged"));
    if found.damage.is_empty() {
        assert!(files(directory.path()).is_empty());
    } else {
        assert_eq!(fs::read(&damaged).unwrap(), bytes);
        assert!(found.damage.iter().all(|damage| damage.path == damaged));
        assert_eq!(recover_all(directory.path()).0, Found::default());
    }
    found
}

#[test]
fn a_journal_cut_anywhere_holds_its_whole_entries() {
    let Segment { bytes, ends } = Segment::write();
    // In room that was filled ahead, however little is left of it, as well as at the end of the file.
    let in_room = |room| (ends[0]..=bytes.len()).map(move |length| (length, room));
    let places = (0..=bytes.len()).map(|length| (length, 0)).chain(
        [1, 30, EntryHeader::LENGTH - 1, ROOM]
            .into_iter()
            .flat_map(in_room),
    );
    for (length, room) in places {
        let mut cut = bytes[..length].to_vec();
        cut.resize(length + room, 0);
        let found = recover_bytes(&cut);
        let whole = ends
            .iter()
            .filter(|&&end| end <= length)
            .count()
            .saturating_sub(1);
        let (accepted, started) = Segment::found(whole);
        assert_eq!(
            found,
            Found {
                accepted,
                started,
                damage: vec![]
            },
            "cut at {length}, room {room}"
        );
    }
}

#[test]
fn a_changed_bit_costs_one_entry_and_is_reported() {
    let Segment { bytes, ends } = Segment::write();
    let (originals, _) = scan(&bytes);
    assert_eq!(originals.len(), 7);
    for offset in 0..bytes.len() {
        let start = ends
            .iter()
            .copied()
            .filter(|&end| end <= offset)
            .max()
            .unwrap_or(0);
        let end = ends.iter().copied().find(|&end| end > offset).unwrap();
        let hit = ends.iter().position(|&end| end == start);
        for (bit, room) in (0..8).flat_map(|bit| [(bit, 0), (bit, ROOM)]) {
            let mut changed = bytes.clone();
            changed[offset] ^= 1 << bit;
            changed.resize(bytes.len() + room, 0);
            let (entries, damage) = scan(&changed);
            let span = Span {
                offset: start as u64,
                length: (end - start) as u64,
            };
            assert_eq!(damage, [span], "offset {offset}, bit {bit}");
            let others = originals.iter().enumerate();
            let others = others
                .filter(|(n, _)| Some(*n) != hit)
                .map(|(_, entry)| entry);
            assert!(
                entries.iter().eq(others),
                "offset {offset}, bit {bit}: {entries:?}"
            );
        }
    }
}

/// The entries of a segment, and where it is damaged.
fn scan(bytes: &[u8]) -> (Vec<(EntryHeader, String)>, Vec<Span>) {
    let (mut entries, mut damage) = (Vec::new(), Vec::new());
    let mut scanner = Scanner::new(bytes).unwrap();
    while let Some(item) = scanner.next().unwrap() {
        match item {
            Item::Entry(header, text) => entries.push((header, text)),
            Item::Damage(span, _) => damage.push(span),
            Item::TornTail => {}
        }
    }
    (entries, damage)
}

#[test]
fn a_damaged_capsule_leaves_its_action_as_started() {
    let Segment { mut bytes, ends } = Segment::write();
    bytes[ends[2] - 1] ^= 1;
    let found = recover_bytes(&bytes);
    assert_eq!(found.started, ids([1, 3]));
    assert_eq!(found.damage[0].what, Damaged::Text(id(1)));
    assert!(found.damage[0].to_string().contains(&id(1).to_string()));
}

#[test]
fn missing_bytes_cost_one_entry_at_most() {
    let Segment { bytes, ends } = Segment::write();
    // Up to the last entry, as a loss at the end is a torn tail.
    for offset in 0..ends[6] {
        let mut shorter = bytes.clone();
        shorter.remove(offset);
        let found = recover_bytes(&shorter);
        assert_eq!(found.damage.len(), 1, "{offset}: {found:?}");
        assert_eq!(found.accepted.last(), Some(&id(5)), "{offset}: {found:?}");
    }
}

#[test]
fn entries_behind_one_that_lost_its_end_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let path = files(directory.path()).remove(0);
    journal.accept(id(1), at(1), &"x".repeat(1000)).unwrap();
    let end = usize::try_from(path.metadata().unwrap().len()).unwrap();
    journal.accept(id(2), at(2), &text(2)).unwrap();
    // The length that the first entry states now reaches beyond the end of the file.
    let mut bytes = fs::read(&path).unwrap();
    bytes.drain(end - 900..end);
    let found = recover_bytes(&bytes);
    assert_eq!(found.accepted, ids([2]));
    assert_eq!(found.damage[0].what, Damaged::Text(id(1)));
}

#[test]
fn an_entry_is_found_wherever_it_lies_in_what_is_read_at_once() {
    let Segment { bytes, ends } = Segment::write();
    for offset in (64 << 10) - 60..(64 << 10) + 4 {
        let mut longer = bytes[..ends[0]].to_vec();
        longer.resize(offset, 0);
        longer.extend_from_slice(&bytes[ends[0]..]);
        let (entries, damage) = scan(&longer);
        assert_eq!(entries.len(), 7, "{offset}");
        assert_eq!(damage.len(), 1, "{offset}");
    }
}

#[test]
fn a_tail_that_no_append_leaves_is_damage() {
    let Segment { mut bytes, .. } = Segment::write();
    let offset = bytes.len() as u64;
    bytes.extend_from_slice(b"garbage");
    assert_eq!(scan(&bytes).1, [Span { offset, length: 7 }]);
}

#[test]
fn room_that_was_not_used_is_no_damage_however_little_it_is() {
    let segment = Segment::write();
    let (accepted, started) = Segment::found(segment.ends.len() - 1);
    for room in 0..ROOM {
        let mut bytes = segment.bytes.clone();
        bytes.resize(bytes.len() + room, 0);
        let found = recover_bytes(&bytes);
        assert_eq!(found.damage, [], "{room} zeros");
        assert_eq!((&found.accepted, &found.started), (&accepted, &started));
    }
}

#[test]
fn foreign_bytes_between_entries_are_passed_over() {
    let Segment { bytes, ends } = Segment::write();
    // Longer than what is read at once, and full of false beginnings.
    let foreign = EntryHeader::MARKER.repeat(50_000);
    for &end in &ends {
        let mut longer = bytes[..end].to_vec();
        longer.extend_from_slice(&foreign);
        longer.extend_from_slice(&bytes[end..]);
        let found = recover_bytes(&longer);
        assert_eq!((found.accepted, found.started), Segment::found(7));
        if end < bytes.len() {
            let [damage] = &found.damage[..] else {
                panic!("{:?}", found.damage)
            };
            assert_eq!(
                (damage.offset, damage.length),
                (end as u64, foreign.len() as u64)
            );
        }
    }
}

#[test]
fn a_text_cannot_pass_for_an_entry() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let segment = Segment::write();
    // The nearest that UTF-8 comes to the bytes of an entry.
    let forged: String = segment.bytes[FileHeader::LENGTH..]
        .iter()
        .map(|&byte| char::from(byte))
        .collect();
    journal.accept(id(1), at(1), &forged).unwrap();
    journal.accept(id(2), at(2), &text(2)).unwrap();
    let mut bytes = fs::read(&files(directory.path())[0]).unwrap();
    bytes[FileHeader::LENGTH] ^= 1;
    let found = recover_bytes(&bytes);
    assert_eq!((found.accepted, found.started), (ids([2]), vec![]));
}

#[test]
fn random_bytes_are_damage() {
    let mut state = 1_u64;
    for length in [1, 3, 31, 32, 51, 84, 1000, 200_000] {
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state.to_be_bytes()[0]
        })
        .take(length)
        .collect();
        let found = recover_bytes(&bytes);
        let [damage] = &found.damage[..] else {
            panic!("{found:?}")
        };
        assert_eq!((damage.offset, damage.length), (0, length as u64));
        assert_eq!(damage.what, Damaged::FileHeader);
    }
}
