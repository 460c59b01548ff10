//! What stands around a capsule in its store.

use std::ops::ControlFlow;

use capsules_core::{Filter, SealedRecord, Storage, StorageError, Uuid};
use serde::Deserialize;

use crate::chain::within;

/// The capsules that a capsule is linked with.
#[derive(Debug, Default)]
pub(crate) struct Relatives {
    pub(crate) before: Option<SealedRecord>,
    pub(crate) after: Option<SealedRecord>,
    /// Nothing where the capsule names a parent that the store does not hold.
    pub(crate) parent: Option<SealedRecord>,
    pub(crate) children: Vec<SealedRecord>,
    /// Whether all of the store was looked through for children.
    pub(crate) all_children: bool,
}

impl Relatives {
    /// Looks around a capsule. The children of an action are sealed about when it is itself, so
    /// they are looked for among the [`NEAR`] capsules on either side: there is no index to find
    /// them by.
    pub(crate) fn of(record: &SealedRecord, storage: &dyn Storage) -> Result<Self, StorageError> {
        let mut relatives = Self::default();
        if let Ok(sequence) = u64::try_from(record.columns.sequence) {
            let chain = storage.chain_of(record.columns.tenant_id.as_deref());
            let filter = within(&Filter::new(), storage, chain);
            let one = |filter: Filter| storage.list(&filter.limit(1)).map(|mut found| found.pop());
            relatives.before = one(filter.clone().before(sequence))?;
            relatives.after = one(filter.after(sequence).oldest_first())?;
            relatives.look_for_children(sequence, record, chain, storage)?;
        }
        if let Some(parent) = parent_of(record) {
            relatives.parent = storage.get(&parent)?;
        }
        Ok(relatives)
    }

    fn look_for_children(
        &mut self,
        sequence: u64,
        record: &SealedRecord,
        chain: Option<&str>,
        storage: &dyn Storage,
    ) -> Result<(), StorageError> {
        let Ok(id) = record.columns.id.parse() else {
            return Ok(());
        };
        let first = sequence.saturating_sub(NEAR);
        let last = i128::from(sequence) + i128::from(NEAR);
        self.all_children = first == 0;
        storage.scan_ref(chain, first, &mut |other| {
            if i128::from(other.columns.sequence) > last {
                self.all_children = false;
                return ControlFlow::Break(());
            }
            if parent_in(other.content) == Some(id) {
                self.children.push(other.to_owned());
            }
            ControlFlow::Continue(())
        })
    }
}

/// The capsule whose action caused this one's.
pub(crate) fn parent_of(record: &SealedRecord) -> Option<Uuid> {
    parent_in(&record.content)
}

fn parent_in(content: &str) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Content {
        parent_id: Option<Uuid>,
    }
    let content: Content = serde_json::from_str(content).ok()?;
    content.parent_id
}

/// How many capsules before and after one are looked at for its children.
pub(crate) const NEAR: u64 = 2_000;
