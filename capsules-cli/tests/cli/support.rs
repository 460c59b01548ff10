//! Running the command away from the user's own files.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use capsules_core::export::Records;
use capsules_core::storage::{SqliteStorage, Storage};
use tempfile::TempDir;

/// A home directory of its own for one test, and the command run in it.
pub(crate) struct Home(TempDir);

/// What the command wrote and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file into the directory and returns its name.
    pub(crate) fn file<'n>(&self, name: &'n str, content: impl AsRef<[u8]>) -> &'n str {
        std::fs::write(self.path().join(name), content).unwrap();
        name
    }

    /// Writes a file into the default data directory.
    pub(crate) fn data_file(&self, name: &str, content: impl AsRef<[u8]>) {
        let dir = self.path().join(".quantumpipes");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(name), content).unwrap();
    }

    /// The command, with this directory as its home and as its working directory.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_capsules"));
        command
            .current_dir(self.path())
            .env("HOME", self.path())
            .env("USERPROFILE", self.path())
            .env_remove("QUANTUMPIPES_DATA_DIR")
            .env_remove("CAPSULES_PG")
            .env_remove("CLICOLOR_FORCE")
            .env_remove("NO_COLOR")
            .env_remove("COLUMNS")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Ran {
        Ran::of(self.command().args(args))
    }

    /// Runs the command with `input` on its standard input.
    pub(crate) fn pipe(&self, input: impl AsRef<[u8]>, args: &[&str]) -> Ran {
        let mut command = self.command();
        command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that fails may leave before it has read everything.
        let _ = child.stdin.take().unwrap().write_all(input.as_ref());
        Ran::from(child.wait_with_output().unwrap())
    }
}

/// A file of `tests/data`.
pub(crate) fn data(name: &str) -> Vec<u8> {
    std::fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data")
            .join(name),
    )
    .unwrap()
}

/// Makes a store that holds the records of `tests/data/chain.json`.
pub(crate) fn fill_store(path: &Path) {
    let records = Records::new(&*data("chain.json"))
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let store = SqliteStorage::open(path).unwrap();
    for record in records {
        let tenant = record.columns.tenant_id.clone();
        store
            .append(tenant.as_deref(), &mut |_| Ok(vec![record.clone()]))
            .unwrap();
    }
    store.close().unwrap();
}

impl Ran {
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::from(command.output().unwrap())
    }

    /// The output of a command that passed and had nothing to say against it.
    #[track_caller]
    pub(crate) fn passed(self) -> String {
        assert_eq!(
            (self.status, self.stderr.as_str()),
            (0, ""),
            "stdout: {}",
            self.stdout
        );
        self.stdout
    }

    /// The message of a command that could not answer and printed nothing.
    #[track_caller]
    pub(crate) fn error(self) -> String {
        assert_eq!(
            (self.status, self.stdout.as_str()),
            (2, ""),
            "stderr: {}",
            self.stderr
        );
        self.stderr
    }
}

impl From<std::process::Output> for Ran {
    fn from(output: std::process::Output) -> Self {
        Self {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
