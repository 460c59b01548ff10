//! What a chain holds, in numbers: how many capsules of which kind, when, for whom, how long they
//! took and what failed.
//!
//! One pass over the chains, in memory that does not grow with it. What is counted is what the
//! records say; whether that is true is for [`verify`](crate::verify).

mod durations;
mod tally;

use std::ops::ControlFlow;

pub use durations::Durations;
pub use tally::{Figure, Tally};

use crate::facts::Facts;
use crate::record::RecordRef;
use crate::storage::{Filter, Storage, StorageError};
use crate::timestamp::Timestamp;

/// The figures of the capsules that a filter selects.
///
/// ```
/// use capsules_core::stats::Stats;
/// use capsules_core::storage::MemoryStorage;
/// use capsules_core::Filter;
///
/// let stats = Stats::of(&MemoryStorage::new(), &Filter::new(), &mut |_| ())?;
/// assert_eq!(stats.total, 0);
/// # Ok::<(), capsules_core::StorageError>(())
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Stats {
    /// How many capsules.
    pub total: u64,
    /// How many of them have no content of the protocol's shape. They are in no other figure.
    pub unreadable: u64,
    /// When the earliest action began.
    pub first: Option<Timestamp>,
    /// When the latest action began.
    pub last: Option<Timestamp>,
    /// By `type`.
    pub types: Tally<Group>,
    /// By `trigger.source`.
    pub sources: Tally<Group>,
    /// By `outcome.status`.
    pub statuses: Tally<u64>,
    /// By tenant; those without one are not in it.
    pub tenants: Tally<u64>,
    /// By the day (UTC) on which the action began, as `2026-01-15`.
    pub days: Tally<u64>,
    /// By the first line of `outcome.error`, of those that have one.
    pub errors: Tally<u64>,
}

/// Capsules that have something in common.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Group {
    /// How many.
    pub count: u64,
    /// How many of them have the status `failure`.
    pub failures: u64,
    /// How long they took.
    pub durations: Durations,
}

impl Stats {
    /// Reads the chains of a store once, and tells after every thousand records how many were
    /// read. Limit, offset and order of the filter have no meaning.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the store cannot be read.
    pub fn of(
        storage: &dyn Storage,
        filter: &Filter,
        told: &mut dyn FnMut(u64),
    ) -> Result<Self, StorageError> {
        let mut stats = Self::default();
        let mut read = 0_u64;
        let from = filter.after.map_or(0, |after| after.saturating_add(1));
        for chain in filter.chains(storage)? {
            storage.scan_ref(chain.as_deref(), from, &mut |record| {
                let end = filter.before.map(i128::from);
                if end.is_some_and(|end| end <= i128::from(record.columns.sequence)) {
                    return ControlFlow::Break(());
                }
                if filter.selects_ref(&record) {
                    stats.add(&record);
                }
                read += 1;
                if read.is_multiple_of(1_000) {
                    told(read);
                }
                ControlFlow::Continue(())
            })?;
        }
        Ok(stats)
    }

    /// Counts one more record.
    pub fn add(&mut self, record: &RecordRef<'_>) {
        self.total += 1;
        let Some(facts) = Facts::read(record.content) else {
            self.unreadable += 1;
            return;
        };
        let status = facts.status().unwrap_or_default();
        let (failed, duration) = (status == "failure", facts.duration_ms());
        for (groups, name) in [
            (&mut self.types, record.columns.kind),
            (&mut self.sources, facts.source()),
        ] {
            groups.add(name, |group| group.add(failed, duration));
        }
        self.statuses.add(status, |count| *count += 1);
        if let Some(tenant) = facts.tenant(&record.columns) {
            self.tenants.add(tenant, |count| *count += 1);
        }
        if let Some(error) = facts.error() {
            let line = error.lines().next().unwrap_or_default();
            self.errors.add(line, |count| *count += 1);
        }
        if let Some(began) = facts.began() {
            self.first = self
                .first
                .map_or(Some(began), |first| Some(first.min(began)));
            self.last = self.last.max(Some(began));
            let text = began.to_string();
            let day = text.split('T').next().unwrap_or_default();
            self.days.add(day, |count| *count += 1);
        }
    }
}

impl Group {
    /// Adds all of another one.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.failures += other.failures;
        self.durations.merge(&other.durations);
    }

    fn add(&mut self, failed: bool, duration: Option<u64>) {
        self.count += 1;
        self.failures += u64::from(failed);
        if let Some(millis) = duration {
            self.durations.add(millis);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::ColumnsRef;

    fn add(stats: &mut Stats, kind: &str, content: &str) {
        stats.add(&RecordRef {
            content,
            hash: "",
            signature: "",
            signature_pq: "",
            signed_at: None,
            signed_by: None,
            columns: ColumnsRef {
                kind,
                ..ColumnsRef::default()
            },
        });
    }

    #[test]
    fn every_record_is_counted_once_in_each_figure() {
        let mut stats = Stats::default();
        for (kind, status, error, day, millis) in [
            ("tool", "failure", "\"no answer\\nat all\"", 15, 10),
            ("tool", "success", "null", 15, 30),
            ("agent", "success", "\"\"", 14, 20),
        ] {
            let content = format!(
                r#"{{"trigger":{{"source":"s","timestamp":"2026-01-{day}T23:30:00-01:00"}},
                "execution":{{"duration_ms":{millis}}},
                "outcome":{{"status":"{status}","error":{error}}}}}"#
            );
            add(&mut stats, kind, &content);
        }
        add(&mut stats, "tool", "[");

        assert_eq!((stats.total, stats.unreadable), (4, 1));
        let counts = |tally: &Tally<u64>| {
            tally
                .top()
                .map(|(name, count)| (name.to_owned(), *count))
                .collect::<Vec<_>>()
        };
        let pair = |name: &str, count| (name.to_owned(), count);
        assert_eq!(
            counts(&stats.statuses),
            [pair("success", 2), pair("failure", 1)]
        );
        // Of the day in UTC.
        assert_eq!(
            counts(&stats.days),
            [pair("2026-01-16", 2), pair("2026-01-15", 1)]
        );
        assert_eq!(counts(&stats.errors), [pair("no answer", 1)]);
        assert_eq!(counts(&stats.tenants), []);
        let (name, tools) = stats.types.top().next().unwrap();
        assert_eq!((name, tools.count, tools.failures), ("tool", 2, 1));
        assert_eq!(tools.durations.max(), Some(30));
        let first = stats.first.unwrap().to_string();
        assert_eq!(first, "2026-01-15T00:30:00+00:00");
        assert!(stats.last > stats.first);
    }
}
