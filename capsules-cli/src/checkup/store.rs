//! The store, its chain, and the journals beside it.

use std::ops::ControlFlow;
use std::path::Path;

use capsules::recovery;
use capsules_core::storage::SqliteStorage;
use capsules_core::verify::{Level, Report, Verifier};
use capsules_core::{DataDir, Head, Keyring, Storage, StorageError};

use super::machine::Seals;
use super::{Findings, Others, accepts_files, nearest_directory, quoted};
use crate::args::Global;
use crate::human::{counted, number};
use crate::progress::{Progress, Unit};
use crate::source;

const STORE: &str = "store";
const CHAIN: &str = "chain";
const SIGNATURES: &str = "signatures";
const JOURNALS: &str = "journals";

/// So many of the newest capsules are verified with everything; the others by their links.
const NEWEST: u64 = 1_000;

/// Says also when the capsules were sealed.
pub(super) fn examine(
    dir: &DataDir,
    path: &Path,
    global: &Global,
    findings: &mut Findings,
) -> Seals {
    let mut seals = Seals::default();
    permissions(path, findings);
    if path.exists() {
        match SqliteStorage::open_read_only(path) {
            Ok(store) => {
                chain(&store, path, global, &mut seals, findings);
                newest(&store, dir, path, findings);
            }
            Err(error) => unreadable(&error, findings),
        }
    }
    journals(path, findings);
    seals
}

/// Can this user write it, and nobody else?
fn permissions(path: &Path, findings: &mut Findings) {
    let shown = path.display();
    if !path.exists() {
        let directory = nearest_directory(path);
        match accepts_files(directory) {
            Ok(()) => {
                findings.ok(
                    STORE,
                    format!("{shown} is not there yet; the first capsule makes it"),
                );
            }
            Err(error) => findings.failed(
                STORE,
                format!("{shown} cannot be made: {}: {error}", directory.display()),
                "give this user the right to write there, or name another store with --db",
            ),
        }
        return;
    }
    if !writable(path) {
        findings.failed(
            STORE,
            format!("{shown} cannot be written, so that no capsule can be stored"),
            "give this user the right to write it, or name another store with --db",
        );
    }
    let remedy = format!("chmod 600 {}", quoted(path));
    match Others::of(path) {
        Others::Write => findings.failed(STORE, format!("other users can change {shown}"), &remedy),
        Others::Read | Others::Group => findings.warning(
            STORE,
            format!("other users can read what is recorded in {shown}"),
            &remedy,
        ),
        Others::Nothing => {}
    }
}

#[cfg(unix)]
fn writable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok()
}

#[cfg(not(unix))]
fn writable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|file| !file.permissions().readonly())
}

/// Are there no gaps, and does each capsule name the one before it?
fn chain(
    store: &SqliteStorage,
    path: &Path,
    global: &Global,
    seals: &mut Seals,
    findings: &mut Findings,
) {
    let total = source::chain_length(store);
    let progress = Progress::new(global, "Examining", Unit::Capsules, total);
    let watch = &mut |read| progress.reached(read);
    let verified = Verifier::new(Level::Structural).verify_scan(watch, |visit| {
        store.scan_ref(None, 0, &mut |record| {
            seals.note(record.columns.sequence, record.signed_at);
            visit(record)
        })
    });
    drop(progress);
    match verified {
        Err(error) => unreadable(&error, findings),
        Ok((report, _)) => {
            if !findings.has(STORE) {
                findings.ok(STORE, format!("{} can be read and written", path.display()));
            }
            let count = counted(report.total_capsules, "capsule");
            broken(CHAIN, &report, path, "", findings)
                .unwrap_or_else(|| findings.ok(CHAIN, format!("{count} without a gap")));
        }
    }
}

/// Does everything hold for the newest?
fn newest(store: &SqliteStorage, dir: &DataDir, path: &Path, findings: &mut Findings) {
    let Ok(keyring) = Keyring::read(dir) else {
        findings.not_checked(SIGNATURES, "the keyring cannot be read");
        return;
    };
    if keyring.epochs().is_empty() {
        findings.not_checked(SIGNATURES, "there is no key to verify them with");
        return;
    }
    let verify_all = Verifier::new(Level::Signatures).keys(keyring.into());
    let verified = last(store, NEWEST).and_then(|since| {
        let from = since.as_ref().map_or(0, |head| head.sequence);
        let verifier = match since {
            Some(head) => verify_all.since(head),
            None => verify_all,
        };
        verifier.verify_scan(&mut |_| {}, |visit| store.scan_ref(None, from, visit))
    });
    match verified {
        Err(error) => unreadable(&error, findings),
        Ok((report, _)) if report.total_capsules == 0 => {
            findings.ok(SIGNATURES, "there is no capsule yet");
        }
        Ok((report, _)) => {
            let count = match report.total_capsules {
                1 => "the only capsule".to_owned(),
                count => format!("the newest {} capsules", number(count)),
            };
            broken(SIGNATURES, &report, path, " --signatures", findings).unwrap_or_else(|| {
                let message = format!("content, columns and signatures of {count} hold");
                findings.ok(SIGNATURES, message);
            });
        }
    }
}

/// What stands before the newest capsules of the chain, if anything does.
fn last(store: &dyn Storage, count: u64) -> Result<Option<Head>, StorageError> {
    let Some(head) = store.head(None)? else {
        return Ok(None);
    };
    let Some(before) = head.sequence.checked_sub(count) else {
        return Ok(None);
    };
    let mut found = None;
    store.scan(None, before, &mut |record| {
        found = u64::try_from(record.columns.sequence)
            .ok()
            .map(|sequence| Head {
                sequence,
                hash: record.hash,
            });
        ControlFlow::Break(())
    })?;
    Ok(found)
}

fn broken(
    check: &'static str,
    report: &Report,
    path: &Path,
    options: &str,
    findings: &mut Findings,
) -> Option<()> {
    let error = report.error.as_ref()?;
    findings.failed(
        check,
        format!("capsule {} {}: {error}", error.sequence, error.capsule_id),
        &format!(
            "keep a copy of the store as it is; capsules verify{options} --db {} says more",
            quoted(path)
        ),
    );
    Some(())
}

fn unreadable(error: &StorageError, findings: &mut Findings) {
    findings.failed(
        STORE,
        error.to_string(),
        "keep a copy of the file as it is, and restore it from an export or a backup",
    );
}

/// Does everything that was accepted reach the store?
fn journals(path: &Path, findings: &mut Findings) {
    let waiting = match recovery::waiting(path) {
        Ok(waiting) => waiting,
        Err(error) => {
            findings.failed(
                JOURNALS,
                error.to_string(),
                "give this user the right to read and write that directory",
            );
            return;
        }
    };
    let store = quoted(path);
    for journal in &waiting {
        let file = journal.path.display();
        match &journal.problem {
            Some(problem) => findings.failed(
                JOURNALS,
                format!(
                    "{file} of the dead process {} cannot be read: {problem}",
                    journal.process
                ),
                "give this user the right to read and write it; keep a copy if it is damaged",
            ),
            None => findings.warning(
                JOURNALS,
                format!(
                    "{file} of the dead process {} waits with {} and {} that had started",
                    journal.process,
                    counted(journal.accepted, "capsule"),
                    counted(journal.started, "action"),
                ),
                &format!("capsules recover --db {store}"),
            ),
        }
        if journal.damaged > 0 {
            findings.warning(
                JOURNALS,
                format!(
                    "{file} has {} that cannot be read",
                    counted(journal.damaged, "place")
                ),
                &format!(
                    "capsules recover --db {store} puts the rest on record, and names each place"
                ),
            );
        }
    }
    let directory = recovery::directory(path);
    if directory.is_dir()
        && let Err(error) = accepts_files(&directory)
    {
        findings.failed(
            JOURNALS,
            format!("nothing can be written to {}: {error}", directory.display()),
            "give this user the right to write there, or no capsule survives its process",
        );
    }
    if !findings.has(JOURNALS) {
        findings.ok(JOURNALS, "none waits for recovery");
    }
}
