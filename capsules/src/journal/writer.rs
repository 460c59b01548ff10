//! The journal that a process writes.

use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use capsules_core::{Timestamp, Uuid};

use super::disk::{Disk, SystemDisk};
use super::entry::{EntryHeader, Kind};
use super::error::{AppendError, OpenError, TrimError};
use super::segment::{Room, Segment, SegmentName};
use super::spare::Spare;
use super::state::{OldSegment, Start, State, header};
use super::watermark::{Receipt, Watermark};

/// From this length on a segment is replaced when something is committed, in bytes.
const SEGMENT: u64 = 4 << 20;
/// The same of a journal's first segment. Not filled ahead, since most processes that record
/// little never get beyond it.
const FIRST_SEGMENT: u64 = 64 << 10;

/// The journal of this process for one store.
///
/// Appending takes one `write` under a lock, so the order of entries in the file is the order of
/// their receipts. Only [`committed`](Self::committed) begins and deletes segments, so an append
/// never waits for either; [`prepare`](Self::prepare) makes them beforehand.
///
/// A forked child shares the file and its lock with its parent. It must not write there: it
/// [lets go](Self::let_go) of the journal and opens one of its own.
pub(crate) struct Journal<D: Disk = SystemDisk> {
    disk: D,
    directory: PathBuf,
    segment_length: u64,
    process: u32,
    /// `None` when closed.
    state: Mutex<Option<State<D::File>>>,
    /// Locked before `spare` and `state`, and for as long as segments are created or deleted.
    progress: Mutex<Progress>,
    /// Locked before `state`.
    spare: Spare<D::File>,
}

#[derive(Default)]
struct Progress {
    committed: Watermark,
    /// Up to where the file says so.
    marked: u64,
}

impl Journal {
    /// Opens a journal for this process in a directory, which is created if need be; not its
    /// parent.
    pub(crate) fn open(directory: &Path) -> Result<Self, OpenError> {
        Self::open_on(SystemDisk, directory, SEGMENT)
    }
}

impl<D: Disk> Journal<D> {
    pub(super) fn open_on(
        disk: D,
        directory: &Path,
        segment_length: u64,
    ) -> Result<Self, OpenError> {
        let process = disk.process();
        let room = Room {
            capacity: segment_length.min(FIRST_SEGMENT),
            filled: false,
        };
        let current = Segment::create(&disk, directory, SegmentName::fresh(process), room)?;
        Ok(Self {
            disk,
            directory: directory.to_owned(),
            segment_length,
            process,
            state: Mutex::new(Some(State::of(current))),
            progress: Mutex::new(Progress::default()),
            spare: Spare::none(),
        })
    }

    /// Notes that the action of this id has started. `text` is what is known of it, in a form
    /// that whoever recovers the journal understands.
    ///
    /// # Errors
    ///
    /// [`AppendError`]; the start is not on file then.
    pub(crate) fn start(&self, id: Uuid, at: Timestamp, text: &str) -> Result<(), AppendError> {
        let start = Start {
            segment: 0,
            at,
            text: text.into(),
        };
        let header = header(Kind::Started, id, at, text)?;
        self.with_state(|state| {
            state.append(header, text)?;
            let segment = state.current.name.number;
            state.open.insert(id, Start { segment, ..start });
            Ok(())
        })
    }

    /// Accepts a capsule, and notes that the action of its id has ended.
    ///
    /// # Errors
    ///
    /// [`AppendError`]; the capsule is not on file then, and the action still counts as started.
    pub(crate) fn accept(
        &self,
        id: Uuid,
        at: Timestamp,
        text: &str,
    ) -> Result<Receipt, AppendError> {
        let header = header(Kind::Accepted, id, at, text)?;
        let (sequence, _start) = self.with_state(|state| {
            let sequence = state.accepted + 1;
            state.append(EntryHeader { sequence, ..header }, text)?;
            state.accepted = sequence;
            Ok((sequence, state.open.remove(&id)))
        })?;
        Ok(Receipt { sequence })
    }

    /// Notes that the action of this id has ended and leaves no capsule.
    ///
    /// # Errors
    ///
    /// [`AppendError`]; should the process die soon, the action may count as started then.
    pub(crate) fn end(&self, id: Uuid) -> Result<(), AppendError> {
        let header = header(Kind::Ended, id, Timestamp::now(), "")?;
        self.with_state(|state| {
            state.open.remove(&id);
            state.append(header, "")
        })
    }

    /// Notes that the capsule of an action is in the store, which never was in the journal. That is
    /// written with the next entry: until then a recovery finds the action, and its capsule stored.
    ///
    /// # Errors
    ///
    /// Those of [`committed`](Self::committed), which this does once in a while.
    pub(crate) fn stored(&self, id: Uuid) -> Result<(), TrimError> {
        let header = header(Kind::Ended, id, Timestamp::now(), "")?;
        if self.with_state(|state| Ok(state.note_end(&header)))? {
            self.committed([])?;
        }
        Ok(())
    }

    /// Says that these capsules are in the store, or that it is on record there that they are
    /// lost. The journal gives up the room that is needed no longer.
    ///
    /// # Errors
    ///
    /// [`TrimError`] when the journal could not be trimmed. What was said is remembered, and
    /// every later call tries again, without receipts too.
    pub(crate) fn committed(
        &self,
        receipts: impl IntoIterator<Item = Receipt>,
    ) -> Result<(), TrimError> {
        let mut progress = lock(&self.progress);
        for receipt in receipts {
            progress.committed.commit(receipt.sequence);
        }
        // Each step helps even if the one before it failed.
        let marked = self.mark(&mut progress);
        let noted = self.with_state(State::write_notes);
        let replaced = self.replace_segment();
        let removed = self.remove_segments(progress.committed.through());
        marked
            .and(noted.map_err(TrimError::from))
            .and(replaced)
            .and(removed)
    }

    /// Whether it is time to [`prepare`](Self::prepare).
    pub(crate) fn is_untidy(&self) -> bool {
        let nearly_full = || self.with_state(|state| Ok(state.current.is_nearly_full()));
        self.spare.is_missing() && nearly_full().unwrap_or(false)
    }

    /// Makes the segment that comes next. Without that it is made when it is needed, while everybody
    /// waits for it.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when it could not be made.
    pub(crate) fn prepare(&self) -> Result<(), OpenError> {
        let next = || self.with_state(|state| Ok(state.current.name.next())).ok();
        self.spare
            .prepare(&self.disk, &self.directory, self.room(), next)
    }

    /// Closes the journal, and deletes it if all that it holds is committed. Otherwise it waits
    /// for recovery. Entries appended later fail. Dropping the journal does the same. In a forked
    /// child nothing happens.
    ///
    /// # Errors
    ///
    /// [`TrimError::Remove`] when a file could not be deleted; recovery deletes it.
    pub(crate) fn close(&self) -> Result<(), TrimError> {
        if self.disk.process() != self.process {
            return Ok(());
        }
        let progress = lock(&self.progress);
        let Some(mut state) = lock(&self.state).take() else {
            return Ok(());
        };
        self.spare.discard(&self.disk);
        let needed = progress.committed.through() < state.accepted || !state.open.is_empty();
        if needed {
            // What is missing costs the recovery a look at the store.
            let _ = state.write_notes();
        }
        let segments = || {
            let old = state.old.iter().map(|old| &old.segment);
            old.chain([&state.current])
        };
        let removed = if needed {
            Ok(())
        } else {
            segments().try_for_each(|segment| self.remove(segment))
        };
        segments().for_each(Segment::unlock);
        removed
    }

    /// For a forked child: closes its handles of the files and leaves both to its parent, whose
    /// death would otherwise go unnoticed for as long as the child lives. That is so when another
    /// thread was writing at the fork: its lock is never released in the child.
    pub(crate) fn let_go(&self) {
        match self.state.try_lock() {
            Ok(mut state) => *state = None,
            Err(TryLockError::Poisoned(state)) => *state.into_inner() = None,
            Err(TryLockError::WouldBlock) => {}
        }
        self.spare.let_go();
    }

    /// Writes down what is committed, so that recovery need not look for it in the store.
    fn mark(&self, progress: &mut Progress) -> Result<(), TrimError> {
        let sequence = progress.committed.through();
        if sequence > progress.marked {
            let header = header(Kind::Committed, Uuid::nil(), Timestamp::now(), "")?;
            self.with_state(|state| state.append(EntryHeader { sequence, ..header }, ""))?;
            progress.marked = sequence;
        }
        Ok(())
    }

    /// Goes on in a new segment if the current one is long, damaged or deleted.
    fn replace_segment(&self) -> Result<(), TrimError> {
        let (path, name, due) = self.with_state(|state| {
            let current = &state.current;
            let due = current.is_full() || current.is_torn();
            Ok((current.path.clone(), current.name.next(), due))
        })?;
        if due || !self.disk.exists(&path).unwrap_or(true) {
            let fresh = match self.spare.take(&self.disk) {
                Some(spare) => spare,
                None => Segment::create(&self.disk, &self.directory, name, self.room())?,
            };
            self.with_state(|state| {
                let segment = mem::replace(&mut state.current, fresh);
                state.old.push_back(OldSegment {
                    segment,
                    last: state.accepted,
                });
                Ok(())
            })?;
        }
        Ok(())
    }

    /// What the segments after the first have room for.
    fn room(&self) -> Room {
        Room {
            capacity: self.segment_length,
            filled: true,
        }
    }

    /// Deletes the oldest segments as far as nothing in them is needed.
    fn remove_segments(&self, through: u64) -> Result<(), TrimError> {
        loop {
            let done = self.with_state(|state| {
                let done = state.old.front().is_some_and(|old| old.last <= through);
                if done {
                    state.carry_starts()?;
                }
                Ok(done.then(|| state.old.pop_front()).flatten())
            })?;
            let Some(old) = done else {
                return Ok(());
            };
            if let Err(error) = self.remove(&old.segment) {
                // Without its lock it would pass for a dead process's.
                self.with_state(|state| {
                    state.old.push_front(old);
                    Ok(())
                })?;
                return Err(error);
            }
        }
    }

    fn remove(&self, segment: &Segment<D::File>) -> Result<(), TrimError> {
        match self.disk.remove(&segment.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(TrimError::Remove {
                path: segment.path.clone(),
                source: error,
            }),
            _ => Ok(()),
        }
    }

    fn with_state<T>(
        &self,
        work: impl FnOnce(&mut State<D::File>) -> Result<T, AppendError>,
    ) -> Result<T, AppendError> {
        match &mut *lock(&self.state) {
            Some(state) => work(state),
            None => Err(AppendError::Closed {
                directory: self.directory.clone(),
            }),
        }
    }
}

impl<D: Disk> Drop for Journal<D> {
    fn drop(&mut self) {
        _ = self.close();
    }
}

/// A thread that panicked leaves nothing half-done behind: an interrupted write is marked torn.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
