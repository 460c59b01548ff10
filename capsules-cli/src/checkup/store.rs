//! The store, its chain, and the journals beside it.

use std::ops::ControlFlow;
use std::path::Path;

use capsules::recovery;
use capsules_core::verify::{Level, Report, Verifier};
use capsules_core::{DataDir, Head, Keyring, Storage, StorageError};

use super::machine::Seals;
use super::{Findings, Others, accepts_files, nearest_directory, quoted};
use crate::CliError;
use crate::args::Global;
use crate::human::{counted, number};
use crate::progress::{Progress, Unit};
use crate::server::{self, Url};
use crate::source::{self, Place, keeps_chains};

const STORE: &str = "store";
const CHAIN: &str = "chain";
const SIGNATURES: &str = "signatures";
const JOURNALS: &str = "journals";

/// So many of the newest capsules are verified with everything; the others by their links.
const NEWEST: u64 = 1_000;

/// Says also when the capsules were sealed.
pub(super) fn examine(
    dir: &DataDir,
    place: &Place,
    local: &Path,
    global: &Global,
    findings: &mut Findings,
) -> Seals {
    let mut seals = Seals::default();
    let is_there = match place {
        Place::File(path) => {
            permissions(path, findings);
            path.exists()
        }
        Place::Server(url) => server(url, findings),
    };
    if is_there {
        match place.open() {
            Ok(store) => {
                let store = Examined {
                    storage: &*store,
                    place,
                };
                store.chains(global, &mut seals, findings);
                store.newest(dir, findings);
            }
            Err(error) => unreadable(place, &error, findings),
        }
    }
    let options = place.options(global);
    journals(local, &options, findings);
    seals
}

/// Can it be reached, and appended to? Whether there is a table to look at.
fn server(url: &Url, findings: &mut Findings) -> bool {
    match server::forbids_appending(url) {
        Ok(None) => true,
        Ok(Some(why)) => {
            findings.failed(
                STORE,
                format!("{why}, so that no capsule can be stored in {url}"),
                "connect to the primary, as a role that may INSERT and SELECT; whoever only reads \
                 needs neither",
            );
            true
        }
        Err(CliError::Store(StorageError::Absent { .. })) => {
            let message = format!("{url} has no capsules yet; the first one makes the table");
            findings.ok(STORE, message);
            false
        }
        Err(error) => {
            let message = error.to_string();
            let (message, remedy) = message
                .split_once("; ")
                .unwrap_or((&message, "check the URL, the server and the network"));
            findings.failed(STORE, message, remedy);
            false
        }
    }
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

/// A store that can be read.
struct Examined<'s> {
    storage: &'s dyn Storage,
    place: &'s Place,
}

impl Examined<'_> {
    /// Are there no gaps, and does each capsule name the one before it?
    fn chains(&self, global: &Global, seals: &mut Seals, findings: &mut Findings) {
        let chains = match self.storage.chains() {
            Ok(chains) => chains,
            Err(error) => return unreadable(self.place, &error.into(), findings),
        };
        let total = source::length(self.storage, &chains);
        let progress = Progress::new(global, "Examining", Unit::Capsules, total);
        let mut examined = 0;
        for chain in &chains {
            seals.next_chain();
            let watch = &mut |read| progress.reached(examined + read);
            let verified = Verifier::new(Level::Structural).verify_scan(watch, |visit| {
                self.storage.scan_ref(chain.as_deref(), 0, &mut |record| {
                    seals.note(record.columns.sequence, record.signed_at);
                    visit(record)
                })
            });
            match verified {
                Err(error) => return unreadable(self.place, &error.into(), findings),
                Ok((report, _)) => {
                    examined += report.total_capsules;
                    self.broken(CHAIN, chain.as_deref(), &report, "", findings);
                }
            }
        }
        drop(progress);
        if !findings.has(STORE) {
            findings.ok(STORE, format!("{} can be read and written", self.place));
        }
        if !findings.has(CHAIN) {
            let count = counted(examined, "capsule");
            let of_chains = match keeps_chains(self.storage) {
                true => format!(" in {}", counted(chains.len() as u64, "chain")),
                false => String::new(),
            };
            findings.ok(CHAIN, format!("{count}{of_chains} without a gap"));
        }
    }

    /// Does everything hold for the newest?
    fn newest(&self, dir: &DataDir, findings: &mut Findings) {
        let Ok(keyring) = Keyring::read(dir) else {
            findings.not_checked(SIGNATURES, "the keyring cannot be read");
            return;
        };
        if keyring.epochs().is_empty() {
            findings.not_checked(SIGNATURES, "there is no key to verify them with");
            return;
        }
        let verify_all = Verifier::new(Level::Signatures).keys(keyring.into());
        let chains = match self.storage.chains() {
            Ok(chains) => chains,
            Err(error) => return unreadable(self.place, &error.into(), findings),
        };
        let mut count = 0;
        for chain in chains.iter().map(Option::as_deref) {
            let found = last(self.storage, chain, NEWEST).and_then(|since| {
                let from = since.as_ref().map_or(0, |head| head.sequence);
                let verifier = match since {
                    Some(head) => verify_all.clone().since(head),
                    None => verify_all.clone(),
                };
                verifier.verify_scan(&mut |_| {}, |visit| {
                    self.storage.scan_ref(chain, from, visit)
                })
            });
            match found {
                Err(error) => return unreadable(self.place, &error.into(), findings),
                Ok((report, _)) => {
                    count += report.total_capsules;
                    self.broken(SIGNATURES, chain, &report, " --signatures", findings);
                }
            }
        }
        if findings.has(SIGNATURES) {
            return;
        }
        let count = match count {
            0 => return findings.ok(SIGNATURES, "there is no capsule yet"),
            1 => "the only capsule".to_owned(),
            count => format!("the newest {} capsules", number(count)),
        };
        let message = format!("content, columns and signatures of {count} hold");
        findings.ok(SIGNATURES, message);
    }

    fn broken(
        &self,
        check: &'static str,
        chain: Option<&str>,
        report: &Report,
        options: &str,
        findings: &mut Findings,
    ) {
        let Some(error) = &report.error else {
            return;
        };
        let of = chain.map_or_else(String::new, |tenant| format!(" of {tenant}"));
        findings.failed(
            check,
            format!(
                "capsule {}{of} {}: {error}",
                error.sequence, error.capsule_id
            ),
            &format!(
                "keep a copy of the store as it is; capsules verify{options} {} says more",
                self.place.option()
            ),
        );
    }
}

/// What stands before the newest capsules of the chain, if anything does.
fn last(
    storage: &dyn Storage,
    chain: Option<&str>,
    count: u64,
) -> Result<Option<Head>, StorageError> {
    let Some(head) = storage.head(chain)? else {
        return Ok(None);
    };
    let Some(before) = head.sequence.checked_sub(count) else {
        return Ok(None);
    };
    let mut found = None;
    storage.scan(chain, before, &mut |record| {
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

fn unreadable(place: &Place, error: &CliError, findings: &mut Findings) {
    let remedy = match place {
        Place::File(_) => {
            "keep a copy of the file as it is, and restore it from an export or a backup"
        }
        Place::Server(_) => "keep a copy of the database as it is (pg_dump), and look at its log",
    };
    findings.failed(STORE, error.to_string(), remedy);
}

/// Does everything that was accepted reach the store?
fn journals(local: &Path, options: &str, findings: &mut Findings) {
    let waiting = match recovery::waiting(local) {
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
                &format!("capsules recover{options}"),
            ),
        }
        if journal.damaged > 0 {
            findings.warning(
                JOURNALS,
                format!(
                    "{file} has {} that cannot be read",
                    counted(journal.damaged, "place")
                ),
                &format!("capsules recover{options} puts the rest on record, and names each place"),
            );
        }
    }
    let directory = recovery::directory(local);
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
