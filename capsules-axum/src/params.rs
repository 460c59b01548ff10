//! Parameters of queries.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use capsules_core::verify::Level;
use capsules_core::{CapsuleType, Filter, OutcomeStatus, Timestamp, Uuid};
use http::request::Parts;
use utoipa::IntoParams;

use crate::problem::Problem;

/// The most capsules that a page may hold.
const MOST: u64 = 100;

/// The most sessions that may be asked for.
const MOST_SESSIONS: u64 = 1_000;

/// What a route takes from the query. Parameters that it does not know, parameters that are given
/// twice and values that cannot be read are refused, with the reason; an empty text counts as
/// absent.
#[derive(Debug)]
pub(crate) struct Params<P>(pub(crate) P);

/// What can be read from a query.
pub(crate) trait FromQuery: Sized {
    fn take(query: &mut Pairs) -> Result<Self, Problem>;
}

impl<S: Sync, P: FromQuery> FromRequestParts<S> for Params<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut query = Pairs::read(parts)?;
        let params = P::take(&mut query)?;
        query.finish()?;
        Ok(Self(params))
    }
}

impl<A: FromQuery, B: FromQuery> FromQuery for (A, B) {
    fn take(query: &mut Pairs) -> Result<Self, Problem> {
        Ok((A::take(query)?, B::take(query)?))
    }
}

/// The parameters of a request that nobody has taken yet.
#[derive(Debug)]
pub(crate) struct Pairs {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl Pairs {
    fn read(parts: &Parts) -> Result<Self, Problem> {
        let axum::extract::Query(pairs) = axum::extract::Query::try_from_uri(&parts.uri)
            .map_err(|error| Problem::bad_request(error.body_text()))?;
        Ok(Self {
            pairs,
            known: Vec::new(),
        })
    }

    fn value(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        self.known.push(name);
        let mut values = self.pairs.extract_if(.., |(found, _)| found == name);
        let (value, second) = (values.next(), values.next());
        if second.is_some() {
            return Err(Problem::bad_request(format!("`{name}` is given twice")));
        }
        drop(values);
        let value = value.map(|(_, value)| value);
        if value.as_ref().is_some_and(|value| value.contains('\0')) {
            return Err(Problem::bad_request(format!(
                "`{name}` has a character that no text of a capsule can be searched for: U+0000"
            )));
        }
        Ok(value)
    }

    /// An empty text counts as absent.
    fn text(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        Ok(self.value(name)?.filter(|value| !value.is_empty()))
    }

    fn parsed<T>(&mut self, name: &'static str) -> Result<Option<T>, Problem>
    where
        T: FromStr<Err: Display>,
    {
        self.read_as(name, |text| {
            T::from_str(text).map_err(|error| error.to_string())
        })
    }

    /// As [`parsed`](Self::parsed); an empty text counts as absent.
    fn chosen<T>(&mut self, name: &'static str) -> Result<Option<T>, Problem>
    where
        T: FromStr<Err: Display>,
    {
        self.pairs
            .retain(|(found, value)| found != name || !value.is_empty());
        self.parsed(name)
    }

    fn number(
        &mut self,
        name: &'static str,
        least: u64,
        most: u64,
    ) -> Result<Option<u64>, Problem> {
        self.read_as(name, |text| {
            let number = text.parse().ok();
            number
                .filter(|number| (least..=most).contains(number))
                .ok_or_else(|| match most {
                    LAST => format!("a whole number from {least} is expected"),
                    _ => format!("a whole number from {least} to {most} is expected"),
                })
        })
    }

    fn read_as<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.value(name)? else {
            return Ok(None);
        };
        read(&text).map(Some).map_err(|reason| {
            let shown: String = text.chars().take(100).collect();
            Problem::bad_request(format!("`{name}` is `{shown}`: {reason}"))
        })
    }

    /// Refuses what nobody has taken.
    fn finish(self) -> Result<(), Problem> {
        let Some((name, _)) = self.pairs.first() else {
            return Ok(());
        };
        let name: String = name.chars().take(100).collect();
        let known = match self.known.as_slice() {
            [] => "this route has none".to_owned(),
            known => format!("there are {}", known.join(", ")),
        };
        Err(Problem::bad_request(format!(
            "`{name}` is no parameter; {known}"
        )))
    }
}

/// No parameter at all.
impl FromQuery for () {
    fn take(_: &mut Pairs) -> Result<Self, Problem> {
        Ok(())
    }
}

/// Whose capsules are wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TenantParam {
    /// Only this tenant's capsules.
    #[param(required = false, nullable = false)]
    pub(crate) tenant_id: Option<String>,
}

impl FromQuery for TenantParam {
    fn take(query: &mut Pairs) -> Result<Self, Problem> {
        Ok(Self {
            tenant_id: query.text("tenant_id")?,
        })
    }
}

/// Which capsules are wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FilterParams {
    /// Only this type.
    #[param(rename = "type", required = false, nullable = false, value_type = String,
        pattern = "^(agent|tool|system|kill|workflow|chat|vault|auth)?$")]
    pub(crate) kind: Option<CapsuleType>,
    /// Only this tenant's capsules.
    #[param(required = false, nullable = false)]
    pub(crate) tenant_id: Option<String>,
    /// Only this domain.
    #[param(required = false, nullable = false)]
    pub(crate) domain: Option<String>,
    /// Only this session.
    #[param(required = false, nullable = false)]
    pub(crate) session_id: Option<String>,
    /// Only this outcome, usually pending, success, failure, partial or blocked.
    #[param(required = false, nullable = false, value_type = String)]
    pub(crate) status: Option<OutcomeStatus>,
    /// Only actions that began at this time or later (`trigger.timestamp`).
    #[param(required = false, nullable = false, value_type = String, format = DateTime)]
    pub(crate) since: Option<Timestamp>,
    /// Only actions that began before this time.
    #[param(required = false, nullable = false, value_type = String, format = DateTime)]
    pub(crate) until: Option<Timestamp>,
}

impl FromQuery for FilterParams {
    fn take(query: &mut Pairs) -> Result<Self, Problem> {
        Ok(Self {
            kind: query.chosen("type")?,
            tenant_id: query.text("tenant_id")?,
            domain: query.text("domain")?,
            session_id: query.text("session_id")?,
            status: query.chosen("status")?,
            since: query.read_as("since", time)?,
            until: query.read_as("until", time)?,
        })
    }
}

impl FilterParams {
    /// The tenant is for the view.
    pub(crate) fn filter(self) -> Filter {
        let mut filter = Filter::new();
        filter.kind = self.kind;
        filter.domain = self.domain;
        filter.session = self.session_id;
        filter.status = self.status;
        filter.since = self.since;
        filter.until = self.until;
        filter
    }
}

/// In a query a `+` that was not encoded is a space.
fn time(text: &str) -> Result<Timestamp, String> {
    let text = match text.rsplit_once(' ') {
        Some((time, offset)) if time.contains('T') => Cow::Owned(format!("{time}+{offset}")),
        _ => Cow::Borrowed(text),
    };
    text.parse()
        .map_err(|_| "a time with its offset is expected, such as 2026-01-15T12:00:00Z".to_owned())
}

/// Which page is wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// At most this many capsules.
    #[param(required = false, nullable = false, value_type = i64,
        minimum = 1, maximum = 100, default = 20)]
    pub(crate) limit: u64,
    /// Passes over this many first. The cursors cost nothing, this does.
    #[param(required = false, nullable = false, value_type = i64, minimum = 0, default = 0)]
    pub(crate) offset: u64,
    /// Only places in the chain before this one: the cursor of the next page, newest first.
    #[param(required = false, nullable = false, value_type = i64, minimum = 0)]
    pub(crate) before: Option<u64>,
    /// Only places in the chain after this one.
    #[param(required = false, nullable = false, value_type = i64, minimum = 0)]
    pub(crate) after: Option<u64>,
    /// Only what comes after the capsule with this id: the cursor of the next page where each tenant
    /// has a chain of its own.
    #[param(required = false, nullable = false, value_type = Uuid)]
    pub(crate) beyond: Option<Uuid>,
    /// Words of request, summary and error: all of them, those in double quotes one after the
    /// other, and those with `*` at their end as beginnings.
    #[param(required = false, nullable = false)]
    pub(crate) q: Option<String>,
}

impl FromQuery for PageParams {
    fn take(query: &mut Pairs) -> Result<Self, Problem> {
        Ok(Self {
            limit: query.number("limit", 1, MOST)?.unwrap_or(20),
            offset: query.number("offset", 0, LAST)?.unwrap_or(0),
            before: query.number("before", 0, LAST)?,
            after: query.number("after", 0, LAST)?,
            beyond: query.parsed("beyond")?,
            q: query.text("q")?,
        })
    }
}

/// How many sessions are wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SessionParams {
    /// Only this tenant's capsules.
    #[param(required = false, nullable = false)]
    pub(crate) tenant_id: Option<String>,
    /// At most this many sessions.
    #[param(required = false, nullable = false, value_type = i64,
        minimum = 1, maximum = 1000, default = 100)]
    pub(crate) limit: u64,
}

impl FromQuery for SessionParams {
    fn take(query: &mut Pairs) -> Result<Self, Problem> {
        Ok(Self {
            tenant_id: query.text("tenant_id")?,
            limit: query.number("limit", 1, MOST_SESSIONS)?.unwrap_or(100),
        })
    }
}

/// Which capsules are to be told.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventParams {
    /// Only this tenant's capsules.
    #[param(required = false, nullable = false)]
    pub(crate) tenant_id: Option<String>,
    /// Only places in the chain after this one. Where each tenant has a chain of its own and none is
    /// named, it has no meaning.
    #[param(required = false, nullable = false, value_type = i64, minimum = 0)]
    pub(crate) after: Option<u64>,
}

impl FromQuery for EventParams {
    fn take(query: &mut Pairs) -> Result<Self, Problem> {
        Ok(Self {
            tenant_id: query.text("tenant_id")?,
            after: query.number("after", 0, LAST)?,
        })
    }
}

/// How thoroughly a chain is to be verified.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct VerifyParams {
    /// Only the chain of this tenant's capsules.
    #[param(required = false, nullable = false)]
    pub(crate) tenant_id: Option<String>,
    /// Links (`structural`), and contents (`full`), and signatures (`signatures`). Without it
    /// everything that there are keys for.
    #[param(required = false, nullable = false, value_type = String,
        pattern = "^(structural|full|signatures)$")]
    pub(crate) level: Option<Level>,
}

impl FromQuery for VerifyParams {
    fn take(query: &mut Pairs) -> Result<Self, Problem> {
        Ok(Self {
            tenant_id: query.text("tenant_id")?,
            level: query.parsed("level")?,
        })
    }
}

/// As far as a store can count.
const LAST: u64 = i64::MAX as u64;
