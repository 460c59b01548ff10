//! The segment that comes next, made before it is needed.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use super::disk::{Disk, DiskFile};
use super::error::OpenError;
use super::segment::{Room, Segment, SegmentName};

/// A segment that is locked and has its room, and not yet its name: to recovery it does not exist.
///
/// To fill a segment takes milliseconds, in which everybody waits who waits for a commit.
pub(super) struct Spare<F>(Mutex<Option<Segment<F>>>);

impl<F: DiskFile> Spare<F> {
    pub(super) fn none() -> Self {
        Self(Mutex::new(None))
    }

    /// Whether there is none, and nobody makes one.
    pub(super) fn is_missing(&self) -> bool {
        self.0.try_lock().is_ok_and(|spare| spare.is_none())
    }

    /// Makes a segment of the name that is given, unless there is one or none is wanted.
    pub(super) fn prepare<D: Disk<File = F>>(
        &self,
        disk: &D,
        directory: &Path,
        room: Room,
        name: impl FnOnce() -> Option<SegmentName>,
    ) -> Result<(), OpenError> {
        let mut spare = self.lock();
        if spare.is_none()
            && let Some(name) = name()
        {
            *spare = Some(Segment::prepare(disk, directory, name, room)?);
        }
        Ok(())
    }

    /// The segment, under its name. `None` when there is none, or it has no place any more.
    pub(super) fn take<D: Disk<File = F>>(&self, disk: &D) -> Option<Segment<F>> {
        self.lock()
            .take()
            .and_then(|segment| segment.publish(disk).ok())
    }

    /// Deletes the segment.
    pub(super) fn discard<D: Disk<File = F>>(&self, disk: &D) {
        if let Some(segment) = self.lock().take() {
            segment.discard(disk);
        }
    }

    /// Closes the handle, for a forked child.
    pub(super) fn let_go(&self) {
        match self.0.try_lock() {
            Ok(mut spare) => *spare = None,
            Err(TryLockError::Poisoned(spare)) => *spare.into_inner() = None,
            Err(TryLockError::WouldBlock) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Segment<F>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
