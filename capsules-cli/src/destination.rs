//! Files that appear whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IntoInnerError, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::source::is_sqlite;
use crate::{CliError, Result};

/// Where an output goes: standard output, or a file.
#[derive(Debug)]
pub(crate) enum Destination {
    Stdout(BufWriter<io::Stdout>),
    /// A file that takes its place when it is complete.
    File {
        path: PathBuf,
        staged: BufWriter<NamedTempFile>,
    },
    /// What has a name and is no file, such as a pipe or a device. It is never replaced.
    Special {
        path: PathBuf,
        file: BufWriter<File>,
    },
}

impl Destination {
    pub(crate) fn open(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self::Stdout(BufWriter::with_capacity(CHUNK, io::stdout())));
        };
        let failed = |reason| CliError::WriteFile {
            path: path.to_owned(),
            reason,
        };
        // A link is followed, so that what it leads to is replaced and not the link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if path.metadata().is_ok_and(|file| !file.is_file()) {
            let file = OpenOptions::new().write(true).open(&path).map_err(failed)?;
            let file = BufWriter::with_capacity(CHUNK, file);
            return Ok(Self::Special { path, file });
        }
        if is_sqlite(&path) {
            return Err(CliError::WouldReplaceStore { path });
        }
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if !directory.is_dir() {
            let reason = format!("there is no directory {}", directory.display());
            return Err(failed(io::Error::new(io::ErrorKind::NotFound, reason)));
        }
        let staged = NamedTempFile::with_prefix_in(".capsules-", directory).map_err(failed)?;
        let staged = BufWriter::with_capacity(CHUNK, staged);
        Ok(Self::File { path, staged })
    }

    /// Brings a file to stable storage and puts it in its place. A destination that is dropped
    /// without this leaves no file.
    pub(crate) fn finish(self) -> Result<()> {
        match self {
            Self::Stdout(mut stdout) => stdout.flush().map_err(CliError::Write),
            Self::Special { path, mut file } => file
                .flush()
                .map_err(|reason| CliError::WriteFile { path, reason }),
            Self::File { path, staged } => {
                let publish = || {
                    let staged = staged.into_inner().map_err(IntoInnerError::into_error)?;
                    staged.as_file().sync_all()?;
                    staged.persist(&path).map_err(|error| error.error)
                };
                match publish() {
                    Ok(_) => Ok(()),
                    Err(reason) => Err(CliError::WriteFile { path, reason }),
                }
            }
        }
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File { staged, .. } => staged.write(bytes),
            Self::Special { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File { staged, .. } => staged.flush(),
            Self::Special { file, .. } => file.flush(),
        }
    }
}

const CHUNK: usize = 64 * 1024;
