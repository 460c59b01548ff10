//! The fields of a header, found by the keys that lead to them.

use std::borrow::Cow;

use super::text::unescape;
use crate::capsule::TENANT_KEY;
use crate::header::Header;

/// The objects in which fields of the header stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Root,
    Trigger,
    Context,
    Environment,
    Elsewhere,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Field {
    Id,
    Kind,
    Domain,
    Sequence,
    PreviousHash,
    SessionId,
    TenantId,
    Timestamp,
    /// An object in which further fields stand.
    Section(Place),
}

impl Field {
    /// The field with this key.
    pub(super) fn of(place: Place, key: &[u8]) -> Option<Self> {
        Some(match (place, key) {
            (Place::Root, b"id") => Self::Id,
            (Place::Root, b"type") => Self::Kind,
            (Place::Root, b"domain") => Self::Domain,
            (Place::Root, b"sequence") => Self::Sequence,
            (Place::Root, b"previous_hash") => Self::PreviousHash,
            (Place::Root, b"trigger") => Self::Section(Place::Trigger),
            (Place::Root, b"context") => Self::Section(Place::Context),
            (Place::Trigger, b"timestamp") => Self::Timestamp,
            (Place::Context, b"session_id") => Self::SessionId,
            (Place::Context, b"environment") => Self::Section(Place::Environment),
            (Place::Environment, key) if key == TENANT_KEY.as_bytes() => Self::TenantId,
            _ => return None,
        })
    }

    /// Puts a scalar, given as its JSON text, in its place. `None` where an object must stand.
    pub(super) fn keep<'a>(
        self,
        header: &mut Header<'a>,
        value: &'a str,
        escaped: bool,
    ) -> Option<()> {
        let place = match self {
            Self::Id => &mut header.id,
            Self::Kind => &mut header.kind,
            Self::Domain => &mut header.domain,
            Self::PreviousHash => &mut header.previous_hash,
            Self::SessionId => &mut header.session_id,
            Self::TenantId => &mut header.tenant_id,
            Self::Timestamp => &mut header.timestamp,
            Self::Sequence => {
                header.sequence = Some(value);
                return Some(());
            }
            Self::Section(Place::Environment) => return Some(()),
            Self::Section(_) => return None,
        };
        *place = text(value, escaped)?;
        Some(())
    }
}

/// The text of a string, nothing for null, and of other values the JSON text.
#[expect(clippy::option_option, reason = "not readable, absent, present")]
fn text(value: &str, escaped: bool) -> Option<Option<Cow<'_, str>>> {
    if value == "null" {
        return Some(None);
    }
    let Some(inner) = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return Some(Some(Cow::Borrowed(value)));
    };
    if escaped {
        let text = String::from_utf8(unescape(inner.as_bytes()).collect()).ok()?;
        return Some(Some(Cow::Owned(text)));
    }
    Some(Some(Cow::Borrowed(inner)))
}
