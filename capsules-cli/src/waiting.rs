//! Journals that wait beside a store, and what is said of them.

use std::path::{Path, PathBuf};

use capsules::recovery::{self, WaitingJournal};
use serde::Serialize;

use crate::args::Global;
use crate::human::counted;
use crate::output;

/// What processes that died have accepted and not stored.
#[derive(Debug)]
pub(crate) struct Waiting {
    store: PathBuf,
    journals: Vec<WaitingJournal>,
}

/// One of the journals, for programs.
#[derive(Debug, Serialize)]
pub(crate) struct Entry<'a> {
    path: &'a PathBuf,
    process: u32,
    accepted: u64,
    started: u64,
    damaged: u64,
    bytes: u64,
    problem: Option<&'a str>,
}

impl<'a> From<&'a WaitingJournal> for Entry<'a> {
    fn from(journal: &'a WaitingJournal) -> Self {
        Self {
            path: &journal.path,
            process: journal.process,
            accepted: journal.accepted,
            started: journal.started,
            damaged: journal.damaged,
            bytes: journal.bytes,
            problem: journal.problem.as_deref(),
        }
    }
}

impl Waiting {
    /// The journals beside the store at this path. That they cannot be listed is said, and keeps
    /// nobody from reading the store.
    pub(crate) fn beside(store: &Path) -> Self {
        let journals = recovery::waiting(store).unwrap_or_else(|error| {
            output::note(&error);
            Vec::new()
        });
        Self {
            store: store.to_owned(),
            journals,
        }
    }

    /// Says on standard error that the store lacks something, if so.
    pub(crate) fn report(&self, global: &Global) {
        if let Some(message) = self.message(global) {
            output::note(&message);
        }
    }

    pub(crate) fn entries(&self) -> Vec<Entry<'_>> {
        self.journals.iter().map(Entry::from).collect()
    }

    fn message(&self, global: &Global) -> Option<String> {
        let journals = self.journals.len() as u64;
        if journals == 0 {
            return None;
        }
        let sum = |of: fn(&WaitingJournal) -> u64| self.journals.iter().map(of).sum();
        let (accepted, started) = (
            sum(|journal| journal.accepted),
            sum(|journal| journal.started),
        );
        let started = match started {
            0 => String::new(),
            _ => format!(" and {} that had started", counted(started, "action")),
        };
        let verb = if journals == 1 { "waits" } else { "wait" };
        Some(format!(
            "{} with {}{started} {verb}: run `capsules recover{}`",
            counted(journals, "journal"),
            counted(accepted, "capsule"),
            self.options(global),
        ))
    }

    /// What leads `capsules recover` to the store.
    fn options(&self, global: &Global) -> String {
        let option = |name, path: &Path| format!(" --{name} {}", path.display());
        let mut options = String::new();
        let default = global.data_dir().map(|dir| dir.database());
        if default.is_ok_and(|default| default != self.store) {
            options += &option("db", &self.store);
        }
        if let Some(directory) = global.named_data_dir() {
            options += &option("data-dir", directory);
        }
        options
    }
}
