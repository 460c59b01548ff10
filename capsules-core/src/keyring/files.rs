//! Small files that are replaced as a whole and survive a crash.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use super::KeyringError;

/// Called after every change of the file system; an error stops there, as a crash would.
pub(crate) type Progress<'a> = dyn FnMut() -> io::Result<()> + 'a;

/// Writes a file that only the owner may read, from the moment that it exists, and brings it to
/// stable storage. A file of that name is replaced, never followed if it is a link.
pub(crate) fn stage(
    path: &Path,
    bytes: &[u8],
    progress: &mut Progress<'_>,
) -> Result<(), KeyringError> {
    remove(path, progress)?;
    let mut write = || {
        let mut file = private().create_new(true).open(path)?;
        progress()?;
        file.write_all(bytes)?;
        progress()?;
        file.sync_all()?;
        progress()
    };
    write().map_err(KeyringError::io("write", path))
}

/// Moves a staged file into its place. Once this returns the change survives a loss of power.
pub(crate) fn publish(
    from: &Path,
    to: &Path,
    progress: &mut Progress<'_>,
) -> Result<(), KeyringError> {
    let mut rename = || {
        fs::rename(from, to)?;
        progress()?;
        sync_parent(to)?;
        progress()
    };
    rename().map_err(KeyringError::io("replace", to))
}

/// Removes a file if it is there.
pub(super) fn remove(path: &Path, progress: &mut Progress<'_>) -> Result<(), KeyringError> {
    match fs::remove_file(path) {
        Ok(()) => progress(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(KeyringError::io("remove", path))
}

/// The file's bytes, or `None` when there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, KeyringError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(KeyringError::io("read", path)(error)),
    }
}

/// Fills `secret` from a file of exactly that length. `false` when there is no such file.
pub(crate) fn read_exact(path: &Path, secret: &mut [u8]) -> Result<bool, KeyringError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(KeyringError::io("read", path)(error)),
    };
    let length = file
        .metadata()
        .map_err(KeyringError::io("read", path))?
        .len();
    if length != secret.len() as u64 {
        return Err(KeyringError::KeyLength {
            path: path.to_owned(),
            found: length,
            expected: secret.len(),
        });
    }
    file.read_exact(secret)
        .map_err(KeyringError::io("read", path))?;
    Ok(true)
}

/// Options that open a file for writing which, if it is made, is the owner's alone.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Brings the directory's entries to stable storage, where directories can be opened.
#[cfg(unix)]
fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

#[cfg(not(unix))]
fn sync_parent(_path: &Path) -> io::Result<()> {
    Ok(())
}
