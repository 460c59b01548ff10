//! Files and standard input.

use std::ffi::OsString;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::PathBuf;

use capsules_core::SealedRecord;
use capsules_core::export::Records;

use crate::args::Global;
use crate::progress::{Progress, Unit};
use crate::{CliError, Result};

/// A file to read, or standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    File(PathBuf),
    Stdin,
}

impl Input {
    /// Opens it for reading from the beginning.
    pub(crate) fn open(&self) -> Result<Box<dyn Read>> {
        match self {
            Self::Stdin => Ok(Box::new(io::stdin().lock())),
            Self::File(path) if path.is_dir() => {
                let reason = "it is a directory; name a file, or a data directory with --data-dir";
                Err(self.unreadable(io::Error::new(io::ErrorKind::IsADirectory, reason)))
            }
            Self::File(path) => match File::open(path) {
                Ok(file) => Ok(Box::new(file)),
                Err(error) => Err(self.unreadable(error)),
            },
        }
    }

    /// Everything in it.
    pub(crate) fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open()?
            .read_to_end(&mut bytes)
            .map_err(|error| self.unreadable(error))?;
        Ok(bytes)
    }

    /// Everything in it, for a key or another small file. A larger one is not what was meant.
    pub(crate) fn read_small(&self) -> Result<Vec<u8>> {
        self.read_up_to(64 << 10)
    }

    /// Everything in it. A larger one is not what was meant.
    pub(crate) fn read_up_to(&self, most: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.open()?.take(most + 1).read_to_end(&mut bytes);
        match read {
            Ok(read) if read as u64 > most => {
                let reason = format!("it has more than {most} bytes");
                Err(self.unreadable(io::Error::other(reason)))
            }
            Ok(_) => Ok(bytes),
            Err(error) => Err(self.unreadable(error)),
        }
    }

    /// The progress of reading it to its end.
    pub(crate) fn progress(&self, global: &Global, work: &'static str) -> Progress {
        let size = match self {
            Self::File(path) => path.metadata().ok().filter(Metadata::is_file),
            Self::Stdin => None,
        };
        Progress::new(global, work, Unit::Bytes, size.map(|file| file.len()))
    }

    /// The sealed records of an export, read one after the other.
    pub(crate) fn records<'p>(
        &self,
        progress: &'p Progress,
    ) -> Result<impl Iterator<Item = Result<SealedRecord>> + use<'p, '_>> {
        let records = Records::new(progress.reading(self.open()?));
        Ok(records.map(|record| {
            record.map_err(|reason| CliError::Export {
                input: self.to_string(),
                reason,
            })
        }))
    }

    pub(crate) fn unreadable(&self, reason: io::Error) -> CliError {
        CliError::Read {
            input: self.to_string(),
            reason,
        }
    }
}

impl From<OsString> for Input {
    fn from(text: OsString) -> Self {
        if text == "-" {
            Self::Stdin
        } else {
            Self::File(text.into())
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}
