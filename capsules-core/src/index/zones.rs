//! What the rows of a run of places have: what a time, a status or a session narrows a search down to.
//!
//! Chains grow with time, so a time or a session selects a run of them. Of each zone of 4,096 rows the
//! earliest and the latest time is kept, and each value that a filter can ask for, which is little to
//! read and right also where clocks were not.

use rusqlite::{Connection, params};

use crate::capsule::CapsuleType;
use crate::sections::OutcomeStatus;
use crate::storage::Filter;
use crate::timestamp::Timestamp;

/// Of a row's number, within its zone.
const BITS: u32 = 12;

pub(super) const ZONES: &str = "
CREATE TABLE zones (zone INTEGER PRIMARY KEY, earliest INTEGER NOT NULL, latest INTEGER NOT NULL);
CREATE TABLE zone_values (
    field TEXT,
    value TEXT,
    zone INTEGER,
    PRIMARY KEY (field, value, zone)
) WITHOUT ROWID;
";

/// The columns of an entry whose values are kept.
const FIELDS: [&str; 5] = ["type", "status", "tenant", "domain", "session"];

/// Adds the entries of these rows to their zones.
pub(super) fn widen(connection: &Connection, first: i64, last: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO zones (zone, earliest, latest) \
             SELECT place >> ?1, min(began), max(began) FROM entries \
             WHERE place BETWEEN ?2 AND ?3 AND began IS NOT NULL GROUP BY place >> ?1 \
             ON CONFLICT (zone) DO UPDATE SET earliest = min(earliest, excluded.earliest), \
             latest = max(latest, excluded.latest)",
        )?
        .execute(params![BITS, first, last])?;
    for field in FIELDS {
        connection
            .prepare_cached(&format!(
                "INSERT OR IGNORE INTO zone_values (field, value, zone) \
                 SELECT DISTINCT '{field}', {field}, place >> ?1 FROM entries \
                 WHERE place BETWEEN ?2 AND ?3 AND {field} IS NOT NULL"
            ))?
            .execute(params![BITS, first, last])?;
    }
    Ok(())
}

/// The rows from first to last, without those at both ends in whose zones nothing is that the filter
/// can select. The last is before the first when none is left.
pub(super) fn narrow(
    connection: &Connection,
    rows: (i64, i64),
    filter: &Filter,
) -> rusqlite::Result<(i64, i64)> {
    let mut rows = narrow_by_time(connection, rows, filter)?;
    for (field, value) in values(filter) {
        let zones = connection
            .prepare_cached(
                "SELECT min(zone), max(zone) FROM zone_values \
                 WHERE field = ? AND value = ? AND zone BETWEEN ? AND ?",
            )?
            .query_row(params![field, value, rows.0 >> BITS, rows.1 >> BITS], ends)?;
        rows = cut(rows, zones);
    }
    Ok(rows)
}

fn narrow_by_time(
    connection: &Connection,
    rows: (i64, i64),
    filter: &Filter,
) -> rusqlite::Result<(i64, i64)> {
    if filter.since.is_none() && filter.until.is_none() {
        return Ok(rows);
    }
    let since = filter.since.map_or(i64::MIN, Timestamp::as_micros);
    let until = filter.until.map_or(i64::MAX, Timestamp::as_micros);
    let zones = connection
        .prepare_cached(
            "SELECT min(zone), max(zone) FROM zones \
             WHERE zone BETWEEN ? AND ? AND latest >= ? AND earliest < ?",
        )?
        .query_row(params![rows.0 >> BITS, rows.1 >> BITS, since, until], ends)?;
    Ok(cut(rows, zones))
}

/// Of the [`FIELDS`], those that the filter asks for, and for what.
fn values(filter: &Filter) -> impl Iterator<Item = (&'static str, &str)> {
    let asked = [
        filter.kind.map(CapsuleType::as_str),
        filter.status.as_ref().map(OutcomeStatus::as_str),
        filter.tenant.as_deref(),
        filter.domain.as_deref(),
        filter.session.as_deref(),
    ];
    let pairs = FIELDS.into_iter().zip(asked);
    pairs.filter_map(|(field, value)| Some((field, value?)))
}

/// The first and the last zone, where there is one.
fn ends(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<(i64, i64)>> {
    Ok(row.get::<_, Option<i64>>(0)?.zip(row.get(1)?))
}

/// The rows that stand in these zones.
fn cut((first, last): (i64, i64), zones: Option<(i64, i64)>) -> (i64, i64) {
    zones.map_or((first, first - 1), |(near, far)| {
        let end = (far << BITS) | ((1 << BITS) - 1);
        (first.max(near << BITS), last.min(end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Index;

    const ZONE: i64 = 1 << BITS;

    fn index(entries: &[(i64, Option<i64>)]) -> Index {
        let index = Index::temporary().unwrap();
        for (place, began) in entries {
            let insert = "INSERT INTO entries (place, sealed, began) VALUES (?, 0, ?)";
            index
                .connection
                .execute(insert, params![place, began])
                .unwrap();
            widen(&index.connection, *place, *place).unwrap();
        }
        index
    }

    #[test]
    fn a_value_leaves_the_zones_that_have_it() {
        let index = Index::temporary().unwrap();
        let entries = [
            (0, "success", "one"),
            (ZONE, "failure", "one"),
            (2 * ZONE, "success", "two"),
            (3 * ZONE + 5, "success", "one"),
        ];
        for (place, status, session) in entries {
            let insert = "INSERT INTO entries (place, sealed, type, status, tenant, domain, session) \
                          VALUES (?, 0, 'tool', ?, 'acme', 'agents', ?)";
            index
                .connection
                .execute(insert, params![place, status, session])
                .unwrap();
        }
        for _ in 0..2 {
            widen(&index.connection, 0, 4 * ZONE).unwrap();
        }
        let all = (0, 5 * ZONE - 1);
        let narrowed = |filter: &Filter| narrow(&index.connection, all, filter).unwrap();
        let zones = |near: i64, far: i64| (near * ZONE, (far + 1) * ZONE - 1);
        let of_session = |session: &str| Filter::new().session(session);
        assert_eq!(narrowed(&Filter::new()), all);
        assert_eq!(narrowed(&of_session("one")), zones(0, 3));
        assert_eq!(narrowed(&of_session("two")), zones(2, 2));
        assert_eq!(narrowed(&of_session("three")), (0, -1));
        let failed = Filter::new().status(OutcomeStatus::Failure);
        assert_eq!(narrowed(&failed), zones(1, 1));
        assert_eq!(narrowed(&failed.clone().session("one")), zones(1, 1));
        assert_eq!(narrowed(&failed.clone().session("two")), (ZONE, ZONE - 1));
        assert_eq!(narrowed(&failed.domain("vault")), (ZONE, ZONE - 1));
        assert_eq!(narrowed(&Filter::new().tenant("acme")), zones(0, 3));
        assert_eq!(narrowed(&Filter::new().kind(CapsuleType::Agent)), (0, -1));
    }

    #[test]
    fn a_time_leaves_the_zones_in_which_it_can_be() {
        let index = index(&[
            (0, Some(10)),
            (ZONE - 1, Some(19)),
            (ZONE, Some(20)),
            (2 * ZONE - 1, None),
            (2 * ZONE, Some(30)),
            // A clock that was set back.
            (3 * ZONE, Some(5)),
            (3 * ZONE + 1, Some(40)),
        ]);
        let all = (0, 4 * ZONE - 1);
        let narrowed = |rows, since: Option<i64>, until: Option<i64>| {
            let mut filter = Filter::new();
            (filter.since, filter.until) = (
                since.and_then(Timestamp::from_micros),
                until.and_then(Timestamp::from_micros),
            );
            narrow(&index.connection, rows, &filter).unwrap()
        };
        assert_eq!(narrowed(all, None, None), all);
        assert_eq!(narrowed(all, Some(20), Some(31)), (ZONE, all.1));
        assert_eq!(narrowed(all, Some(41), None), (0, -1));
        assert_eq!(narrowed(all, None, Some(5)), (0, -1));
        assert_eq!(narrowed(all, Some(40), None), (3 * ZONE, all.1));
        assert_eq!(narrowed((7, 3 * ZONE - 1), None, Some(20)), (7, ZONE - 1));
        assert_eq!(
            narrowed((7, 3 * ZONE - 1), Some(19), Some(20)),
            (7, ZONE - 1)
        );
        assert_eq!(narrowed((7, ZONE + 3), Some(20), None), (ZONE, ZONE + 3));
    }
}
