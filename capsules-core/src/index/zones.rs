//! When the actions of a run of places began: what a time narrows a search down to.
//!
//! Chains grow with time, so a time selects a run of them. Of each zone of 4,096 rows the earliest
//! and the latest time is kept, which is little to read and right also where clocks were not.

use rusqlite::{Connection, params};

use crate::storage::Filter;
use crate::timestamp::Timestamp;

/// Of a row's number, within its zone.
const BITS: u32 = 12;

pub(super) const ZONES: &str = "
CREATE TABLE zones (zone INTEGER PRIMARY KEY, earliest INTEGER NOT NULL, latest INTEGER NOT NULL);
";

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
    Ok(())
}

/// The rows from first to last, without those at both ends in whose zones no action began in the
/// filter's time. The last is before the first when none is left.
pub(super) fn narrow(
    connection: &Connection,
    (first, last): (i64, i64),
    filter: &Filter,
) -> rusqlite::Result<(i64, i64)> {
    if filter.since.is_none() && filter.until.is_none() {
        return Ok((first, last));
    }
    let since = filter.since.map_or(i64::MIN, Timestamp::as_micros);
    let until = filter.until.map_or(i64::MAX, Timestamp::as_micros);
    let zones: Option<(i64, i64)> = connection
        .prepare_cached(
            "SELECT min(zone), max(zone) FROM zones \
             WHERE zone BETWEEN ? AND ? AND latest >= ? AND earliest < ?",
        )?
        .query_row(params![first >> BITS, last >> BITS, since, until], |row| {
            Ok(row.get::<_, Option<i64>>(0)?.zip(row.get(1)?))
        })?;
    Ok(zones.map_or((first, first - 1), |(near, far)| {
        let end = (far << BITS) | ((1 << BITS) - 1);
        (first.max(near << BITS), last.min(end))
    }))
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
