//! Packages that are written below the target directory and given to Cargo.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A package that a test has written.
pub(crate) struct Package {
    directory: PathBuf,
}

impl Package {
    /// An empty package of this name.
    pub(crate) fn new(name: &str, dependencies: &str) -> Self {
        let package = Self::in_directory(name);
        package.write(
            "Cargo.toml",
            &format!(
                "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
                 publish = false\n[workspace]\n[dependencies]\n{dependencies}"
            ),
        );
        package
    }

    /// A copy of the sources of a package.
    pub(crate) fn copy(name: &str, from: &Path) -> Self {
        let package = Self::in_directory(name);
        copy_all(from, &package.directory);
        package.lock();
        package
    }

    fn in_directory(name: &str) -> Self {
        let directory = packages().join(name);
        if directory.exists() {
            fs::remove_dir_all(&directory).unwrap();
        }
        fs::create_dir_all(directory.join("src")).unwrap();
        let package = Self { directory };
        package.lock();
        package
    }

    /// What the workspace depends on too has the workspace's versions.
    fn lock(&self) {
        fs::copy(workspace().join("Cargo.lock"), self.path("Cargo.lock")).unwrap();
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    /// A Cargo command in this package. All packages share what they depend on.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .args(arguments)
            .current_dir(&self.directory)
            .env("CARGO_TARGET_DIR", packages().join("target"))
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        command
    }

    /// Runs a Cargo command, which must succeed.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        succeeded(&mut self.cargo(arguments))
    }
}

/// Runs the command, which must succeed.
#[track_caller]
pub(crate) fn succeeded(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// The dependency on this workspace's library.
pub(crate) fn capsules(features: &str) -> String {
    let path = workspace().join("capsules");
    format!("capsules = {{ path = '{}', {features} }}\n", path.display())
}

fn packages() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    workspace().join(target).join("compile-tests")
}

/// The root of the workspace.
fn workspace() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap()
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::write(target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}
