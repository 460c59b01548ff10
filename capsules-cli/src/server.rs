//! Stores in PostgreSQL.

use std::fmt;
use std::path::Path;

use capsules_core::Storage;

use crate::{CliError, Result};

/// Where a database is, and how to get in. Shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url(String);

impl Url {
    /// Whether a path is a URL rather.
    pub(crate) fn is_one(path: &Path) -> bool {
        path.to_str().is_some_and(|text| text.contains("://"))
    }

    /// The text is in no message, since it may be a password in the wrong place.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
        match scheme.split('+').next() {
            Some("postgresql" | "postgres") => Ok(Self(text.to_owned())),
            _ => Err(CliError::NoUrl),
        }
    }

    /// With the password.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        // Perhaps the end of a password that has a question mark.
        if !place.contains('@') && query.contains('@') {
            return write!(f, "{scheme}://…");
        }
        // A password may have a slash where it should not.
        let (user, host) = match place.rsplit_once('@') {
            Some((user, host)) => (user.split(':').next().unwrap_or_default(), host),
            None => ("", place),
        };
        let at = if user.is_empty() { "" } else { "@" };
        write!(f, "{scheme}://{user}{at}{host}")?;
        let secret = |key: &str| key.contains('%') || key.to_ascii_lowercase().contains("password");
        let pairs = query.split('&').filter(|pair| {
            let key = pair.split('=').next().unwrap_or_default();
            !pair.is_empty() && !secret(key)
        });
        for (number, pair) in pairs.enumerate() {
            let separator = if number == 0 { '?' } else { '&' };
            write!(f, "{separator}{pair}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(feature = "postgres")]
pub(crate) fn open_read_only(url: &Url) -> Result<Box<dyn Storage>> {
    let store = capsules_postgres::PostgresStorage::open_read_only(url.secret())?;
    Ok(Box::new(store))
}

#[cfg(feature = "postgres")]
pub(crate) fn open(url: &Url) -> Result<Box<dyn Storage>> {
    let store = capsules_postgres::PostgresStorage::open(url.secret())?;
    Ok(Box::new(store))
}

/// Why nothing can be appended, if the server says so.
#[cfg(feature = "postgres")]
pub(crate) fn forbids_appending(url: &Url) -> Result<Option<&'static str>> {
    let store = capsules_postgres::PostgresStorage::open_read_only(url.secret())?;
    Ok(store.forbids_appending()?)
}

#[cfg(not(feature = "postgres"))]
pub(crate) fn open_read_only(_url: &Url) -> Result<Box<dyn Storage>> {
    Err(CliError::NoPostgres)
}

#[cfg(not(feature = "postgres"))]
pub(crate) fn open(_url: &Url) -> Result<Box<dyn Storage>> {
    Err(CliError::NoPostgres)
}

#[cfg(not(feature = "postgres"))]
pub(crate) fn forbids_appending(_url: &Url) -> Result<Option<&'static str>> {
    Err(CliError::NoPostgres)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            (
                "postgresql://me:geheim@db:5433/audit?sslmode=require",
                "postgresql://me@db:5433/audit?sslmode=require",
            ),
            (
                "postgres://db/x?user=me&password=geheim&options=-cgeo%3D1",
                "postgres://db/x?user=me&options=-cgeo%3D1",
            ),
            (
                "postgres://db/x?%70assword=geheim&SSLPASSWORD=geheim",
                "postgres://db/x",
            ),
            (
                "postgresql+asyncpg://me:ge/heim@geheim@db/x",
                "postgresql+asyncpg://me@db/x",
            ),
            ("postgresql://me:ge?heim@db/x", "postgresql://…"),
            ("postgresql://me:geheim@a,b:2/x", "postgresql://me@a,b:2/x"),
            ("postgresql://", "postgresql://"),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("heim"));
        }
    }

    #[test]
    fn what_is_no_url_is_not_repeated() {
        for text in ["me:geheim@db/x", "", "mysql://me:geheim@db/x", "geheim"] {
            let error = Url::parse(text).unwrap_err().to_string();
            assert!(!error.contains("geheim"), "{error}");
        }
    }
}
