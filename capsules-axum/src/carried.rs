//! Results over a whole chain, carried forward as the chain grows.

use std::sync::{Mutex, PoisonError};

use capsules_core::{Filter, Head, Storage, StorageError};

use crate::recent::Recent;
use crate::view::View;

/// What was found about the records that a filter selects, with the head up to which it was found.
///
/// A chain only grows, so that what comes after the head is all that has to be looked at. When the
/// chain does not have that head any more, it is another one, and everything is looked at anew.
#[derive(Debug)]
pub(crate) struct Carried<T> {
    known: Mutex<Recent<Key, (T, Head)>>,
}

/// Whose records, and which of them.
type Key = (Option<String>, Filter);

impl<T: Clone + Default> Carried<T> {
    /// Keeps as many results as this.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            known: Mutex::new(Recent::new(most)),
        }
    }

    /// The result for what the view shows of the filter's records; its cursors, limit and offset are
    /// ignored. `extend` adds to a result what it finds in a range of one chain, which the filter
    /// that it is given names.
    pub(crate) fn get(
        &self,
        view: &View,
        filter: &Filter,
        mut extend: impl FnMut(T, Option<&str>, &Filter) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        if view.has_chains() {
            return over_all(view, filter, extend);
        }
        let chain = view.chain();
        let Some(head) = view.head(chain)? else {
            return Ok(T::default());
        };
        let key = (view.tenant().map(str::to_owned), filter.clone());
        let known = self.lock().get(&key).cloned();
        let mut range = filter.clone().before(head.sequence.saturating_add(1));
        let begun = match known {
            Some((result, at)) if at == head => return Ok(result),
            Some((result, at)) if is_in(&at, view, &head)? => {
                range = range.after(at.sequence);
                result
            }
            _ => T::default(),
        };
        let result = extend(begun, chain, &range)?;
        self.lock().insert(key, (result.clone(), head));
        Ok(result)
    }

    /// Results are only ever replaced as a whole, so those of a poisoned lock are intact.
    fn lock(&self) -> std::sync::MutexGuard<'_, Recent<Key, (T, Head)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the chain that has this head now still has an earlier one.
fn is_in(earlier: &Head, view: &View, head: &Head) -> Result<bool, StorageError> {
    if earlier.sequence >= head.sequence {
        return Ok(false);
    }
    // It may be another tenant's.
    let view = view.whole();
    let record = view.record_at(view.chain(), earlier.sequence)?;
    Ok(record.is_some_and(|record| record.hash == earlier.hash))
}

/// The result over several chains, which have no common head.
fn over_all<T: Default>(
    view: &View,
    filter: &Filter,
    mut extend: impl FnMut(T, Option<&str>, &Filter) -> Result<T, StorageError>,
) -> Result<T, StorageError> {
    let mut result = T::default();
    for chain in view.chains()? {
        let mut range = filter.clone();
        range.tenant.clone_from(&chain);
        range.without_tenant = chain.is_none();
        result = extend(result, chain.as_deref(), &range)?;
    }
    Ok(result)
}
