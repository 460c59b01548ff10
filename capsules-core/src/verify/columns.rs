//! What a store keeps beside a content, compared with it.

use super::finding::Problem;
use crate::header::Header;
use crate::record::ColumnsRef;

/// The domain of a content that names none.
const DEFAULT_DOMAIN: &str = "agents";

/// Compares every column but the tenant. A domain is compared where the store has one.
pub(super) fn compare(stored: &ColumnsRef<'_>, sealed: &Header<'_>) -> Result<(), Problem> {
    column("id", Some(stored.id), sealed.id.as_deref())?;
    column("type", Some(stored.kind), sealed.kind.as_deref())?;
    let sequence = sealed.sequence.unwrap_or("0");
    // Compared as text, so that `-0` or a string is not taken for the number.
    if itoa::Buffer::new().format(stored.sequence) != sequence {
        return Err(Problem::Column {
            name: "sequence",
            stored: Some(stored.sequence.to_string()),
            sealed: Some(sequence.to_owned()),
        });
    }
    column(
        "previous_hash",
        stored.previous_hash,
        sealed.previous_hash.as_deref(),
    )?;
    column(
        "session_id",
        stored.session_id,
        sealed.session_id.as_deref(),
    )?;
    if let Some(domain) = stored.domain {
        let sealed = sealed.domain.as_deref().unwrap_or(DEFAULT_DOMAIN);
        column("domain", Some(domain), Some(sealed))?;
    }
    Ok(())
}

/// What comparing the tenants of a record gave.
pub(super) enum Tenant {
    /// Store and content name the same one.
    Same,
    /// Neither names one.
    None,
    /// Only one of them names one, as records of other implementations do; nothing binds the
    /// record to its tenant.
    OneSided,
}

pub(super) fn compare_tenant(
    stored: &ColumnsRef<'_>,
    sealed: &Header<'_>,
) -> Result<Tenant, Problem> {
    match (stored.tenant_id, &sealed.tenant_id) {
        (Some(stored), Some(sealed)) if stored == sealed => Ok(Tenant::Same),
        (Some(stored), Some(sealed)) => Err(Problem::Tenant {
            stored: stored.to_owned(),
            sealed: sealed.clone().into_owned(),
        }),
        (None, None) => Ok(Tenant::None),
        (Some(_), None) | (None, Some(_)) => Ok(Tenant::OneSided),
    }
}

fn column(name: &'static str, stored: Option<&str>, sealed: Option<&str>) -> Result<(), Problem> {
    if stored == sealed {
        return Ok(());
    }
    Err(Problem::Column {
        name,
        stored: stored.map(str::to_owned),
        sealed: sealed.map(str::to_owned),
    })
}
