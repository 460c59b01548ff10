//! Filters as SQL.
//!
//! What a filter asks of the sealed content (status and time) is decided here, in the reading
//! process, by [`Filter::selects`]: a table may hold content that is no JSON, and the server would
//! fail the whole query.

use capsules_core::{Filter, Uuid};
use tokio_postgres::types::{ToSql, Type};

use crate::row;

/// A query and its parameters, which are never part of its text.
pub(crate) struct Query {
    pub(crate) sql: String,
    values: Vec<(Box<dyn ToSql + Sync + Send>, Type)>,
}

/// Whether the rows that a query gives must still be looked at.
pub(crate) fn asks_content(filter: &Filter) -> bool {
    filter.status.is_some() || filter.since.is_some() || filter.until.is_some()
}

/// The rows that a filter selects by columns, in order. With the limit and the offset unless the
/// content decides as well.
pub(crate) fn list(filter: &Filter) -> Query {
    let mut query = Query::records();
    query.select(filter);
    let order = if filter.oldest_first { "ASC" } else { "DESC" };
    query.sql.push_str(&format!(
        " ORDER BY c.sequence {order}, c.tenant_id {order}"
    ));
    if !asks_content(filter) {
        if let Some(limit) = filter.limit {
            query.number(" LIMIT ", limit);
        }
        if filter.offset > 0 {
            query.number(" OFFSET ", filter.offset);
        }
    }
    query
}

/// How many rows a filter selects by columns.
pub(crate) fn count(filter: &Filter) -> Query {
    let mut query = Query::new("SELECT count(*) FROM quantumpipes_capsules c".to_owned());
    query.select(filter);
    query
}

/// A chain, from a place on.
pub(crate) fn scan(tenant: Option<&str>, from: u64) -> Query {
    let mut query = Query::records();
    query.chain(tenant);
    // Without a bound a scan also finds what is no place in a chain.
    if from > 0 {
        query.place("c.sequence >= ", from);
    }
    query.sql.push_str(" ORDER BY c.sequence");
    query
}

/// The record with this id.
pub(crate) fn by_id(id: &Uuid) -> Query {
    let mut query = Query::records();
    query.text("c.id = ", id.to_string());
    query
}

/// The first record with this hash.
pub(crate) fn by_hash(hash: &str) -> Query {
    let mut query = Query::records();
    query.text("left(c.hash, 16) = ", hash.chars().take(16).collect());
    query.text("c.hash = ", hash.to_owned());
    query
        .sql
        .push_str(" ORDER BY c.sequence, c.tenant_id LIMIT 1");
    query
}

/// Place and hash of a chain's last record.
pub(crate) fn head(tenant: Option<&str>) -> Query {
    let mut query = Query::new(
        "SELECT c.sequence::int8 AS place, c.hash FROM quantumpipes_capsules c".to_owned(),
    );
    query.chain(tenant);
    query.sql.push_str(" ORDER BY c.sequence DESC LIMIT 1");
    query
}

impl Query {
    pub(crate) fn new(sql: String) -> Self {
        Self {
            sql,
            values: Vec::new(),
        }
    }

    fn records() -> Self {
        let columns = row::COLUMNS;
        Self::new(format!("SELECT {columns} FROM quantumpipes_capsules c"))
    }

    /// What the driver is given.
    pub(crate) fn parameters(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.values
            .iter()
            .map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone()))
            .collect()
    }

    fn chain(&mut self, tenant: Option<&str>) {
        match tenant {
            Some(tenant) => self.text("c.tenant_id = ", tenant.to_owned()),
            None => self.term("c.tenant_id IS NULL"),
        }
    }

    fn select(&mut self, filter: &Filter) {
        if let Some(tenant) = &filter.tenant {
            self.text("c.tenant_id = ", tenant.clone());
        }
        if let Some(after) = filter.after {
            self.place("c.sequence > ", after);
        }
        if let Some(before) = filter.before {
            self.place("c.sequence < ", before);
        }
        if let Some(session) = &filter.session {
            self.text("c.session_id = ", session.clone());
        }
        if let Some(kind) = filter.kind {
            self.text("c.type = ", kind.as_str().to_owned());
        }
        if let Some(domain) = &filter.domain {
            self.text("c.domain = ", domain.clone());
        }
        if let Some(prefix) = &filter.id_prefix {
            self.text("c.id LIKE ", pattern(prefix));
        }
        if let Some(prefix) = &filter.hash_prefix {
            let quarter: String = prefix.chars().take(16).collect();
            self.text("left(c.hash, 16) LIKE ", pattern(&quarter));
            self.text("c.hash LIKE ", pattern(prefix));
        }
        if let Some(status) = &filter.status {
            self.mentions(status.as_str());
        }
    }

    /// Passes over rows whose content cannot have this value: JSON spells it out, or it has an
    /// escape somewhere.
    fn mentions(&mut self, value: &str) {
        if value.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            self.text(
                "(strpos(c.data, '\\') > 0 OR strpos(c.data, ",
                value.to_owned(),
            );
            self.sql.push_str(") > 0)");
        }
    }

    fn place(&mut self, term: &str, place: u64) {
        self.term(term);
        self.push(i64::try_from(place).unwrap_or(i64::MAX), Type::INT8);
    }

    fn text(&mut self, term: &str, value: String) {
        self.term(term);
        self.push(value, Type::TEXT);
    }

    fn number(&mut self, clause: &str, value: u64) {
        self.sql.push_str(clause);
        self.push(i64::try_from(value).unwrap_or(i64::MAX), Type::INT8);
    }

    fn term(&mut self, term: &str) {
        self.sql.push_str(if self.sql.contains(" WHERE ") {
            " AND "
        } else {
            " WHERE "
        });
        self.sql.push_str(term);
    }

    fn push(&mut self, value: impl ToSql + Sync + Send + 'static, kind: Type) {
        self.values.push((Box::new(value), kind));
        self.sql.push_str(&format!("${}", self.values.len()));
    }
}

/// What begins with this text, for `LIKE`.
fn pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for character in prefix.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
