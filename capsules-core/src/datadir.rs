//! The directory that holds the key, the keyring and the default store.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The environment variable that names the data directory.
const VARIABLE: &str = "QUANTUMPIPES_DATA_DIR";

/// The data directory: `$QUANTUMPIPES_DATA_DIR`, or `.quantumpipes` in the home directory
/// (CPS section 5).
///
/// ```
/// use capsules_core::DataDir;
///
/// let dir = DataDir::new("/var/lib/agent")?;
/// assert!(dir.keyring().ends_with("agent/keyring.json"));
/// assert!(DataDir::new("/var/lib/../agent").is_err());
/// # Ok::<(), capsules_core::DataDirError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDir(PathBuf);

/// Why there is no data directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// The path has a `..` component.
    #[error("the data directory {} must not contain `..`; give the path that is meant", .0.display())]
    ParentComponent(PathBuf),
    /// The path is empty, or relative to a current directory that is gone.
    #[error("the data directory `{}` has no absolute path: {reason}", .path.display())]
    Unresolvable {
        /// The path that was given.
        path: PathBuf,
        /// Why it has none.
        reason: io::Error,
    },
    /// The home directory is unknown.
    #[error("the home directory is unknown; set HOME or {VARIABLE}")]
    NoHome,
}

impl DataDir {
    /// The directory that the process's environment names.
    ///
    /// # Errors
    ///
    /// [`DataDirError`] when the environment names none, or one that [`new`](Self::new) refuses.
    pub fn from_env() -> Result<Self, DataDirError> {
        Self::resolve(std::env::var_os(VARIABLE), std::env::home_dir())
    }

    /// This directory, which need not exist yet. A relative path is taken from the current
    /// directory once, now.
    ///
    /// # Errors
    ///
    /// [`DataDirError`] when the path is empty or has a `..` component.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, DataDirError> {
        let path = path.into();
        if path
            .components()
            .any(|component| component == Component::ParentDir)
        {
            return Err(DataDirError::ParentComponent(path));
        }
        match std::path::absolute(&path) {
            Ok(absolute) => Ok(Self(absolute)),
            Err(reason) => Err(DataDirError::Unresolvable { path, reason }),
        }
    }

    /// Makes the directory, and those above it, unless it exists. On Unix what is made is open
    /// to the owner only.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn create(&self) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.0)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The Ed25519 seed, 32 raw bytes.
    pub fn key(&self) -> PathBuf {
        self.0.join("key")
    }

    /// The keyring.
    pub fn keyring(&self) -> PathBuf {
        self.0.join("keyring.json")
    }

    /// The ML-DSA-65 secret key, 4032 raw bytes (FIPS 204).
    pub fn key_pq(&self) -> PathBuf {
        self.0.join("key.ml")
    }

    /// The ML-DSA-65 public key, 1952 raw bytes (FIPS 204).
    pub fn key_pq_public(&self) -> PathBuf {
        self.0.join("key.ml.pub")
    }

    /// The SQLite store.
    pub fn database(&self) -> PathBuf {
        self.0.join("capsules.db")
    }

    /// Whether users other than its owner may read or write the private key. Always false where
    /// files have no Unix permissions, and where there is no key.
    pub fn key_is_exposed(&self) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            self.key()
                .metadata()
                .is_ok_and(|key| key.permissions().mode() & 0o077 != 0)
        }
        #[cfg(not(unix))]
        false
    }

    /// The file whose lock covers changes of the keys.
    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join("keyring.lock")
    }

    fn resolve(variable: Option<OsString>, home: Option<PathBuf>) -> Result<Self, DataDirError> {
        if let Some(path) = variable.filter(|path| !path.is_empty()) {
            return Self::new(path);
        }
        let home = home.filter(|home| !home.as_os_str().is_empty());
        Self::new(home.ok_or(DataDirError::NoHome)?.join(".quantumpipes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_goes_before_the_home_directory_unless_empty() {
        let home = Some(PathBuf::from("/home/ada"));
        let resolve = |variable: Option<&str>, home: &Option<PathBuf>| {
            DataDir::resolve(variable.map(OsString::from), home.clone())
        };
        assert_eq!(
            resolve(Some("/data"), &home).unwrap().path(),
            Path::new("/data")
        );
        assert_eq!(
            resolve(Some(""), &home).unwrap().path(),
            Path::new("/home/ada/.quantumpipes")
        );
        assert_eq!(
            resolve(None, &home).unwrap(),
            resolve(Some(""), &home).unwrap()
        );
        for nowhere in [None, Some(PathBuf::new())] {
            assert!(matches!(resolve(None, &nowhere), Err(DataDirError::NoHome)));
        }
    }

    #[test]
    fn a_parent_component_is_refused_wherever_it_stands() {
        for path in ["..", "../data", "/data/../other", "data/.."] {
            assert!(
                matches!(DataDir::new(path), Err(DataDirError::ParentComponent(_))),
                "{path}"
            );
        }
        assert!(matches!(
            DataDir::new(""),
            Err(DataDirError::Unresolvable { .. })
        ));
        assert!(DataDir::new("data..").unwrap().path().is_absolute());
    }

    #[cfg(unix)]
    #[test]
    fn the_directory_is_made_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;

        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::new(parent.path().join("a/b")).unwrap();
        dir.create().unwrap();
        dir.create().unwrap();
        assert_eq!(
            dir.path().metadata().unwrap().permissions().mode() & 0o777,
            0o700
        );
    }
}
