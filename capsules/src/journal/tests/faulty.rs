//! A disk that fails at the Nth operation.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use super::super::disk::{Disk, DiskFile, SystemDisk};

/// How the Nth operation fails.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fault {
    /// It has no effect and returns an error.
    Error,
    /// A write writes half, and returns how much; other operations return an error.
    Short,
    /// A write writes half and returns an error; other operations return an error.
    Torn,
    /// A write writes half; nothing has an effect from then on, as if the process had died.
    Death,
}

impl Fault {
    pub(super) const ALL: [Self; 4] = [Self::Error, Self::Short, Self::Torn, Self::Death];
}

/// The operating system's file operations, of which one fails.
#[derive(Clone)]
pub(super) struct FaultyDisk {
    plan: Arc<Plan>,
}

struct Plan {
    fault: Fault,
    /// The operation that fails, counted from 0.
    at: u64,
    done: AtomicU64,
    /// While set, every write stops half-way with an error.
    full: AtomicBool,
    /// While set, nothing can be cut off.
    stuck: AtomicBool,
    /// So many files are deleted as soon as they are opened or created.
    vanishing: AtomicU32,
    process: AtomicU32,
    /// Copies of the handles of all files that were opened, as a forked process has them.
    copies: Mutex<Vec<File>>,
}

pub(super) struct FaultyFile {
    file: File,
    plan: Arc<Plan>,
}

impl FaultyDisk {
    pub(super) fn failing_at(at: u64, fault: Fault) -> Self {
        let plan = Plan {
            fault,
            at,
            done: AtomicU64::new(0),
            full: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
            vanishing: AtomicU32::new(0),
            process: AtomicU32::new(1),
            copies: Mutex::new(Vec::new()),
        };
        Self {
            plan: Arc::new(plan),
        }
    }

    pub(super) fn healthy() -> Self {
        Self::failing_at(u64::MAX, Fault::Error)
    }

    /// Whether the operation that fails was reached.
    pub(super) fn has_failed(&self) -> bool {
        self.plan.done.load(SeqCst) > self.plan.at
    }

    pub(super) fn set_full(&self, full: bool) {
        self.plan.full.store(full, SeqCst);
    }

    pub(super) fn set_stuck(&self, stuck: bool) {
        self.plan.stuck.store(stuck, SeqCst);
    }

    /// So many files are deleted as soon as they are opened or created, by somebody else.
    pub(super) fn set_vanishing(&self, files: u32) {
        self.plan.vanishing.store(files, SeqCst);
    }

    pub(super) fn set_process(&self, process: u32) {
        self.plan.process.store(process, SeqCst);
    }

    /// Closes the copies of all handles.
    pub(super) fn close_copies(&self) {
        self.plan.copies.lock().unwrap().clear();
    }

    fn file(&self, path: &Path, file: File) -> io::Result<FaultyFile> {
        let plan = Arc::clone(&self.plan);
        let vanishing = plan.vanishing.load(SeqCst);
        if vanishing > 0 {
            plan.vanishing.store(vanishing - 1, SeqCst);
            SystemDisk.remove(path)?;
        }
        plan.copies.lock().unwrap().push(file.try_clone()?);
        Ok(FaultyFile { file, plan })
    }
}

impl Plan {
    /// Counts an operation; the fault, if it is its turn.
    fn turn(&self) -> Option<Fault> {
        let done = self.done.fetch_add(1, SeqCst);
        (done == self.at || done > self.at && self.fault == Fault::Death).then_some(self.fault)
    }

    fn check(&self) -> io::Result<()> {
        self.turn().map_or(Ok(()), |_| Err(failure()))
    }
}

fn failure() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "injected")
}

impl Disk for FaultyDisk {
    type File = FaultyFile;

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.plan.check()?;
        SystemDisk.create_directory(path)
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        self.plan.check()?;
        SystemDisk.names(directory)
    }

    fn create(&self, path: &Path) -> io::Result<FaultyFile> {
        self.plan.check()?;
        self.file(path, SystemDisk.create(path)?)
    }

    fn open(&self, path: &Path) -> io::Result<FaultyFile> {
        self.plan.check()?;
        self.file(path, SystemDisk.open(path)?)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.plan.check()?;
        SystemDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.plan.check()?;
        SystemDisk.remove(path)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.plan.check()?;
        SystemDisk.exists(path)
    }

    fn process(&self) -> u32 {
        self.plan.process.load(SeqCst)
    }
}

impl DiskFile for FaultyFile {
    fn try_lock(&self) -> io::Result<bool> {
        self.plan.check()?;
        DiskFile::try_lock(&self.file)
    }

    fn try_lock_shared(&self) -> io::Result<bool> {
        self.plan.check()?;
        DiskFile::try_lock_shared(&self.file)
    }

    fn unlock(&self) -> io::Result<()> {
        DiskFile::unlock(&self.file)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.plan.check()?;
        if self.plan.stuck.load(SeqCst) {
            return Err(failure());
        }
        DiskFile::set_len(&self.file, length)
    }
}

impl Write for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let died = self.plan.done.load(SeqCst) > self.plan.at && self.plan.fault == Fault::Death;
        let fault = match self.plan.turn() {
            _ if self.plan.full.load(SeqCst) => Some(Fault::Torn),
            fault => fault,
        };
        match fault {
            None => self.file.write(bytes),
            Some(Fault::Error) => Err(failure()),
            Some(_) if died => Err(failure()),
            Some(Fault::Short) => self.file.write(&bytes[..bytes.len().div_ceil(2)]),
            Some(Fault::Torn | Fault::Death) => {
                self.file.write_all(&bytes[..bytes.len() / 2])?;
                Err(failure())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for FaultyFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.plan.check()?;
        self.file.read(buffer)
    }
}

impl Seek for FaultyFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.plan.check()?;
        self.file.seek(position)
    }
}
