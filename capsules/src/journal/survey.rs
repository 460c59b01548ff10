//! What a journal as a whole says of each of its entries.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::path::{Path, PathBuf};

use capsules_core::Uuid;

use super::claim::read_error;
use super::disk::DiskFile;
use super::entry::Kind;
use super::error::JournalError;
use super::scan::{Item, ScanError, Scanner};

/// What a journal holds, as far as it fits in memory: texts are left out.
#[derive(Default)]
pub(super) struct Survey {
    /// Actions that have started and not ended.
    pub(super) open: HashSet<Uuid>,
    /// The numbers of capsules that are not marked as committed.
    pub(super) uncommitted: VecDeque<u64>,
    pub(super) committed: u64,
    pub(super) damaged: u64,
    pub(super) damaged_paths: BTreeSet<PathBuf>,
    pub(super) bytes: u64,
}

impl Survey {
    pub(super) fn note_all<F: DiskFile>(
        &mut self,
        file: &mut F,
        path: &Path,
    ) -> Result<(), JournalError> {
        let mut scanner = scan(file, path)?;
        while let Some(item) = scanner.next().map_err(|source| read_error(path, source))? {
            self.note(&item, path);
        }
        self.bytes += scanner.offset();
        Ok(())
    }

    fn note(&mut self, item: &Item, path: &Path) {
        match item {
            Item::Entry(header, _) => match header.kind {
                Kind::Started => _ = self.open.insert(header.id),
                Kind::Accepted => {
                    self.open.remove(&header.id);
                    self.uncommitted.push_back(header.sequence);
                }
                Kind::Ended => _ = self.open.remove(&header.id),
                Kind::Committed => {
                    self.committed = self.committed.max(header.sequence);
                    while self
                        .uncommitted
                        .front()
                        .is_some_and(|&first| first <= self.committed)
                    {
                        self.uncommitted.pop_front();
                    }
                }
            },
            Item::Damage(..) => {
                self.damaged += 1;
                self.damaged_paths.insert(path.to_owned());
            }
            Item::TornTail => {}
        }
    }
}

pub(super) fn scan<'a, F: DiskFile>(
    file: &'a mut F,
    path: &Path,
) -> Result<Scanner<&'a mut F>, JournalError> {
    file.rewind().map_err(|source| read_error(path, source))?;
    Scanner::new(file).map_err(|error| match error {
        ScanError::Read(source) => read_error(path, source),
        ScanError::UnknownVersion(found) => JournalError::Version {
            path: path.to_owned(),
            found,
        },
    })
}
