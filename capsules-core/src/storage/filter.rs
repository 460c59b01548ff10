//! Which records a query selects.

use crate::capsule::CapsuleType;
use crate::sections::OutcomeStatus;
use crate::timestamp::Timestamp;

/// Which records a query selects, and how many of them. Newest first unless said otherwise.
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
}
