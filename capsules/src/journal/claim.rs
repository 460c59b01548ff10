//! Which journals there are, and taking those that have no owner.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::disk::{Disk, DiskFile};
use super::error::{JournalError, ListError};
use super::segment::{SegmentName, UNFINISHED};

/// How often a journal is claimed whose first segment vanishes meanwhile.
const CLAIMS: usize = 8;

/// A journal whose owner has died: its locked segments, oldest first.
pub(super) type Segments<F> = Vec<(PathBuf, Locked<F>)>;

/// The segments in a directory by journal, oldest first.
pub(super) type Listing = BTreeMap<String, BTreeSet<SegmentName>>;

/// A file that is unlocked when it is dropped.
pub(super) struct Locked<F: DiskFile>(pub(super) F);

impl<F: DiskFile> Drop for Locked<F> {
    fn drop(&mut self) {
        // Closing the file does the same, unless copies of its handle are open.
        _ = self.0.unlock();
    }
}

/// Lists the segments in a directory.
pub(super) fn list<D: Disk>(disk: &D, directory: &Path) -> Result<Listing, ListError> {
    let mut journals = Listing::new();
    for name in names(disk, directory)? {
        if let Some(name) = SegmentName::parse(&name) {
            journals
                .entry(name.journal.clone())
                .or_default()
                .insert(name);
        }
    }
    Ok(journals)
}

/// Removes what processes left behind that died while they created a segment.
pub(super) fn remove_unfinished<D: Disk>(disk: &D, directory: &Path) -> Result<(), ListError> {
    for name in names(disk, directory)? {
        if name
            .strip_suffix(UNFINISHED)
            .and_then(SegmentName::parse)
            .is_some()
        {
            let path = directory.join(name);
            if let Ok(Lock::Taken(_file)) = lock(disk, &path) {
                // It holds no entry; the next recovery tries again.
                _ = disk.remove(&path);
            }
        }
    }
    Ok(())
}

/// The journals that were taken, or why one could not be.
type Claimed<F> = Vec<Result<Segments<F>, JournalError>>;

/// Takes the locks of all segments of these journals. Left out are those that have an owner, and
/// those that another process recovers or has recovered.
///
/// The first segment decides. Its lock is held by the owner, or by whoever recovers, until the
/// file is deleted.
pub(super) fn claim<D: Disk>(
    disk: &D,
    directory: &Path,
    mut journals: Listing,
) -> Result<Claimed<D::File>, ListError> {
    let mut claimed = Vec::with_capacity(journals.len());
    for _ in 0..CLAIMS {
        let mut vanished = BTreeSet::new();
        for (journal, names) in journals {
            let Some(first) = names.first() else {
                continue;
            };
            let path = directory.join(first.file_name());
            match lock(disk, &path) {
                Ok(Lock::Taken(file)) => claimed.push((journal, Ok(vec![(path, file)]))),
                Ok(Lock::Held) => {}
                // Deleted by its owner, who may have died since.
                Ok(Lock::Deleted) => _ = vanished.insert(journal),
                Err(error) => claimed.push((journal, Err(error))),
            }
        }
        if vanished.is_empty() {
            break;
        }
        journals = list(disk, directory)?;
        journals.retain(|journal, _| vanished.contains(journal));
    }
    // Listed again, as only now it is certain that no segment is added.
    let mut journals = list(disk, directory)?;
    let complete = claimed.into_iter().filter_map(|(journal, first)| {
        let names = journals.remove(&journal).unwrap_or_default();
        let all = first.and_then(|first| lock_rest(disk, directory, first, names));
        all.transpose()
    });
    Ok(complete.collect())
}

/// Takes the locks of the segments after the first one. `None` when one of them is not free.
fn lock_rest<D: Disk>(
    disk: &D,
    directory: &Path,
    mut segments: Segments<D::File>,
    names: BTreeSet<SegmentName>,
) -> Result<Option<Segments<D::File>>, JournalError> {
    let first = segments.first().map(|(path, _)| path.clone());
    for name in names {
        let path = directory.join(name.file_name());
        if first.as_ref() == Some(&path) {
            continue;
        }
        match lock(disk, &path)? {
            Lock::Taken(file) => segments.push((path, file)),
            Lock::Held | Lock::Deleted => return Ok(None),
        }
    }
    Ok(Some(segments))
}

enum Lock<F: DiskFile> {
    Taken(Locked<F>),
    Held,
    Deleted,
}

fn lock<D: Disk>(disk: &D, path: &Path) -> Result<Lock<D::File>, JournalError> {
    let file = match disk.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lock::Deleted),
        opened => opened.map_err(|source| read_error(path, source))?,
    };
    let locked = file.try_lock().map_err(|source| read_error(path, source))?;
    if !locked {
        return Ok(Lock::Held);
    }
    let file = Locked(file);
    // Names are never used again: if it exists, it is the file that was opened.
    let exists = disk
        .exists(path)
        .map_err(|source| read_error(path, source))?;
    Ok(if exists {
        Lock::Taken(file)
    } else {
        Lock::Deleted
    })
}

fn names<D: Disk>(disk: &D, directory: &Path) -> Result<Vec<String>, ListError> {
    match disk.names(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        names => names.map_err(|source| ListError {
            path: directory.to_owned(),
            source,
        }),
    }
}

pub(super) fn read_error(path: &Path, source: io::Error) -> JournalError {
    JournalError::Read {
        path: path.to_owned(),
        source,
    }
}
