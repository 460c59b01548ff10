//! Handing over what dead processes had accepted.

use std::collections::BTreeSet;
use std::mem;
use std::path::{Path, PathBuf};

use capsules_core::{Timestamp, Uuid};

use super::claim::{Listing, Segments, claim, list, read_error, remove_unfinished};
use super::disk::{Disk, DiskFile, SystemDisk};
use super::entry::Kind;
use super::error::{JournalError, RecoverError};
use super::scan::{Damage, Item};
use super::segment::DAMAGED;
use super::survey::{Survey, scan};

/// What is handed over at once at most: so many items, or so many bytes of text and one item.
const BATCH_ITEMS: usize = 1024;
const BATCH_BYTES: usize = 4 << 20;

/// So many segments and one journal are open at once at most. The first group is of one, and each
/// twice as large as the one before it: a process that soon dies again has recovered something.
const GROUP: usize = 64;

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
/// `deliver` gets what they hold, journal by journal and each in its order, in batches that small
/// journals share, and returns when that is in the store. A journal is deleted when all of it was
/// delivered. Before that, a failure or the death of this process leave it as it is, and it is
/// delivered again from its beginning.
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
    deliver: impl FnMut(Vec<Recovered>) -> Result<(), E>,
) -> Result<Recovery, RecoverError<E>> {
    remove_unfinished(disk, directory)?;
    let mut run = Run {
        disk,
        deliver,
        batch: Batch::default(),
        read: Vec::new(),
        recovery: Recovery::default(),
    };
    for group in groups(list(disk, directory)?) {
        for journal in claim(disk, directory, group)? {
            match journal
                .map_err(Stop::Journal)
                .and_then(|segments| run.read(segments))
            {
                Ok(()) => {}
                Err(Stop::Journal(error)) => run.recovery.failed.push(error),
                Err(Stop::Deliver(error)) => return Err(error),
            }
        }
        run.finish()?;
    }
    Ok(run.recovery)
}

/// Journals that are recovered together.
fn groups(journals: Listing) -> Vec<Listing> {
    let mut groups = Vec::new();
    let mut room = 0;
    let mut next = 1;
    for (journal, names) in journals {
        if room == 0 {
            groups.push(Listing::new());
            room = next;
            next = (next * 2).min(GROUP);
        }
        room = room.saturating_sub(names.len());
        if let Some(group) = groups.last_mut() {
            group.insert(journal, names);
        }
    }
    groups
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

struct Run<'d, D: Disk, F> {
    disk: &'d D,
    deliver: F,
    batch: Batch,
    /// Journals that were read to their end. What is not in the batch is delivered.
    read: Vec<Read<D::File>>,
    recovery: Recovery,
}

/// A journal that was read to its end.
struct Read<F: DiskFile> {
    segments: Segments<F>,
    damaged: BTreeSet<PathBuf>,
}

impl<D: Disk, E, F: FnMut(Vec<Recovered>) -> Result<(), E>> Run<'_, D, F> {
    /// Reads a journal, and delivers what fills a batch.
    fn read(&mut self, mut segments: Segments<D::File>) -> Result<(), Stop<E>> {
        let mut survey = Survey::default();
        for (path, file) in &mut segments {
            survey.note_all(&mut file.0, path)?;
        }
        for (path, file) in &mut segments {
            let mut scanner = scan(&mut file.0, path)?;
            while let Some(item) = scanner.next().map_err(|source| read_error(path, source))? {
                self.batch.push(select(&mut survey, item, path), path);
                if self.batch.is_full() {
                    self.deliver().map_err(Stop::Deliver)?;
                }
            }
        }
        self.read.push(Read {
            segments,
            damaged: survey.damaged_paths,
        });
        Ok(())
    }

    /// Delivers the rest, and deletes what was read.
    fn finish(&mut self) -> Result<(), RecoverError<E>> {
        self.deliver()?;
        for journal in mem::take(&mut self.read) {
            match journal.delete(self.disk) {
                Ok(()) => self.recovery.journals += 1,
                Err(error) => self.recovery.failed.push(error),
            }
        }
        Ok(())
    }

    fn deliver(&mut self) -> Result<(), RecoverError<E>> {
        let Batch { items, last, .. } = mem::take(&mut self.batch);
        if items.is_empty() {
            return Ok(());
        }
        let mut delivered = [0; 3];
        for item in &items {
            delivered[match item {
                Recovered::Accepted(_) => 0,
                Recovered::Started(_) => 1,
                Recovered::Damaged(_) => 2,
            }] += 1;
        }
        (self.deliver)(items).map_err(|source| RecoverError::Deliver { path: last, source })?;
        self.recovery.accepted += delivered[0];
        self.recovery.started += delivered[1];
        self.recovery.damaged += delivered[2];
        Ok(())
    }
}

impl<F: DiskFile> Read<F> {
    /// Oldest first, so that what is left is never without its end.
    fn delete<D: Disk<File = F>>(&self, disk: &D) -> Result<(), JournalError> {
        for (path, _) in &self.segments {
            let removed = if self.damaged.contains(path) {
                disk.rename(path, &damaged_name(path))
            } else {
                disk.remove(path)
            };
            removed.map_err(|source| JournalError::Remove {
                path: path.clone(),
                source,
            })?;
        }
        Ok(())
    }
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
    /// Where the last item was read.
    last: PathBuf,
}

impl Batch {
    fn push(&mut self, item: Option<Recovered>, path: &Path) {
        if let Some(Recovered::Accepted(record) | Recovered::Started(record)) = &item {
            self.bytes += record.text.len();
        }
        if item.is_some() && self.last != path {
            path.clone_into(&mut self.last);
        }
        self.items.extend(item);
    }

    fn is_full(&self) -> bool {
        self.items.len() >= BATCH_ITEMS || self.bytes >= BATCH_BYTES
    }
}

fn damaged_name(path: &Path) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(DAMAGED);
    name.into()
}
