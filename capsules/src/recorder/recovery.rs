//! Putting on record what dead processes had accepted.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use capsules_core::{Capsule, Draft, OutcomeStatus, SealedRecord, Uuid, sha3_256};

use super::Backend;
use super::appending::{append, refused_id, stored};
use super::gaps::system_capsule;
use crate::error::Error;
use crate::journal::{self, RecoverError, Recovered, Recovery};

/// Stores what the journals of dead processes hold: capsules that were accepted, and actions
/// that had started as `pending`. What is stored already is passed over, so nothing is stored
/// twice, however often this runs and wherever it stops. An outcome that is unknown in one journal
/// hides none that another one holds. `watch` is told how many items are stored.
pub(crate) fn recover_into(
    backend: &Backend,
    journals: &Path,
    watch: &mut dyn FnMut(u64),
) -> Result<Recovery, Error> {
    let (mut stored, mut known_starts) = (0, 0);
    let result = journal::recover(journals, |items| {
        let count = items.len() as u64;
        let missing = missing(backend, items)?;
        append_kept(backend, missing.drafts)?;
        known_starts += missing.known_starts;
        stored += count;
        watch(stored);
        Ok(())
    });
    let result = result.map(|recovery| Recovery {
        started: recovery.started.saturating_sub(known_starts),
        ..recovery
    });
    result.map_err(|error| match error {
        RecoverError::Deliver { source, .. } => source,
        RecoverError::List(error) => Error::Journal {
            directory: journals.to_owned(),
            reason: error.to_string(),
        },
    })
}

/// What is not on record yet.
struct Missing {
    drafts: Vec<Draft>,
    /// How many actions had started of which something is on record.
    known_starts: u64,
}

/// What of these is not on record yet. The store is asked at most twice, however many there are.
fn missing(backend: &Backend, items: Vec<Recovered>) -> Result<Missing, Error> {
    let accepted: HashSet<Uuid> = items.iter().filter_map(accepted_id).collect();
    let mut drafts = Vec::with_capacity(items.len());
    let mut starts = Vec::new();
    for item in items {
        if matches!(&item, Recovered::Started(start) if accepted.contains(&start.id)) {
            continue;
        }
        let is_outcome = accepted_id(&item).is_some();
        if let Recovered::Started(start) = &item {
            starts.push(start.id);
        }
        let draft = match draft(item) {
            Ok(draft) => draft,
            Err(reason) => Draft::new(&unreadable(reason))?,
        };
        drafts.push((draft, is_outcome));
    }
    let mut known = stored(backend, drafts.iter().map(|(draft, _)| draft))?;
    let known_starts = starts.iter().filter(|id| known.contains_key(id)).count() as u64;
    let mut outcomes = Vec::new();
    for (draft, is_outcome) in &mut drafts {
        if *is_outcome && known.get(&draft.id()).is_some_and(is_pending) {
            *draft = outcome_of_pending(draft)?;
            outcomes.push(draft.clone());
        }
    }
    known.extend(stored(backend, outcomes.iter())?);
    let mut seen = HashSet::with_capacity(drafts.len());
    let drafts = drafts.into_iter().map(|(draft, _)| draft);
    let is_missing = |draft: &Draft| !known.contains_key(&draft.id()) && seen.insert(draft.id());
    Ok(Missing {
        drafts: drafts.filter(is_missing).collect(),
        known_starts,
    })
}

/// Appends the drafts. In the place of one that the store can never keep comes a capsule that says
/// so; it would keep its journal from being recovered for ever.
fn append_kept(backend: &Backend, mut drafts: Vec<Draft>) -> Result<(), Error> {
    loop {
        let Err(error) = append(backend, HashMap::new(), drafts.iter()) else {
            return Ok(());
        };
        let Error::Storage(reason) = &error else {
            return Err(error);
        };
        let refused =
            refused_id(reason).and_then(|id| drafts.iter().position(|draft| draft.id() == id));
        let Some(place) = refused else {
            return Err(error);
        };
        let said = Draft::new(&unreadable(reason.to_string()))?;
        if backend.storage.get(&said.id())?.is_none() {
            drafts[place] = said;
        } else {
            drafts.remove(place);
        }
    }
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

fn is_pending(record: &SealedRecord) -> bool {
    record
        .capsule()
        .is_ok_and(|capsule| capsule.outcome.status == OutcomeStatus::Pending)
}

/// The outcome of an action that is on record as pending already: a capsule of its own, below the
/// pending one. Its id follows from that one's, so that it is stored once.
fn outcome_of_pending(draft: &Draft) -> Result<Draft, Error> {
    let mut capsule: Capsule = match serde_json::from_str(draft.text()) {
        Ok(capsule) => capsule,
        Err(error) => return Ok(Draft::new(&unreadable(error.to_string()))?),
    };
    capsule.parent_id = Some(capsule.id);
    capsule.id = id_from(format!("outcome of {}", capsule.id).as_bytes());
    Ok(Draft::new(&capsule)?)
}

/// An id that follows from these bytes.
fn id_from(bytes: &[u8]) -> Uuid {
    let hash = sha3_256(bytes);
    let (half, _) = hash.as_bytes().split_at(16);
    let mut id = [0; 16];
    id.copy_from_slice(half);
    uuid::Builder::from_random_bytes(id).into_uuid()
}

/// Says that something of a journal could not be read. The id follows from the reason, which
/// names the place, so that a recovery that is repeated says it once.
fn unreadable(reason: String) -> Capsule {
    let mut capsule = system_capsule("an entry of the journal could not be read");
    capsule.id = id_from(reason.as_bytes());
    capsule.outcome.status = OutcomeStatus::Failure;
    capsule.outcome.error = Some(reason);
    capsule
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use capsules_core::canonical::canonical_opening;
    use capsules_core::storage::MemoryStorage;
    use capsules_core::{CapsuleType, Filter, LocalSigner, Seal, Timestamp};

    use super::*;
    use crate::journal::Journal;

    fn backend() -> Backend {
        let signer = Arc::new(LocalSigner::generate().unwrap());
        Backend {
            storage: Arc::new(MemoryStorage::new()),
            seal: Arc::new(Seal::with_signer(signer)),
            data_dir: None,
        }
    }

    fn action() -> Capsule {
        let mut capsule = Capsule::new(CapsuleType::Tool);
        capsule.outcome.status = OutcomeStatus::Success;
        capsule
    }

    /// Leaves a journal that says that the action has started.
    fn leave_start(directory: &Path, action: &Capsule) {
        let journal = Journal::open(directory).unwrap();
        let opening = canonical_opening(action).unwrap();
        journal
            .start(action.id, Timestamp::now(), &opening)
            .unwrap();
    }

    /// Leaves a journal that says that the action has ended.
    fn leave_end(directory: &Path, action: &Capsule) {
        let journal = Journal::open(directory).unwrap();
        let draft = Draft::new(action).unwrap();
        journal
            .accept(action.id, Timestamp::now(), draft.text())
            .unwrap();
    }

    /// What is on record: ids, parents and outcomes.
    fn recorded(backend: &Backend) -> Vec<(Uuid, Option<Uuid>, OutcomeStatus)> {
        let records = backend.storage.list(&Filter::new().oldest_first()).unwrap();
        let capsules = records.iter().map(|record| record.capsule().unwrap());
        capsules
            .map(|capsule| (capsule.id, capsule.parent_id, capsule.outcome.status))
            .collect()
    }

    #[test]
    fn an_outcome_is_worth_more_than_a_start_of_another_journal() {
        // The names of journals decide which is read first, and they are random.
        for _ in 0..10 {
            let directory = tempfile::tempdir().unwrap();
            let (backend, action) = (backend(), action());
            leave_start(directory.path(), &action);
            leave_end(directory.path(), &action);
            recover_into(&backend, directory.path(), &mut |_| ()).unwrap();
            match recorded(&backend).as_slice() {
                [(id, None, OutcomeStatus::Success)] => assert_eq!(*id, action.id),
                // The start was recovered before the other journal was read.
                [
                    (id, None, OutcomeStatus::Pending),
                    (_, parent, OutcomeStatus::Success),
                ] => {
                    assert_eq!((*id, *parent), (action.id, Some(action.id)));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn an_outcome_is_not_hidden_by_what_was_recovered_as_pending() {
        let directory = tempfile::tempdir().unwrap();
        let (backend, action) = (backend(), action());
        leave_start(directory.path(), &action);
        recover_into(&backend, directory.path(), &mut |_| ()).unwrap();
        // Twice, as when the recovery dies before it has deleted the journal.
        for _ in 0..2 {
            leave_end(directory.path(), &action);
            recover_into(&backend, directory.path(), &mut |_| ()).unwrap();
        }
        let recorded = recorded(&backend);
        let [pending, (outcome, parent, OutcomeStatus::Success)] = &recorded[..] else {
            panic!("{recorded:?}");
        };
        assert_eq!(*pending, (action.id, None, OutcomeStatus::Pending));
        assert_eq!(*parent, Some(action.id));
        assert_ne!(*outcome, action.id);
    }

    #[test]
    fn what_is_stored_already_is_not_stored_again() {
        let directory = tempfile::tempdir().unwrap();
        let (backend, action) = (backend(), action());
        for leave in [leave_end, leave_start, leave_end] {
            leave(directory.path(), &action);
            let recovery = recover_into(&backend, directory.path(), &mut |_| ()).unwrap();
            assert_eq!((recovery.journals, recovery.started), (1, 0));
            assert_eq!(
                recorded(&backend),
                [(action.id, None, OutcomeStatus::Success)]
            );
        }
    }
}
