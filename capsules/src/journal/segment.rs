//! One file of a journal, as its writer sees it, and the names of such files.

use std::io::{self, ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};

use capsules_core::{Timestamp, Uuid};

use super::disk::{Disk, DiskFile};
use super::entry::{FileHeader, VERSION};
use super::error::OpenError;

/// A segment is created under its name with this suffix, which recovery passes over.
pub(super) const UNFINISHED: &str = ".new";
/// A segment with damage is kept under its name with this suffix, which recovery passes over.
pub(super) const DAMAGED: &str = ".damaged";

/// What is written at once when a segment is filled.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// How often a segment is created under another name when recovery interferes.
const ATTEMPTS: u32 = 4;

/// The name of a segment: `<journal>-<number>.journal`, where `<journal>` is the process's id and
/// a random number, so that a process id that comes back is harmless.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentName {
    pub(super) journal: String,
    pub(super) number: u32,
}

impl SegmentName {
    /// The first segment of a new journal.
    pub(super) fn fresh(process: u32) -> Self {
        Self {
            journal: format!("{process}-{}", Uuid::new_v4().simple()),
            number: 1,
        }
    }

    pub(super) fn next(&self) -> Self {
        Self {
            journal: self.journal.clone(),
            number: self.number + 1,
        }
    }

    pub(super) fn parse(file_name: &str) -> Option<Self> {
        let (journal, number) = file_name.strip_suffix(".journal")?.rsplit_once('-')?;
        let name = Self {
            journal: journal.to_owned(),
            number: number.parse().ok()?,
        };
        (name.file_name() == file_name && name.process().is_some()).then_some(name)
    }

    pub(super) fn file_name(&self) -> String {
        format!("{}-{:06}.journal", self.journal, self.number)
    }

    /// The process that wrote it.
    pub(super) fn process(&self) -> Option<u32> {
        self.journal.split_once('-')?.0.parse().ok()
    }
}

/// A segment that this process writes, and whose lock it holds.
pub(super) struct Segment<F> {
    pub(super) name: SegmentName,
    pub(super) path: PathBuf,
    file: F,
    /// Up to here the file holds whole entries.
    length: u64,
    /// From this length on the segment is to be replaced.
    capacity: u64,
    /// Whether bytes of a failed write may follow the entries.
    torn: bool,
}

/// What a new segment has room for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) capacity: u64,
    /// Whether the room is filled with zeros, so that appending does not have to extend the file:
    /// that is what most of a `write` costs.
    pub(super) filled: bool,
}

impl<F: DiskFile> Segment<F> {
    /// Creates the segment, with the directory if need be.
    pub(super) fn create<D: Disk<File = F>>(
        disk: &D,
        directory: &Path,
        mut name: SegmentName,
        room: Room,
    ) -> Result<Self, OpenError> {
        disk.create_directory(directory)
            .map_err(|source| OpenError::Directory {
                path: directory.to_owned(),
                source,
            })?;
        for _ in 1..ATTEMPTS {
            match Self::create_once(disk, directory, name.clone(), room) {
                // Another process's recovery took the unfinished file for a dead process's.
                Err(OpenError::Lock { source, .. }) if source.kind() == ErrorKind::WouldBlock => {}
                Err(OpenError::Create { source, .. }) if source.kind() == ErrorKind::NotFound => {}
                result => return result,
            }
            name = name.next();
        }
        Self::create_once(disk, directory, name, room)
    }

    fn create_once<D: Disk<File = F>>(
        disk: &D,
        directory: &Path,
        name: SegmentName,
        room: Room,
    ) -> Result<Self, OpenError> {
        Self::prepare(disk, directory, name, room)?.publish(disk)
    }

    /// Creates the segment, locked, under a name that recovery passes over.
    pub(super) fn prepare<D: Disk<File = F>>(
        disk: &D,
        directory: &Path,
        name: SegmentName,
        room: Room,
    ) -> Result<Self, OpenError> {
        let path = directory.join(name.file_name());
        let unfinished = unfinished(&path);
        let file = disk
            .create(&unfinished)
            .map_err(|source| OpenError::Create {
                path: unfinished,
                source,
            })?;
        let mut segment = Self {
            name,
            path,
            file,
            length: 0,
            capacity: room.capacity,
            torn: false,
        };
        match segment.begin(disk, room) {
            Ok(()) => Ok(segment),
            Err(error) => {
                segment.discard(disk);
                Err(error)
            }
        }
    }

    /// Gives the segment the name that recovery looks for.
    pub(super) fn publish<D: Disk<File = F>>(self, disk: &D) -> Result<Self, OpenError> {
        match disk.rename(&unfinished(&self.path), &self.path) {
            Ok(()) => Ok(self),
            Err(source) => {
                let path = self.path.clone();
                self.discard(disk);
                Err(OpenError::Create { path, source })
            }
        }
    }

    /// Gives up a segment that has no name yet.
    pub(super) fn discard<D: Disk<File = F>>(self, disk: &D) {
        // What is left behind has no entries; recovery removes it.
        _ = disk.remove(&unfinished(&self.path));
        self.unlock();
    }

    /// Locks the file before anything else.
    fn begin<D: Disk<File = F>>(&mut self, disk: &D, room: Room) -> Result<(), OpenError> {
        self.file
            .try_lock()
            .and_then(|locked| locked.then_some(()).ok_or(ErrorKind::WouldBlock.into()))
            .map_err(|source| OpenError::Lock {
                path: unfinished(&self.path),
                source,
            })?;
        let header = FileHeader {
            version: VERSION,
            process: disk.process(),
            segment: self.name.number,
            created: Timestamp::now().as_micros(),
        };
        self.append(&header.encode())
            .map_err(|source| OpenError::Create {
                path: self.path.clone(),
                source,
            })?;
        if room.filled {
            self.fill();
        }
        Ok(())
    }

    /// Fills the room with zeros, as far as possible.
    fn fill(&mut self) {
        let mut left = usize::try_from(self.capacity.saturating_sub(self.length)).unwrap_or(0);
        // Cut off before the first append, if the following fails.
        self.torn = true;
        while left > 0 {
            let next = left.min(ZEROS.len());
            if self.file.write_all(&ZEROS[..next]).is_err() {
                return;
            }
            left -= next;
        }
        self.torn = self.file.seek(SeekFrom::Start(self.length)).is_err();
    }

    /// Writes bytes at the end, all or, as far as any reader is concerned, none.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.torn {
            self.cut_torn_tail()?;
        }
        self.torn = true;
        if let Err(error) = self.file.write_all(bytes) {
            // A tail that cannot be cut now is cut before the next append.
            _ = self.cut_torn_tail();
            return Err(error);
        }
        self.torn = false;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Leaves the segment to recovery, without what is left of its room.
    pub(super) fn unlock(&self) {
        _ = self.file.set_len(self.length);
        // Closing the file does the same, unless copies of its handle are open.
        _ = self.file.unlock();
    }

    pub(super) fn is_full(&self) -> bool {
        self.length >= self.capacity
    }

    /// Whether three quarters are used, so that the next segment should be made.
    pub(super) fn is_nearly_full(&self) -> bool {
        self.length + self.capacity / 4 >= self.capacity
    }

    pub(super) fn is_torn(&self) -> bool {
        self.torn
    }

    fn cut_torn_tail(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.set_len(self.length)?;
        self.torn = false;
        Ok(())
    }
}

/// What a segment is called before it has its name.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(UNFINISHED);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_nothing_else_is() {
        let name = SegmentName::fresh(4711).next();
        assert_eq!(name.process(), Some(4711));
        assert_eq!(SegmentName::parse(&name.file_name()), Some(name.clone()));
        for other in [
            format!("{}{UNFINISHED}", name.file_name()),
            format!("{}{DAMAGED}", name.file_name()),
            format!("{}-2.journal", name.journal),
            "x-000002.journal".to_owned(),
            "-000002.journal".to_owned(),
            "audit.db".to_owned(),
            String::new(),
        ] {
            assert_eq!(SegmentName::parse(&other), None, "{other}");
        }
    }
}
