//! One tenant's view of an instance.

use capsules_core::verify::{Level, Report};
use capsules_core::{Filter, SealedRecord, Uuid};

use crate::capsules::Capsules;
use crate::reply::Reply;

/// One tenant's view of an instance; made by [`Capsules::tenant`].
///
/// What it gives belongs to this tenant, whatever a filter or an id asks for. It is what code gets
/// that works for a single tenant, such as the handler of a request.
///
/// ```
/// use capsules::{Capsules, Filter, storage::MemoryStorage};
///
/// #[capsules::audit(type = "tool", tenant_from = "tenant")]
/// fn act(tenant: &str) {}
///
/// # let directory = tempfile::tempdir()?;
/// # let builder =
/// #     Capsules::builder().storage(MemoryStorage::new()).data_dir(directory.path());
/// let capsules = builder.build()?;
/// capsules.scope_sync(|| ["acme", "acme", "globex"].map(act));
///
/// let acme = capsules.tenant("acme");
/// assert_eq!(acme.count(Filter::new()).wait()?, 2);
/// assert_eq!(acme.count(Filter::new().tenant("globex")).wait()?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tenant {
    capsules: Capsules,
    id: String,
}

impl Tenant {
    pub(crate) fn new(capsules: Capsules, id: String) -> Self {
        Self { capsules, id }
    }

    /// The tenant's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Those of the tenant's records that the filter selects, as [`Capsules::list`].
    pub fn list(&self, filter: Filter) -> Reply<Vec<SealedRecord>> {
        match self.own(filter) {
            Some(filter) => self.capsules.list(filter),
            None => Reply::ready(Ok(Vec::new())),
        }
    }

    /// How many of the tenant's records the filter selects, as [`Capsules::count`].
    pub fn count(&self, filter: Filter) -> Reply<u64> {
        match self.own(filter) {
            Some(filter) => self.capsules.count(filter),
            None => Reply::ready(Ok(0)),
        }
    }

    /// The record with this id, if it is the tenant's, as [`Capsules::get`].
    pub fn get(&self, id: Uuid) -> Reply<Option<SealedRecord>> {
        let one = Filter::new().id_prefix(id.to_string()).tenant(&self.id);
        self.capsules.read_first(one)
    }

    /// Verifies the chain that the tenant's records are in, as [`Capsules::verify`]. In a store
    /// that keeps one chain for all, that is the whole chain.
    pub fn verify(&self, level: Level) -> Reply<Report> {
        self.capsules.verify_chain(level, self.id.clone())
    }

    /// The filter for the tenant's own records; `None` when it asks for another tenant's.
    fn own(&self, filter: Filter) -> Option<Filter> {
        match &filter.tenant {
            Some(other) if *other != self.id => None,
            _ => Some(filter.tenant(&self.id)),
        }
    }
}
