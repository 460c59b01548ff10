//! Putting on record what dead processes had accepted.

use std::collections::HashSet;
use std::path::Path;

use capsules_core::{Capsule, Draft, OutcomeStatus, Uuid, sha3_256};

use super::Backend;
use super::committer::append;
use super::gaps::system_capsule;
use crate::error::Error;
use crate::journal::{self, RecoverError, Recovered, Recovery};

/// Stores what the journals of dead processes hold: capsules that were accepted, and actions
/// that had started as `pending`. What is stored already is passed over, so nothing is stored
/// twice, however often this runs and wherever it stops. `watch` is told how many items are stored.
pub(crate) fn recover_into(
    backend: &Backend,
    journals: &Path,
    watch: &mut dyn FnMut(u64),
) -> Result<Recovery, Error> {
    let mut stored = 0;
    let result = journal::recover(journals, |items| {
        let count = items.len() as u64;
        let mut drafts = Vec::with_capacity(items.len());
        // A forked process may have ended an action whose start is in its parent's journal.
        let accepted: HashSet<Uuid> = items.iter().filter_map(accepted_id).collect();
        let mut seen = HashSet::with_capacity(items.len());
        for item in items {
            if matches!(&item, Recovered::Started(start) if accepted.contains(&start.id)) {
                continue;
            }
            let draft = match draft(item) {
                Ok(draft) => draft,
                Err(reason) => Draft::new(&unreadable(reason))?,
            };
            if seen.insert(draft.id()) && backend.storage.get(&draft.id())?.is_none() {
                drafts.push(draft);
            }
        }
        append(backend, drafts.iter())?;
        stored += count;
        watch(stored);
        Ok(())
    });
    result.map_err(|error| match error {
        RecoverError::Deliver { source, .. } => source,
        RecoverError::List(error) => Error::Journal {
            directory: journals.to_owned(),
            reason: error.to_string(),
        },
    })
}

fn accepted_id(item: &Recovered) -> Option<Uuid> {
    match item {
        Recovered::Accepted(record) => Some(record.id),
        Recovered::Started(_) | Recovered::Damaged(_) => None,
    }
}

/// The draft that an item stands for, or why it cannot be read.
fn draft(item: Recovered) -> Result<Draft, String> {
    match item {
        Recovered::Accepted(record) => {
            Draft::from_text(record.text).map_err(|error| error.to_string())
        }
        Recovered::Started(record) => pending(&record.text),
        Recovered::Damaged(damage) => Err(damage.to_string()),
    }
}

/// An action that had started, with all that was known of it then.
fn pending(text: &str) -> Result<Draft, String> {
    let mut capsule: Capsule = serde_json::from_str(text).map_err(|error| error.to_string())?;
    capsule.outcome.status = OutcomeStatus::Pending;
    capsule.outcome.error =
        Some("outcome unknown: the process ended before the action did".to_owned());
    Draft::new(&capsule).map_err(|error| error.to_string())
}

/// Says that something of a journal could not be read. The id follows from the reason, which
/// names the place, so that a recovery that is repeated says it once.
fn unreadable(reason: String) -> Capsule {
    let mut capsule = system_capsule("an entry of the journal could not be read");
    if let Some(id) = sha3_256(reason.as_bytes()).as_bytes().first_chunk() {
        capsule.id = uuid::Builder::from_random_bytes(*id).into_uuid();
    }
    capsule.outcome.status = OutcomeStatus::Failure;
    capsule.outcome.error = Some(reason);
    capsule
}
