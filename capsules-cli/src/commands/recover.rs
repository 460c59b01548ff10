//! `capsules recover`: put on record what processes that died had accepted.

use capsules::Capsules;
use capsules::recovery::{Recovered, waiting};
use serde::Serialize;

use crate::args::Global;
use crate::human::counted;
use crate::output::{self, Safe};
use crate::progress::{Progress, Unit};
use crate::source::Place;
use crate::style::{BAD, GOOD, WARN};
use crate::{CliError, Result, Status};

/// Put on record what processes that died had accepted and not yet stored
///
/// A process notes the capsules that it accepts in a journal beside the store, PATH.journals, or for
/// a PostgreSQL store in the data directory of its machine, until they are stored. When it dies, its journal waits: the next process that opens the store
/// recovers it, or this command does. An action that had started and not ended becomes a capsule
/// with the status pending, since its outcome is unknown. Nothing is stored twice, however often
/// and by however many this is run; journals of processes that live are left alone.
///
/// The capsules are signed with the key of the data directory. Exit status 1: a journal could not
/// be recovered, or something in one could not be read.
///
/// JSON: {"journals", "accepted", "started", "damaged", "failed"}
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules recover
  capsules recover --db audit.db --json")]
pub(crate) struct Args {}

pub(crate) fn run(global: &Global) -> Result<Status> {
    let recovered = recover(global)?;
    let complete = recovered.damaged == 0 && recovered.failed.is_empty();
    if global.json {
        output::print_json(&Answer::from(&recovered))?;
    } else {
        output::print(&render(&recovered))?;
    }
    Ok(Status::from(complete))
}

fn recover(global: &Global) -> Result<Recovered> {
    let place = Place::named(global)?;
    // Neither a store nor a key is made where there is nothing to recover.
    let journals = waiting(&place.local(global)?)?;
    if journals.is_empty() {
        // What is no store is told.
        return is_store(&place).map(|()| Recovered::default());
    }
    let mut builder = Capsules::builder().path(place.as_path());
    if let Some(directory) = global.named_data_dir() {
        builder = builder.data_dir(directory);
    }
    let total = journals
        .iter()
        .map(|journal| journal.accepted + journal.started)
        .sum();
    let progress = Progress::new(global, "Recovering", Unit::Capsules, Some(total));
    Ok(builder.recover_watched(&mut |stored| progress.reached(stored))?)
}

fn is_store(place: &Place) -> Result<()> {
    let Place::File(path) = place else {
        return place.open().map(drop);
    };
    match path.metadata() {
        Ok(file) if file.is_file() && file.len() == 0 => Ok(()),
        Ok(_) => place.open().map(drop),
        Err(_) => Err(CliError::NoStore { path: path.clone() }),
    }
}

/// What is printed for programs.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    journals: u64,
    accepted: u64,
    started: u64,
    damaged: u64,
    failed: &'a [String],
}

impl<'a> From<&'a Recovered> for Answer<'a> {
    fn from(recovered: &'a Recovered) -> Self {
        Self {
            journals: recovered.journals,
            accepted: recovered.accepted,
            started: recovered.started,
            damaged: recovered.damaged,
            failed: &recovered.failed,
        }
    }
}

fn render(recovered: &Recovered) -> String {
    let Recovered {
        journals,
        accepted,
        started,
        damaged,
        failed,
        ..
    } = recovered;
    if *journals == 0 && failed.is_empty() {
        return "No journal waits for recovery.\n".to_owned();
    }
    let mut text = format!(
        "{GOOD}Recovered{GOOD:#} {}: {}, {} that had started\n",
        counted(*journals, "journal"),
        counted(*accepted, "capsule"),
        counted(*started, "action"),
    );
    if *damaged > 0 {
        text += &format!(
            "{WARN}Unreadable{WARN:#} {}; a capsule of type system names each\n",
            counted(*damaged, "place"),
        );
    }
    for reason in failed {
        text += &format!("{BAD}Failed{BAD:#} {}\n", Safe(reason));
    }
    text
}
