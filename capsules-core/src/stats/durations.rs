//! Percentiles of many durations in little memory.

use std::collections::BTreeMap;

/// How durations are spread: any percentile to within 1.6 %, and the greatest one exactly.
///
/// A histogram whose buckets grow with the values, as in `HdrHistogram`: 64 for every power of two,
/// so that below 128 ms every value has its own. Only buckets in use take memory, of which there
/// are 3,776.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations {
    buckets: BTreeMap<u16, u64>,
    count: u64,
    max: u64,
}

impl Durations {
    /// Adds one, in milliseconds.
    pub fn add(&mut self, millis: u64) {
        *self.buckets.entry(bucket(millis)).or_default() += 1;
        self.count += 1;
        self.max = self.max.max(millis);
    }

    /// Adds all of another one.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.buckets {
            *self.buckets.entry(*bucket).or_default() += count;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The greatest, in milliseconds.
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// The least duration, in milliseconds, that at least this share of all does not exceed; the
    /// share in percent.
    pub fn percentile(&self, percent: u8) -> Option<u64> {
        let count = u128::from(self.count);
        let rank = (count * u128::from(percent.min(100))).div_ceil(100).max(1);
        let mut seen = 0;
        for (bucket, count) in &self.buckets {
            seen += u128::from(*count);
            if seen >= rank {
                return Some(last_of(*bucket).min(self.max));
            }
        }
        None
    }
}

/// Buckets of one power of two.
const PARTS: u64 = 64;

/// The first 128 values have a bucket each; later ones share one with those that have the same
/// first seven binary digits.
fn bucket(value: u64) -> u16 {
    let shift = shift_of(value);
    let number = u64::from(shift) * PARTS + (value >> shift);
    // At most 58 shifts.
    u16::try_from(number).unwrap_or(u16::MAX)
}

fn shift_of(value: u64) -> u32 {
    (u64::BITS - value.leading_zeros()).saturating_sub(7)
}

/// The greatest value of a bucket.
fn last_of(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    let shift = (bucket / PARTS).saturating_sub(1);
    let digits = bucket - shift * PARTS;
    (digits << shift) | ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_neighbours_that_differ_little() {
        let mut before = None;
        for value in (0..70_000).chain([u64::MAX / 3, u64::MAX]) {
            let bucket = bucket(value);
            let last = last_of(bucket);
            assert!(last >= value, "{value}");
            assert!(last - value <= value / 64, "{value} {last}");
            assert!(before <= Some(bucket), "{value}");
            before = Some(bucket);
        }
        assert_eq!(last_of(bucket(u64::MAX)), u64::MAX);
    }

    #[test]
    fn percentiles() {
        let mut durations = Durations::default();
        assert_eq!((durations.percentile(50), durations.max()), (None, None));
        for value in (1..=100).rev() {
            durations.add(value);
        }
        let found = [0, 1, 50, 95, 99, 100].map(|p| durations.percentile(p).unwrap());
        assert_eq!(found, [1, 1, 50, 95, 99, 100]);

        let mut later = Durations::default();
        later.add(1_000_003);
        assert_eq!(
            later.percentile(50),
            Some(1_000_003),
            "never above the greatest"
        );
        durations.merge(&later);
        assert_eq!((durations.count(), durations.max()), (101, Some(1_000_003)));
        assert_eq!(durations.percentile(50), Some(51));
    }
}
