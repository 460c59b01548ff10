//! Whether every id is there once, however many there are.

use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use capsules_core::Uuid;

/// Ids with the places of their capsules, kept in a file without a name.
#[derive(Debug)]
pub(crate) struct Ids {
    file: BufWriter<File>,
    count: u64,
}

impl Ids {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::new(tempfile::tempfile()?),
            count: 0,
        })
    }

    pub(crate) fn add(&mut self, id: &Uuid, sequence: i64) -> io::Result<()> {
        self.count += 1;
        self.file.write_all(id.as_bytes())?;
        self.file.write_all(&sequence.to_le_bytes())
    }

    /// The first id that an earlier capsule has too, with its place. No more than about `most`
    /// ids are in memory: the file is read once for as many shares of them.
    pub(crate) fn first_repeated(&mut self, most: u64) -> io::Result<Option<(Uuid, i64)>> {
        self.file.flush()?;
        let file = self.file.get_mut();
        let shares = self.count.div_ceil(most).max(1);
        // Of a key that nobody knows beforehand, so that the shares are alike.
        let hasher = RandomState::new();
        let mut first: Option<(u64, Uuid, i64)> = None;
        for share in 0..shares {
            file.rewind()?;
            let mut entries = BufReader::new(&*file);
            let mut seen = HashSet::new();
            for number in 0..self.count {
                if first.is_some_and(|(first, ..)| first <= number) {
                    break;
                }
                let (id, sequence) = read(&mut entries)?;
                if hasher.hash_one(id) % shares == share && !seen.insert(id) {
                    first = Some((number, id, sequence));
                }
            }
        }
        Ok(first.map(|(_, id, sequence)| (id, sequence)))
    }
}

fn read(entries: &mut impl Read) -> io::Result<(Uuid, i64)> {
    let (mut id, mut sequence) = ([0; 16], [0; 8]);
    entries.read_exact(&mut id)?;
    entries.read_exact(&mut sequence)?;
    Ok((Uuid::from_bytes(id), i64::from_le_bytes(sequence)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_repeated(numbers: impl IntoIterator<Item = u128>, most: u64) -> Option<i64> {
        let mut ids = Ids::new().unwrap();
        for (number, sequence) in numbers.into_iter().zip(100..) {
            ids.add(&Uuid::from_u128(number), sequence).unwrap();
        }
        let repeated = ids.first_repeated(most).unwrap();
        repeated.map(|(_, sequence)| sequence)
    }

    #[test]
    fn the_first_repetition_is_found_in_whatever_share_it_is() {
        for most in [1, 7, 1_000, 10_000] {
            assert_eq!(first_repeated([], most), None);
            assert_eq!(first_repeated(0..2_000, most), None);
            let later = (0..2_000).chain([5, 3, 1_999]);
            assert_eq!(first_repeated(later, most), Some(2_100), "{most}");
            assert_eq!(first_repeated([1, 1, 1], most), Some(101), "{most}");
        }
    }
}
