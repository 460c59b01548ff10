//! Filters as SQL.

use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, ToSql};

use super::schema::Layout;
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
        content::time(text).map(Timestamp::as_micros)
    })
}

/// The records that a filter selects, of which `cursor` is the place of the one to go on from.
pub(super) fn list(filter: &Filter, cursor: Option<i64>, layout: &Layout) -> Query {
    let mut query = selection(&layout.columns(), filter, layout);
    query.require(
        match filter.oldest_first {
            true => "sequence > ?",
            false => "sequence < ?",
        },
        cursor,
    );
    // Ids have an index of their own, and hashes in other tools' files; the order of the chain,
    // which has one too, must not keep SQLite from using it.
    let by_hash = filter.hash_prefix.is_some() && !layout.has_catalogue();
    query
        .sql
        .push_str(if filter.id_prefix.is_some() || by_hash {
            " ORDER BY +sequence "
        } else {
            " ORDER BY sequence "
        });
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

fn selection(columns: &str, filter: &Filter, layout: &Layout) -> Query {
    let mut query = Query {
        sql: match filter.id_prefix {
            None => format!("SELECT {columns} FROM {}", layout.catalogue()),
            Some(_) => format!("SELECT {columns} FROM capsules"),
        },
        parameters: Vec::new(),
    };
    let place = |sequence: Option<u64>| sequence.map(|n| i64::try_from(n).unwrap_or(i64::MAX));
    query.require("sequence > ?", place(filter.after));
    query.require("sequence < ?", place(filter.before));
    query.require_prefix("id", filter.id_prefix.as_deref());
    query.require_prefix("hash", filter.hash_prefix.as_deref());
    // SQLite evaluates the terms in this order and the content's last, for the rows that are left.
    let (tenant, domain) = (layout.expression("tenant_id"), layout.expression("domain"));
    let tenant =
        format!("coalesce({tenant}, CASE WHEN {domain} IS NULL THEN content_tenant(data) END) = ?");
    query.require("session_id = ?", filter.session.clone());
    query.require("type = ?", filter.kind.map(|kind| kind.as_str().to_owned()));
    query.require(&tenant, filter.tenant.clone());
    if filter.without_tenant {
        let (column, sealed) = (layout.expression("tenant_id"), "content_tenant(data)");
        query.require(
            &format!("({column} IS NULL AND ({domain} IS NOT NULL OR {sealed} IS NULL)) = ?"),
            Some(1),
        );
    }
    query.require(
        &format!("coalesce({domain}, content_domain(data)) = ?"),
        filter.domain.clone(),
    );
    query.require(
        "content_status(data) = ?",
        filter
            .status
            .as_ref()
            .map(|status| status.as_str().to_owned()),
    );
    if filter.since.is_some() || filter.until.is_some() {
        let since = filter.since.map_or(i64::MIN, Timestamp::as_micros);
        let until = filter
            .until
            .map_or(i64::MAX, |until| until.as_micros().saturating_sub(1));
        query.require("content_time(data) BETWEEN ? AND ?", Some(since));
        query.parameters.push(Value::Integer(until));
    }
    query
}

impl Query {
    /// As a range, which an index can answer.
    fn require_prefix(&mut self, column: &str, prefix: Option<&str>) {
        let after = prefix.map(|prefix| format!("{prefix}{}", char::MAX));
        self.require(&format!("{column} >= ?"), prefix.map(str::to_owned));
        self.require(&format!("{column} < ?"), after);
    }

    fn require(&mut self, term: &str, parameter: Option<impl Into<Value>>) {
        if let Some(parameter) = parameter {
            self.sql.push_str(if self.parameters.is_empty() {
                " WHERE "
            } else {
                " AND "
            });
            self.sql.push_str(term);
            self.parameters.push(parameter.into());
        }
    }
}
