//! Listing the journals that wait for recovery.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::claim::{Locked, list, read_error};
use super::disk::{Disk, DiskFile, SystemDisk};
use super::error::{JournalError, ListError};
use super::segment::SegmentName;
use super::survey::Survey;

/// A journal whose owner has died and that holds something to recover.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaitingJournal {
    /// Its first segment.
    pub path: PathBuf,
    /// The process that wrote it.
    pub process: u32,
    /// Capsules that were accepted and are not marked as committed.
    pub accepted: u64,
    /// Actions that had started and not ended.
    pub started: u64,
    /// Places that cannot be read.
    pub damaged: u64,
    /// The size of all its segments.
    pub bytes: u64,
    /// Why it cannot be read further, if so.
    pub problem: Option<String>,
}

/// The journals in a directory that wait for recovery. Changes nothing.
///
/// # Errors
///
/// [`ListError`] when the directory cannot be read.
pub(crate) fn waiting(directory: &Path) -> Result<Vec<WaitingJournal>, ListError> {
    waiting_on(&SystemDisk, directory)
}

pub(super) fn waiting_on<D: Disk>(
    disk: &D,
    directory: &Path,
) -> Result<Vec<WaitingJournal>, ListError> {
    let journals = list(disk, directory)?;
    let found = journals.into_values().filter_map(|names| {
        let first = names.first()?;
        let path = directory.join(first.file_name());
        let mut survey = Survey::default();
        let problem = survey_dead(disk, directory, &names, &mut survey).err();
        if let Some(JournalError::Read { source, .. }) = &problem
            && source.kind() == io::ErrorKind::NotFound
        {
            // Recovered or deleted in the meantime.
            return None;
        }
        let journal = WaitingJournal {
            path,
            process: first.process()?,
            accepted: survey.uncommitted.len() as u64,
            started: survey.open.len() as u64,
            damaged: survey.damaged,
            bytes: survey.bytes,
            problem: problem.map(|problem| problem.to_string()),
        };
        let waits = journal.accepted + journal.started + journal.damaged > 0;
        (waits || journal.problem.is_some()).then_some(journal)
    });
    Ok(found.collect())
}

/// Surveys a journal unless its owner lives. The lock is held only to find that out: recovery
/// would pass over the journal in the meantime.
fn survey_dead<D: Disk>(
    disk: &D,
    directory: &Path,
    names: &BTreeSet<SegmentName>,
    survey: &mut Survey,
) -> Result<(), JournalError> {
    for (index, name) in names.iter().enumerate() {
        let path = directory.join(name.file_name());
        let open = || disk.open(&path).map_err(|source| read_error(&path, source));
        if index == 0 {
            let file = open()?;
            let dead = file.try_lock_shared();
            if !dead.map_err(|source| read_error(&path, source))? {
                return Ok(());
            }
            drop(Locked(file));
        }
        survey.note_all(&mut open()?, &path)?;
    }
    Ok(())
}
