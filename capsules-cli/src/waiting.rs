//! Journals that wait beside a store, and what is said of them.

use std::path::PathBuf;

use capsules::recovery::{self, WaitingJournal};
use serde::Serialize;

use crate::args::Global;
use crate::human::counted;
use crate::source::Place;
use crate::{Result, output};

/// What processes that died have accepted and not stored.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// The options that lead to the store.
    options: String,
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
    /// The journals of the store on this machine. That they cannot be listed is said, and keeps
    /// nobody from reading the store.
    pub(crate) fn for_store(place: &Place, global: &Global) -> Self {
        let listed = || -> Result<_> { Ok(recovery::waiting(&place.local(global)?)?) };
        let journals = listed().unwrap_or_else(|error| {
            output::note(&error);
            Vec::new()
        });
        Self {
            options: place.options(global),
            journals,
        }
    }

    /// Says on standard error that the store lacks something, if so.
    pub(crate) fn report(&self) {
        if let Some(message) = self.message() {
            output::note(&message);
        }
    }

    pub(crate) fn entries(&self) -> Vec<Entry<'_>> {
        self.journals.iter().map(Entry::from).collect()
    }

    fn message(&self) -> Option<String> {
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
            self.options,
        ))
    }
}
