//! The operating system's file operations, as a trait so that tests can make each of them fail.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

/// The file operations of the journal.
pub(crate) trait Disk: Clone {
    type File: DiskFile;

    /// Creates a directory that only its owner can use; it may exist already.
    fn create_directory(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory that are valid Unicode, as all of the journal's are.
    fn names(&self, directory: &Path) -> io::Result<Vec<String>>;
    /// Creates a file that only its owner can read or write; it must not exist.
    fn create(&self, path: &Path) -> io::Result<Self::File>;
    /// Opens an existing file for reading.
    fn open(&self, path: &Path) -> io::Result<Self::File>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    fn exists(&self, path: &Path) -> io::Result<bool>;
    /// The process that is running.
    fn process(&self) -> u32;
}

/// An open file.
///
/// Its lock is released by [`unlock`](Self::unlock), or when the last handle to it is closed.
/// That can be late: a process that another thread is starting has copies of all handles for a
/// moment, and a forked child has them for as long as it lives.
pub(crate) trait DiskFile: Read + Write + Seek + Send {
    /// Takes the exclusive lock; `false` when another handle holds one.
    fn try_lock(&self) -> io::Result<bool>;
    /// Takes a shared lock; `false` when another handle holds the exclusive one.
    fn try_lock_shared(&self) -> io::Result<bool>;
    fn unlock(&self) -> io::Result<()>;
    fn set_len(&self, length: u64) -> io::Result<()>;
}

/// The operating system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemDisk;

impl Disk for SystemDisk {
    type File = File;

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            result => result,
        }
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(directory)?
            .filter_map(|entry| match entry {
                Ok(entry) => entry.file_name().into_string().ok().map(Ok),
                Err(error) => Some(Err(error)),
            })
            .collect()
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path)
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        File::open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    fn process(&self) -> u32 {
        std::process::id()
    }
}

impl DiskFile for File {
    fn try_lock(&self) -> io::Result<bool> {
        unless_held(File::try_lock(self))
    }

    fn try_lock_shared(&self) -> io::Result<bool> {
        unless_held(File::try_lock_shared(self))
    }

    fn unlock(&self) -> io::Result<()> {
        File::unlock(self)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        File::set_len(self, length)
    }
}

fn unless_held(locked: Result<(), TryLockError>) -> io::Result<bool> {
    match locked {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
