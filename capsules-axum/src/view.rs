//! What a caller may see of a store.

use std::ops::ControlFlow;
use std::sync::Arc;

use capsules_core::storage::SealNext;
use capsules_core::{Filter, Head, RecordRef, SealedRecord, Storage, StorageError, Uuid};

use crate::cancel::Cancel;

/// A store as one caller sees it: all of it, or one tenant's records as if there were no others.
///
/// Every route reads through a view, so that none of them can forget whose records it may show.
/// A tenant's view has a single chain: the tenant's where the store keeps one for each, and else
/// the one that all share, with gaps where others' records are.
#[derive(Clone)]
pub(crate) struct View {
    storage: Arc<dyn Storage>,
    /// Selects the tenant's records; `None` shows everything.
    own: Option<Filter>,
    cancel: Cancel,
}

impl View {
    pub(crate) fn new(storage: Arc<dyn Storage>, tenant: Option<&str>) -> Self {
        Self {
            storage,
            own: tenant.map(|tenant| Filter::new().tenant(tenant)),
            cancel: Cancel::never(),
        }
    }

    /// The same, whose scans end with an error when somebody cancels.
    pub(crate) fn cancelled_by(self, cancel: Cancel) -> Self {
        Self { cancel, ..self }
    }

    /// The tenant whose records are seen; `None` when it is everybody's.
    pub(crate) fn tenant(&self) -> Option<&str> {
        self.own.as_ref()?.tenant.as_deref()
    }

    /// The chain of the store that the view's records are in.
    pub(crate) fn chain(&self) -> Option<&str> {
        self.storage.chain_of(self.tenant())
    }

    /// Whether the records of a tenant stand in a chain with those of others.
    pub(crate) fn is_shared(&self) -> bool {
        self.tenant().is_some() && self.chain().is_none()
    }

    /// Whether the view has several chains.
    pub(crate) fn has_chains(&self) -> bool {
        self.own.is_none() && self.storage.chain_of(Some("any")).is_some()
    }

    /// The same chain with the records of all who share it, which is not to be shown.
    pub(crate) fn whole(&self) -> Self {
        match self.is_shared() {
            true => Self {
                own: None,
                ..self.clone()
            },
            false => self.clone(),
        }
    }

    fn has_chain(&self, chain: Option<&str>) -> bool {
        self.own.is_none() || chain == self.chain()
    }

    fn shows(&self, record: &RecordRef<'_>) -> bool {
        let own = self.own.as_ref();
        own.is_none_or(|own| own.selects_ref(record))
    }

    /// The filter for what is seen; `None` when it asks for another tenant's.
    fn narrowed(&self, filter: &Filter) -> Option<Filter> {
        match (self.tenant(), &filter.tenant) {
            (Some(own), Some(other)) if own != other => None,
            (Some(own), _) => Some(filter.clone().tenant(own)),
            (None, _) => Some(filter.clone()),
        }
    }
}

impl Storage for View {
    fn append(&self, _: Option<&str>, _: &mut SealNext<'_>) -> Result<(), StorageError> {
        Err(StorageError::Write {
            location: self.location(),
            reason: "it is only read here".to_owned(),
        })
    }

    fn chain_of<'t>(&self, tenant: Option<&'t str>) -> Option<&'t str> {
        self.storage.chain_of(tenant)
    }

    fn chains(&self) -> Result<Vec<Option<String>>, StorageError> {
        match self.own {
            Some(_) => Ok(vec![self.chain().map(str::to_owned)]),
            None => self.storage.chains(),
        }
    }

    fn get(&self, id: &Uuid) -> Result<Option<SealedRecord>, StorageError> {
        let found = self.storage.get(id)?;
        Ok(found.filter(|record| self.shows(&record.as_ref())))
    }

    fn get_by_hash(&self, hash: &str) -> Result<Option<SealedRecord>, StorageError> {
        let Some(own) = &self.own else {
            return self.storage.get_by_hash(hash);
        };
        // The first record with this hash may be another tenant's.
        let same = own.clone().hash_prefix(hash).oldest_first().limit(1);
        let found = self.storage.list(&same)?;
        Ok(found.into_iter().find(|record| record.hash == hash))
    }

    fn record_at(
        &self,
        chain: Option<&str>,
        sequence: u64,
    ) -> Result<Option<SealedRecord>, StorageError> {
        if !self.has_chain(chain) {
            return Ok(None);
        }
        let found = self.storage.record_at(chain, sequence)?;
        Ok(found.filter(|record| self.shows(&record.as_ref())))
    }

    fn head(&self, chain: Option<&str>) -> Result<Option<Head>, StorageError> {
        match self.has_chain(chain) {
            true => self.storage.head(chain),
            false => Ok(None),
        }
    }

    fn heads(&self) -> Result<Vec<(Option<String>, Head)>, StorageError> {
        match self.own {
            Some(_) => {
                let chain = self.chain();
                let head = self.storage.head(chain)?;
                Ok(head
                    .map(|head| (chain.map(str::to_owned), head))
                    .into_iter()
                    .collect())
            }
            None => self.storage.heads(),
        }
    }

    fn scan(
        &self,
        chain: Option<&str>,
        from: u64,
        visit: &mut dyn FnMut(SealedRecord) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.scan_ref(chain, from, &mut |record| visit(record.to_owned()))
    }

    fn scan_ref(
        &self,
        chain: Option<&str>,
        from: u64,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        if !self.has_chain(chain) {
            return Ok(());
        }
        self.storage.scan_ref(chain, from, &mut |record| {
            if self.cancel.is_cancelled() {
                return ControlFlow::Break(());
            }
            match self.shows(&record) {
                true => visit(record),
                false => ControlFlow::Continue(()),
            }
        })?;
        self.cancel.check(|| self.location())
    }

    fn list(&self, filter: &Filter) -> Result<Vec<SealedRecord>, StorageError> {
        match self.narrowed(filter) {
            Some(filter) => self.storage.list(&filter),
            None => Ok(Vec::new()),
        }
    }

    fn count(&self, filter: &Filter) -> Result<u64, StorageError> {
        match self.narrowed(filter) {
            Some(filter) => self.storage.count(&filter),
            None => Ok(0),
        }
    }

    /// The store is its owner's to close.
    fn close(&self) -> Result<(), StorageError> {
        Ok(())
    }

    fn location(&self) -> String {
        self.storage.location()
    }
}
