//! Where servers run that tests start: a directory of their own, and not as root.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory that is left to whoever removes it.
pub(crate) struct Place {
    path: PathBuf,
}

impl Place {
    /// Makes a directory. Its path is short: that of a socket is limited to about a hundred bytes.
    ///
    /// # Errors
    ///
    /// When the system's directory for temporary files cannot be written.
    pub(crate) fn new() -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("capsules-pg-").tempdir()?;
        let path = directory.keep();
        give_to_nobody(&path)?;
        Ok(Self { path })
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file that the server, and nobody else, may read.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::write(&path, content).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;

            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        give_to_nobody(&path).unwrap();
        path
    }

    /// Has a program run in the directory, and not as root.
    pub(crate) fn as_nobody<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        #[cfg(unix)]
        if is_root(Path::new("/proc/self")) {
            use std::os::unix::process::CommandExt;

            command.uid(NOBODY).gid(NOBODY);
        }
        command.current_dir(&self.path)
    }
}

/// A TCP port of 127.0.0.1 on which nobody listens, kept for a server that a test starts, stops and
/// starts again.
///
/// It is not one of those that operating systems give out by themselves, and other tests leave it
/// alone: whoever has the UDP port of the same number has the TCP port too.
pub(crate) struct Port {
    number: u16,
    _claim: UdpSocket,
}

impl Port {
    /// Claims a port until this is dropped.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn claim() -> io::Result<Self> {
        let claim = |number| {
            let claim = UdpSocket::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
            TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
            Some(Self {
                number,
                _claim: claim,
            })
        };
        let found = (20_000..30_000).find_map(claim);
        found.ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }

    /// Its number.
    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(unix)]
fn give_to_nobody(path: &Path) -> io::Result<()> {
    if is_root(path) {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn give_to_nobody(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn is_root(of_this_process: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    fs::metadata(of_this_process).is_ok_and(|metadata| metadata.uid() == 0)
}

/// Root may not run PostgreSQL.
#[cfg(unix)]
const NOBODY: u32 = 65_534;
