//! Filters as SQL.

use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, ToSql};

use super::schema::Layout;
use crate::capsule::CapsuleType;
use crate::sections::OutcomeStatus;
use crate::storage::{Filter, content};
use crate::timestamp::Timestamp;

/// A query and its parameters, which are never part of its text.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) sql: String,
    pub(super) parameters: Vec<Value>,
}

/// Gives a connection the functions that read a record's content, which queries use instead of
/// `json_extract`: SQLite's function fails the whole query on malformed content and on nesting
/// deeper than 1000, and compares times as text.
pub(super) fn register_functions(connection: &Connection) -> rusqlite::Result<()> {
    fn register<T: ToSql + 'static>(
        connection: &Connection,
        name: &str,
        read: fn(&str) -> Option<T>,
    ) -> rusqlite::Result<()> {
        // Not for use by the schema of a file that somebody else made.
        let flags = FunctionFlags::SQLITE_UTF8
            | FunctionFlags::SQLITE_DETERMINISTIC
            | FunctionFlags::SQLITE_DIRECTONLY;
        connection.create_scalar_function(name, 1, flags, move |context| {
            Ok(match context.get_raw(0) {
                ValueRef::Text(text) => std::str::from_utf8(text).ok().and_then(read),
                _ => None,
            })
        })
    }
    register(connection, "content_tenant", content::tenant)?;
    register(connection, "content_domain", content::domain)?;
    register(connection, "content_status", content::status)?;
    register(connection, "content_time", |text| {
        content::time(text).map(|time| time.as_micros())
    })
}

/// The records that a filter selects.
pub(super) fn list(filter: &Filter, layout: &Layout) -> Query {
    let mut query = selection(&layout.columns(), filter, layout);
    query.sql.push_str(" ORDER BY sequence ");
    query
        .sql
        .push_str(if filter.oldest_first { "ASC" } else { "DESC" });
    query.sql.push_str(" LIMIT ? OFFSET ?");
    for number in [filter.limit.unwrap_or(u64::MAX), filter.offset] {
        query
            .parameters
            .push(Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)));
    }
    query
}

/// How many records a filter selects.
pub(super) fn count(filter: &Filter, layout: &Layout) -> Query {
    let Query { sql, parameters } = selection("1", filter, layout);
    Query {
        sql: format!("SELECT count(*) FROM ({sql})"),
        parameters,
    }
}

/// Tenants and domains are looked for in the columns of most rows and in the content of foreign
/// ones. Where there are indexes these are two queries that SQLite merges in order, so that each
/// uses its own.
fn selection(columns: &str, filter: &Filter, layout: &Layout) -> Query {
    let mut query = Query {
        sql: String::new(),
        parameters: Vec::new(),
    };
    if layout.indexed && (filter.tenant.is_some() || filter.domain.is_some()) {
        Conditions::known(filter).select(columns, &mut query);
        query.sql.push_str(" UNION ALL ");
        Conditions::foreign(filter).select(columns, &mut query);
    } else {
        Conditions::all(filter, layout).select(columns, &mut query);
    }
    query
}

/// What a row must meet, the condition with the best index first.
#[derive(Default)]
struct Conditions {
    terms: Vec<String>,
    parameters: Vec<Value>,
}

impl Conditions {
    /// For every row.
    fn all(filter: &Filter, layout: &Layout) -> Self {
        let (tenant, domain) = (layout.expression("tenant_id"), layout.expression("domain"));
        let mut conditions = Self::default();
        conditions.column("session_id", filter.session.as_deref());
        conditions.column("type", filter.kind.map(CapsuleType::as_str));
        conditions.expression(
            &format!(
                "coalesce({tenant}, CASE WHEN {domain} IS NULL THEN content_tenant(data) END)"
            ),
            filter.tenant.as_deref(),
        );
        conditions.expression(
            &format!("coalesce({domain}, content_domain(data))"),
            filter.domain.as_deref(),
        );
        conditions.sealed(filter)
    }

    /// For the rows whose columns answer.
    fn known(filter: &Filter) -> Self {
        let mut conditions = Self::default();
        conditions.column("session_id", filter.session.as_deref());
        conditions.column("tenant_id", filter.tenant.as_deref());
        conditions.column("type", filter.kind.map(CapsuleType::as_str));
        conditions.column("domain", filter.domain.as_deref());
        conditions.sealed(filter)
    }

    /// For the rows without a domain column, whose content answers, except those that are
    /// [`known`](Self::known) by their tenant.
    fn foreign(filter: &Filter) -> Self {
        let mut conditions = Self::default();
        conditions.column("session_id", filter.session.as_deref());
        conditions.term("domain IS NULL");
        if filter.domain.is_none() {
            conditions.terms.push("+tenant_id IS NULL".to_owned());
        }
        conditions.column("type", filter.kind.map(CapsuleType::as_str));
        conditions.expression(
            "coalesce(tenant_id, content_tenant(data))",
            filter.tenant.as_deref(),
        );
        conditions.expression("content_domain(data)", filter.domain.as_deref());
        conditions.sealed(filter)
    }

    fn sealed(mut self, filter: &Filter) -> Self {
        self.expression(
            "content_status(data)",
            filter.status.as_ref().map(OutcomeStatus::as_str),
        );
        if filter.since.is_some() || filter.until.is_some() {
            let since = filter.since.map_or(i64::MIN, Timestamp::as_micros);
            let until = filter
                .until
                .map_or(i64::MAX, |until| until.as_micros().saturating_sub(1));
            self.terms
                .push("content_time(data) BETWEEN ? AND ?".to_owned());
            self.parameters
                .extend([Value::Integer(since), Value::Integer(until)]);
        }
        self
    }

    fn column(&mut self, name: &str, wanted: Option<&str>) {
        if let Some(wanted) = wanted {
            self.term(&format!("{name} = ?"));
            self.parameters.push(Value::Text(wanted.to_owned()));
        }
    }

    fn expression(&mut self, expression: &str, wanted: Option<&str>) {
        if let Some(wanted) = wanted {
            self.terms.push(format!("{expression} = ?"));
            self.parameters.push(Value::Text(wanted.to_owned()));
        }
    }

    /// Adds a term that may use an index if it is the first to do so; the sign `+` keeps SQLite,
    /// which knows no statistics of the file, from preferring a worse one.
    fn term(&mut self, term: &str) {
        let sign = if self.terms.is_empty() { "" } else { "+" };
        self.terms.push(format!("{sign}{term}"));
    }

    fn select(self, columns: &str, query: &mut Query) {
        query
            .sql
            .push_str(&format!("SELECT {columns} FROM capsules"));
        if !self.terms.is_empty() {
            query.sql.push_str(" WHERE ");
            query.sql.push_str(&self.terms.join(" AND "));
        }
        query.parameters.extend(self.parameters);
    }
}
