//! Is everything in order that recording and verifying need? Nothing is made or changed beside the
//! trial, which has a directory of its own.

mod files;
mod machine;
mod store;
mod trial;

use std::path::{Path, PathBuf};

use capsules_core::Timestamp;
use serde::Serialize;

use crate::Result;
use crate::args::Global;
use crate::source::{self, Place};

/// What was found.
#[derive(Debug, Serialize)]
pub(crate) struct Checkup {
    /// Whether nothing failed. Warnings do not count.
    pub(crate) healthy: bool,
    pub(crate) version: &'static str,
    /// The features that this program was built with, of those that change what it can do.
    pub(crate) features: Vec<&'static str>,
    pub(crate) platform: String,
    pub(crate) data_dir: PathBuf,
    pub(crate) store: String,
    pub(crate) checks: Vec<Finding>,
}

/// The answer of one check, or one of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) check: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) remedy: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Ok,
    Warning,
    Failed,
    NotChecked,
}

/// Looks at everything that the command line names.
pub(crate) fn examine(global: &Global) -> Result<Checkup> {
    let dir = global.data_dir()?;
    let store = Place::named(global)?;
    let local = store.local(global)?;
    let mut findings = Findings::default();
    trial::run(&mut findings);
    files::data_dir(&dir, &mut findings);
    files::key(&dir, &mut findings);
    files::keyring(&dir, &mut findings);
    files::post_quantum(&dir, &mut findings);
    let sealed = store::examine(&dir, &store, &local, global, &mut findings);
    machine::clock(Timestamp::now(), &sealed, &mut findings);
    machine::disk_space(&local, &mut findings);
    Ok(Checkup {
        healthy: findings.count(Verdict::Failed) == 0,
        version: env!("CARGO_PKG_VERSION"),
        features: features(),
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        data_dir: dir.path().to_owned(),
        store: store.to_string(),
        checks: findings.0,
    })
}

impl Checkup {
    pub(crate) fn count(&self, verdict: Verdict) -> u64 {
        count(&self.checks, verdict)
    }
}

/// What the checks add to.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, check: &'static str, message: impl Into<String>) {
        self.add(check, Verdict::Ok, message.into(), None);
    }

    fn not_checked(&mut self, check: &'static str, why: impl Into<String>) {
        self.add(check, Verdict::NotChecked, why.into(), None);
    }

    fn warning(&mut self, check: &'static str, message: impl Into<String>, remedy: &str) {
        self.add(check, Verdict::Warning, message.into(), Some(remedy));
    }

    fn failed(&mut self, check: &'static str, message: impl Into<String>, remedy: &str) {
        self.add(check, Verdict::Failed, message.into(), Some(remedy));
    }

    fn add(
        &mut self,
        check: &'static str,
        verdict: Verdict,
        message: String,
        remedy: Option<&str>,
    ) {
        self.0.push(Finding {
            check,
            verdict,
            message,
            remedy: remedy.map(str::to_owned),
        });
    }

    fn count(&self, verdict: Verdict) -> u64 {
        count(&self.0, verdict)
    }

    /// Whether a check has said something against what it looked at.
    fn has(&self, check: &'static str) -> bool {
        self.0.iter().any(|finding| finding.check == check)
    }
}

fn count(findings: &[Finding], verdict: Verdict) -> u64 {
    findings
        .iter()
        .filter(|finding| finding.verdict == verdict)
        .count() as u64
}

fn features() -> Vec<&'static str> {
    [
        ("aws-lc", cfg!(feature = "aws-lc")),
        ("postgres", cfg!(feature = "postgres")),
        ("pq", cfg!(feature = "pq")),
    ]
    .into_iter()
    .filter_map(|(name, built)| built.then_some(name))
    .collect()
}

/// What users other than the owner may do with a file. Nothing where there are no such permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(not(unix), expect(dead_code, reason = "no such permissions"))]
enum Others {
    Nothing,
    /// Read, as members of the file's group only.
    Group,
    Read,
    Write,
}

impl Others {
    #[cfg(unix)]
    fn of(path: &Path) -> Self {
        use std::os::unix::fs::PermissionsExt;

        match path.metadata().map(|file| file.permissions().mode()) {
            Ok(mode) if mode & 0o022 != 0 => Self::Write,
            Ok(mode) if mode & 0o005 != 0 => Self::Read,
            Ok(mode) if mode & 0o050 != 0 => Self::Group,
            _ => Self::Nothing,
        }
    }

    #[cfg(not(unix))]
    fn of(_path: &Path) -> Self {
        Self::Nothing
    }
}

/// Tries a file that never gets a name, where the system can do that.
fn accepts_files(directory: &Path) -> std::io::Result<()> {
    tempfile::tempfile_in(directory).map(drop)
}

/// The first directory on the way up that exists.
fn nearest_directory(path: &Path) -> &Path {
    path.ancestors()
        .find(|ancestor| ancestor.is_dir())
        .unwrap_or(Path::new("."))
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    source::quoted(&path.to_string_lossy())
}
