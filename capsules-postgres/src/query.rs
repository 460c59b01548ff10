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

/// The record that a listing goes on from.
pub(crate) struct Cursor {
    pub(crate) id: String,
    pub(crate) sequence: i64,
    pub(crate) sealed: String,
}

/// Records of several chains are listed by the time of sealing, a text in UTC that sorts as time
/// passes; those of one moment by their places, so that a chain stays in its order.
const SEALED: &str = "coalesce(c.signed_at, '') COLLATE \"C\"";
const ID: &str = "c.id COLLATE \"C\"";

/// Whether what a filter selects stands in one chain.
fn is_one_chain(filter: &Filter) -> bool {
    filter.tenant.is_some() || filter.without_tenant
}

/// Whether the rows that a query gives must still be looked at.
pub(crate) fn asks_content(filter: &Filter) -> bool {
    filter.status.is_some() || filter.since.is_some() || filter.until.is_some()
}

/// The rows that a filter selects by columns, in order and beyond the cursor. With the limit and
/// the offset unless the content decides as well.
pub(crate) fn list(filter: &Filter, cursor: Option<&Cursor>) -> Query {
    let mut query = Query::records();
    query.select(filter);
    let (order, beyond) = if filter.oldest_first {
        ("ASC", ">")
    } else {
        ("DESC", "<")
    };
    if is_one_chain(filter) {
        if let Some(cursor) = cursor {
            query.term(&format!("c.sequence {beyond} "));
            query.push(cursor.sequence, Type::INT8);
        }
        query.sql.push_str(&format!(" ORDER BY c.sequence {order}"));
    } else {
        if let Some(cursor) = cursor {
            let places = format!("({SEALED}, c.sequence, {ID}) {beyond} (");
            query.text(&places, cursor.sealed.clone());
            query.sql.push_str(", ");
            query.push(cursor.sequence, Type::INT8);
            query.sql.push_str(", ");
            query.push(cursor.id.clone(), Type::TEXT);
            query.sql.push(')');
        }
        query.sql.push_str(&format!(
            " ORDER BY {SEALED} {order}, c.sequence {order}, {ID} {order}"
        ));
    }
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

/// Where the record with this id stands among those that the filter's chains hold.
pub(crate) fn cursor(id: &str, filter: &Filter) -> Query {
    let mut query = Query::new(
        "SELECT c.sequence::int8, coalesce(c.signed_at, '') FROM quantumpipes_capsules c"
            .to_owned(),
    );
    query.text("c.id = ", id.to_owned());
    if let Some(tenant) = &filter.tenant {
        query.text("c.tenant_id = ", tenant.clone());
    }
    if filter.without_tenant {
        query.term("c.tenant_id IS NULL");
    }
    query.sql.push_str(" LIMIT 1");
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

/// The records with these ids.
pub(crate) fn by_ids(ids: &[Uuid]) -> Query {
    let mut query = Query::records();
    query.term("c.id = ANY(");
    let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    query.push(ids, Type::TEXT_ARRAY);
    query.sql.push(')');
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

/// The record at a place of a chain.
pub(crate) fn by_place(chain: Option<&str>, sequence: u64) -> Query {
    let mut query = Query::records();
    query.chain(chain);
    query.place("c.sequence = ", sequence);
    query
}

/// The tenants that have a chain: one look-up in the index for each, however many records it has.
const TENANTS: &str = "WITH RECURSIVE tenant (id) AS (\
                       (SELECT tenant_id FROM quantumpipes_capsules WHERE tenant_id IS NOT NULL \
                        ORDER BY tenant_id LIMIT 1) \
                       UNION ALL SELECT (SELECT c.tenant_id FROM quantumpipes_capsules c \
                        WHERE c.tenant_id > tenant.id ORDER BY c.tenant_id LIMIT 1) \
                       FROM tenant WHERE tenant.id IS NOT NULL) ";

/// The tenants of the chains.
pub(crate) fn chains() -> Query {
    Query::new(format!(
        "{TENANTS} SELECT NULL::text AS id WHERE EXISTS (\
         SELECT FROM quantumpipes_capsules WHERE tenant_id IS NULL) \
         UNION ALL SELECT id::text FROM tenant WHERE id IS NOT NULL"
    ))
}

/// Tenant, place and hash of the last record of each chain.
pub(crate) fn heads() -> Query {
    Query::new(format!(
        "{TENANTS} (SELECT NULL::text AS id, c.sequence::int8 AS place, c.hash \
         FROM quantumpipes_capsules c WHERE c.tenant_id IS NULL \
         ORDER BY c.sequence DESC LIMIT 1) \
         UNION ALL SELECT tenant.id::text, head.place, head.hash FROM tenant \
         CROSS JOIN LATERAL (SELECT c.sequence::int8 AS place, c.hash \
         FROM quantumpipes_capsules c WHERE c.tenant_id = tenant.id \
         ORDER BY c.sequence DESC LIMIT 1) AS head WHERE tenant.id IS NOT NULL"
    ))
}

/// Whether the server takes changes, and the role may append.
pub(crate) fn permission() -> Query {
    Query::new(
        "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool, \
         has_table_privilege('quantumpipes_capsules', 'INSERT')"
            .to_owned(),
    )
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
        if filter.without_tenant {
            self.term("c.tenant_id IS NULL");
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
