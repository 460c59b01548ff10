//! Whether the file at a path is still the one that was opened.

use std::fs;
use std::path::Path;

/// The device and the inode of a file; a file that is open keeps its inode from being used again.
/// Nothing where there are none: Windows does not let an open database be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId(Option<(u64, u64)>);

impl FileId {
    /// The file at this path. It may have been replaced since it was opened a moment ago, which
    /// is then not found.
    pub(super) fn of(path: &Path) -> Self {
        Self(fs::metadata(path).ok().and_then(|file| numbers(&file)))
    }

    /// Whether the file is still at this path.
    pub(super) fn is_at(self, path: &Path) -> bool {
        !cfg!(unix) || (self.0.is_some() && Self::of(path) == self)
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have none")]
fn numbers(file: &fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;

    Some((file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn numbers(_file: &fs::Metadata) -> Option<(u64, u64)> {
    None
}
