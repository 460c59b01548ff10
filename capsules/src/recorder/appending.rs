//! Appending drafts to their chains, however often it takes.

use std::collections::HashMap;

use capsules_core::{Draft, Head, SealedRecord, StorageError, Uuid};

use super::Backend;
use super::ahead::{Chain, Guess, by_chain};
use super::sealing::{head_of, seal_after};
use crate::error::Error;

/// Where an append has left a chain.
pub(super) struct Appended {
    pub(super) chain: Chain,
    pub(super) head: Head,
    /// Whether it was sealed ahead on the right head.
    pub(super) guessed: bool,
}

/// Appends each draft to the head of its chain: as the guess has sealed it, if its head is the
/// chain's, else sealed now, under the store's lock.
pub(super) fn append<'d>(
    backend: &Backend,
    mut guesses: HashMap<Chain, Guess>,
    drafts: impl Iterator<Item = &'d Draft>,
) -> Result<Vec<Appended>, Error> {
    let Backend { storage, seal, .. } = backend;
    let chains: Vec<_> = by_chain(backend, drafts).into_iter().collect();
    let names: Vec<_> = chains.iter().map(|(chain, _)| chain.as_deref()).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut ends: Vec<Option<(Head, bool)>> = vec![None; chains.len()];
    let result = storage.append_all(&names, &mut |number, head| {
        let (chain, drafts) = &chains[number];
        let (records, ahead) = match guesses.remove(chain) {
            Some(guess) if head == Some(&guess.head) => (guess.records, true),
            _ => (seal_after(seal, head, drafts)?, false),
        };
        ends[number] = head_of(&records).map(|head| (head, ahead));
        Ok(records)
    });
    match result {
        Ok(()) => {
            let ends = chains.into_iter().zip(ends);
            Ok(ends
                .filter_map(|((chain, _), end)| {
                    end.map(|(head, guessed)| Appended {
                        chain,
                        head,
                        guessed,
                    })
                })
                .collect())
        }
        Err(StorageError::Duplicate { id, location }) => append_missing(backend, &chains)?
            .ok_or_else(|| StorageError::Duplicate { id, location }.into()),
        Err(error) => Err(error.into()),
    }
}

/// Appends what is not stored yet: an append that was reported as failed had taken effect after
/// all. `None` when nothing of it is stored.
fn append_missing(
    backend: &Backend,
    chains: &[(Chain, Vec<&Draft>)],
) -> Result<Option<Vec<Appended>>, Error> {
    let storage = &backend.storage;
    let drafts = || chains.iter().flat_map(|(_, drafts)| drafts).copied();
    let stored = stored(backend, drafts())?;
    if stored.is_empty() {
        return Ok(None);
    }
    let missing = drafts().filter(|draft| !stored.contains_key(&draft.id()));
    let mut appended = append(backend, HashMap::new(), missing)?;
    for (chain, _) in chains {
        if appended.iter().all(|appended| appended.chain != *chain)
            && let Some(head) = storage.head(chain.as_deref())?
        {
            appended.push(Appended {
                chain: chain.clone(),
                head,
                guessed: false,
            });
        }
    }
    Ok(Some(appended))
}

/// Which of these drafts are on record, by their ids.
pub(super) fn stored<'d>(
    backend: &Backend,
    drafts: impl Iterator<Item = &'d Draft>,
) -> Result<HashMap<Uuid, SealedRecord>, Error> {
    let ids: Vec<Uuid> = drafts.map(Draft::id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let records = backend.storage.get_many(&ids)?;
    let by_id = |record: SealedRecord| Some((record.columns.id.parse().ok()?, record));
    Ok(records.into_iter().filter_map(by_id).collect())
}

/// The capsule that a store can never keep, if that is the error.
pub(super) fn refused_id(error: &StorageError) -> Option<Uuid> {
    match error {
        StorageError::Refused { id, .. } => id.parse().ok(),
        _ => None,
    }
}
