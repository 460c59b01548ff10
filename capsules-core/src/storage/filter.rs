//! Which records a query selects.

use super::{Storage, StorageError, content};
use crate::capsule::CapsuleType;
use crate::record::{RecordRef, SealedRecord};
use crate::sections::OutcomeStatus;
use crate::timestamp::Timestamp;

/// Which records a query selects, and how many of them. Newest first unless said otherwise: by
/// their places in the chain, or, where the store keeps several chains and none is chosen, by the
/// time at which they were sealed.
///
/// Type and session are those of the store's columns, status and time those of the sealed
/// content. Tenant and domain are those of the columns, and for a record without a domain column
/// (one that a program wrote that does not know these columns) those of the content. A record
/// whose content does not have what is asked for, or a time without an offset, is not selected.
///
/// ```
/// use capsules_core::{CapsuleType, Filter};
///
/// let filter = Filter::new().kind(CapsuleType::Tool).tenant("acme").limit(20);
/// assert_eq!(filter.tenant.as_deref(), Some("acme"));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Filter {
    /// Only this type.
    pub kind: Option<CapsuleType>,
    /// Only this tenant.
    pub tenant: Option<String>,
    /// Only records without a tenant.
    pub without_tenant: bool,
    /// Only this domain.
    pub domain: Option<String>,
    /// Only this session.
    pub session: Option<String>,
    /// Only this outcome.
    pub status: Option<OutcomeStatus>,
    /// Only actions that began at this time or later (`trigger.timestamp`).
    pub since: Option<Timestamp>,
    /// Only actions that began before this time (`trigger.timestamp`).
    pub until: Option<Timestamp>,
    /// Only ids that begin with this text.
    pub id_prefix: Option<String>,
    /// Only hashes that begin with this text.
    pub hash_prefix: Option<String>,
    /// Only places in the chain after this one, which makes it the cursor of a page of one chain
    /// that was read oldest first: unlike an offset it costs nothing, and what is appended does
    /// not move it. Of several chains, [`beyond`](Self::beyond) is the cursor.
    pub after: Option<u64>,
    /// Only places in the chain before this one: the cursor of a page of one chain that was
    /// read newest first.
    pub before: Option<u64>,
    /// Only what comes after the record with this id in the order of the query: the cursor of a
    /// page in whatever order, of one chain or of several. A query with an id that none of the
    /// chains in question has fails with [`StorageError::NoCursor`](super::StorageError::NoCursor).
    pub beyond: Option<String>,
    /// At most this many records; all of them when `None`.
    pub limit: Option<u64>,
    /// Passes over this many records first.
    pub offset: u64,
    /// Oldest first instead of newest first.
    pub oldest_first: bool,
}

impl Filter {
    /// Selects every record, newest first.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only this type.
    pub fn kind(mut self, kind: CapsuleType) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Only this tenant.
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Only records without a tenant.
    pub fn without_tenant(mut self) -> Self {
        self.without_tenant = true;
        self
    }

    /// Only this domain.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// Only this session.
    pub fn session(mut self, session: impl Into<String>) -> Self {
        self.session = Some(session.into());
        self
    }

    /// Only this outcome.
    pub fn status(mut self, status: OutcomeStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Only actions that began at this time or later.
    pub fn since(mut self, time: Timestamp) -> Self {
        self.since = Some(time);
        self
    }

    /// Only actions that began before this time.
    pub fn until(mut self, time: Timestamp) -> Self {
        self.until = Some(time);
        self
    }

    /// Only ids that begin with this text, in lower case as ids are stored.
    pub fn id_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.id_prefix = Some(prefix.into());
        self
    }

    /// Only hashes that begin with this text.
    pub fn hash_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.hash_prefix = Some(prefix.into());
        self
    }

    /// Only places in the chain after this one.
    pub fn after(mut self, sequence: u64) -> Self {
        self.after = Some(sequence);
        self
    }

    /// Only places in the chain before this one.
    pub fn before(mut self, sequence: u64) -> Self {
        self.before = Some(sequence);
        self
    }

    /// Only what comes after the record with this id in the order of the query.
    pub fn beyond(mut self, id: impl Into<String>) -> Self {
        self.beyond = Some(id.into());
        self
    }

    /// At most this many records.
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Passes over this many records first.
    pub fn offset(mut self, offset: u64) -> Self {
        self.offset = offset;
        self
    }

    /// Oldest first instead of newest first.
    pub fn oldest_first(mut self) -> Self {
        self.oldest_first = true;
        self
    }

    /// The chains of a store in which there may be what the filter selects.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the store cannot be read.
    pub fn chains(&self, storage: &dyn Storage) -> Result<Vec<Option<String>>, StorageError> {
        match (&self.tenant, self.without_tenant) {
            (Some(tenant), _) => Ok(vec![storage.chain_of(Some(tenant)).map(str::to_owned)]),
            (None, true) => Ok(vec![None]),
            (None, false) => storage.chains(),
        }
    }

    /// Whether the filter selects this record; limit, offset, order and cursor aside.
    pub fn selects(&self, record: &SealedRecord) -> bool {
        self.selects_ref(&record.as_ref())
    }

    /// As [`selects`](Self::selects), for a record that somebody else holds.
    pub fn selects_ref(&self, record: &RecordRef<'_>) -> bool {
        let columns = &record.columns;
        let foreign = columns.domain.is_none();
        let is =
            |wanted: Option<&str>, column: Option<&str>, sealed: fn(&str) -> Option<String>| {
                wanted.is_none_or(|wanted| match column {
                    Some(found) => found == wanted,
                    None => foreign && sealed(record.content).as_deref() == Some(wanted),
                })
            };
        self.selects_place(record)
            && self.kind.is_none_or(|kind| kind.as_str() == columns.kind)
            && self
                .session
                .as_deref()
                .is_none_or(|id| columns.session_id == Some(id))
            && is(self.tenant.as_deref(), columns.tenant_id, content::tenant)
            && !(self.without_tenant
                && (columns.tenant_id.is_some()
                    || foreign && content::tenant(record.content).is_some()))
            && is(self.domain.as_deref(), columns.domain, content::domain)
            && self.status.as_ref().is_none_or(|status| {
                content::status(record.content).as_deref() == Some(status.as_str())
            })
            && self.selects_time(record)
    }

    fn selects_place(&self, record: &RecordRef<'_>) -> bool {
        let sequence = i128::from(record.columns.sequence);
        let begins = |text: &str, prefix: &Option<String>| {
            prefix
                .as_ref()
                .is_none_or(|prefix| text.starts_with(prefix))
        };
        self.after.is_none_or(|after| i128::from(after) < sequence)
            && self
                .before
                .is_none_or(|before| sequence < i128::from(before))
            && begins(record.columns.id, &self.id_prefix)
            && begins(record.hash, &self.hash_prefix)
    }

    fn selects_time(&self, record: &RecordRef<'_>) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        content::time(record.content).is_some_and(|time| {
            self.since.is_none_or(|since| since <= time)
                && self.until.is_none_or(|until| time < until)
        })
    }
}
