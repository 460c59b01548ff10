//! Handing over what dead processes had accepted.

use std::mem;
use std::path::{Path, PathBuf};

use capsules_core::{Timestamp, Uuid};

use super::claim::{claim, list, read_error, remove_unfinished};
use super::disk::{Disk, SystemDisk};
use super::entry::Kind;
use super::error::{JournalError, RecoverError};
use super::scan::{Damage, Item};
use super::segment::DAMAGED;
use super::survey::{Survey, scan};

/// What is handed over at once at most: so many items, or so many bytes of text and one item.
const BATCH_ITEMS: usize = 1024;
const BATCH_BYTES: usize = 4 << 20;

/// Something that a journal of a dead process holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recovered {
    /// A capsule that was accepted. It may be in the store already; its id tells.
    Accepted(Record),
    /// An action that had started, and whose end is not on file.
    Started(Record),
    /// Bytes that cannot be read. They are kept in a file of the name that is given, which
    /// nothing deletes.
    Damaged(Damage),
}

/// A capsule, or what was known of an action at its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) id: Uuid,
    pub(crate) at: Timestamp,
    pub(crate) text: String,
}

/// What a recovery did.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    /// How many journals were recovered and deleted.
    pub(crate) journals: u64,
    pub(crate) accepted: u64,
    pub(crate) started: u64,
    pub(crate) damaged: u64,
    /// Journals that stay for the next attempt.
    pub(crate) failed: Vec<JournalError>,
}

/// Recovers the journals in a directory whose owners have died.
///
/// `deliver` gets what each of them holds, in its order and in batches, and returns when that is
/// in the store. A journal is deleted when all of it was delivered. Before that, a failure or
/// the death of this process leave it as it is, and it is delivered again from its beginning.
///
/// Any process may call this at any time. A journal that another process is recovering is passed
/// over, and so is one whose owner lives.
///
/// # Errors
///
/// [`RecoverError::Deliver`] at the first error of `deliver`, [`RecoverError::List`] when the
/// directory cannot be read. A single journal that cannot be recovered does not stop the others
/// and is found in [`Recovery::failed`].
pub(crate) fn recover<E>(
    directory: &Path,
    deliver: impl FnMut(Vec<Recovered>) -> Result<(), E>,
) -> Result<Recovery, RecoverError<E>> {
    recover_on(&SystemDisk, directory, deliver)
}

pub(super) fn recover_on<D: Disk, E>(
    disk: &D,
    directory: &Path,
    mut deliver: impl FnMut(Vec<Recovered>) -> Result<(), E>,
) -> Result<Recovery, RecoverError<E>> {
    let mut recovery = Recovery::default();
    remove_unfinished(disk, directory)?;
    for journal in list(disk, directory)?.into_keys() {
        match recover_journal(disk, directory, &journal, &mut recovery, &mut deliver) {
            Ok(()) => {}
            Err(Stop::Journal(error)) => recovery.failed.push(error),
            Err(Stop::Deliver(error)) => return Err(error),
        }
    }
    Ok(recovery)
}

/// Why the recovery of one journal stopped.
enum Stop<E> {
    Journal(JournalError),
    Deliver(RecoverError<E>),
}

impl<E> From<JournalError> for Stop<E> {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

fn recover_journal<D: Disk, E>(
    disk: &D,
    directory: &Path,
    journal: &str,
    recovery: &mut Recovery,
    deliver: &mut impl FnMut(Vec<Recovered>) -> Result<(), E>,
) -> Result<(), Stop<E>> {
    let Some(mut segments) = claim(disk, directory, journal)? else {
        return Ok(());
    };
    let mut survey = Survey::default();
    for (path, file) in &mut segments {
        survey.note_all(&mut file.0, path)?;
    }
    let mut batch = Batch::default();
    for (path, file) in &mut segments {
        let mut scanner = scan(&mut file.0, path)?;
        while let Some(item) = scanner.next().map_err(|source| read_error(path, source))? {
            batch.push(select(&mut survey, item, path));
            if batch.is_full() {
                batch.deliver(recovery, path, deliver)?;
            }
        }
        batch.deliver(recovery, path, deliver)?;
    }
    // Oldest first, so that what is left is never without its end.
    for (path, _) in &segments {
        let removed = if survey.damaged_paths.contains(path) {
            disk.rename(path, &damaged_name(path))
        } else {
            disk.remove(path)
        };
        removed.map_err(|source| JournalError::Remove {
            path: path.clone(),
            source,
        })?;
    }
    recovery.journals += 1;
    Ok(())
}

/// What is to be delivered of an item, after all were noted.
fn select(survey: &mut Survey, item: Item, path: &Path) -> Option<Recovered> {
    match item {
        Item::Entry(header, text) => {
            let record = Record {
                id: header.id,
                at: header.at,
                text,
            };
            match header.kind {
                Kind::Accepted => {
                    (header.sequence > survey.committed).then_some(Recovered::Accepted(record))
                }
                // Removed, as a start may have been copied to a later segment.
                Kind::Started => survey
                    .open
                    .remove(&header.id)
                    .then_some(Recovered::Started(record)),
                Kind::Ended | Kind::Committed => None,
            }
        }
        Item::Damage(span, what) => Some(Recovered::Damaged(Damage {
            path: damaged_name(path),
            offset: span.offset,
            length: span.length,
            what,
        })),
        Item::TornTail => None,
    }
}

#[derive(Default)]
struct Batch {
    items: Vec<Recovered>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, item: Option<Recovered>) {
        if let Some(Recovered::Accepted(record) | Recovered::Started(record)) = &item {
            self.bytes += record.text.len();
        }
        self.items.extend(item);
    }

    fn is_full(&self) -> bool {
        self.items.len() >= BATCH_ITEMS || self.bytes >= BATCH_BYTES
    }

    fn deliver<E>(
        &mut self,
        recovery: &mut Recovery,
        path: &Path,
        deliver: &mut impl FnMut(Vec<Recovered>) -> Result<(), E>,
    ) -> Result<(), Stop<E>> {
        let batch = mem::take(self).items;
        if batch.is_empty() {
            return Ok(());
        }
        let mut delivered = [0; 3];
        for item in &batch {
            delivered[match item {
                Recovered::Accepted(_) => 0,
                Recovered::Started(_) => 1,
                Recovered::Damaged(_) => 2,
            }] += 1;
        }
        deliver(batch).map_err(|source| {
            Stop::Deliver(RecoverError::Deliver {
                path: path.to_owned(),
                source,
            })
        })?;
        recovery.accepted += delivered[0];
        recovery.started += delivered[1];
        recovery.damaged += delivered[2];
        Ok(())
    }
}

fn damaged_name(path: &Path) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(DAMAGED);
    name.into()
}
