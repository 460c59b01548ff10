//! Identifiers of capsules.

use std::cell::RefCell;

use forkguard::Guard;
use uuid::{Builder, Uuid};

use crate::timestamp::Timestamp;

/// A UUID of version 4 in form whose leading 48 bits are the time in milliseconds, so that
/// neighbours in time are neighbours in an index. The other 74 bits are random.
pub(crate) fn time_ordered_id(now: Timestamp) -> Uuid {
    let mut bytes = random();
    let millis = (now.as_micros() / 1_000).to_be_bytes();
    bytes[..6].copy_from_slice(&millis[2..]);
    Builder::from_random_bytes(bytes).into_uuid()
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool::EMPTY) };
}

/// Random bytes of the operating system, fetched for many ids at once: asking for each of them
/// costs more than the rest of making a capsule.
struct Pool {
    bytes: [u8; Self::SIZE],
    used: usize,
    /// Tells that they were fetched before a fork: the child must not hand out its parent's.
    fetched: Option<Guard>,
}

impl Pool {
    const SIZE: usize = 64 * 16;
    const EMPTY: Self = Self {
        bytes: [0; Self::SIZE],
        used: Self::SIZE,
        fetched: None,
    };

    /// The next 16 bytes; `None` when the system gives none.
    fn next(&mut self) -> Option<[u8; 16]> {
        let parents = self.fetched.as_mut().is_none_or(Guard::detected_fork);
        if parents || self.used == Self::SIZE {
            self.fetched = None;
            getrandom::fill(&mut self.bytes).ok()?;
            self.fetched = Guard::try_new().ok();
            self.used = 0;
        }
        let next = self.bytes[self.used..].first_chunk().copied();
        self.used += 16;
        next
    }
}

fn random() -> [u8; 16] {
    let pooled = POOL.try_with(|pool| pool.try_borrow_mut().ok()?.next());
    // The pool is gone while its thread ends.
    pooled
        .ok()
        .flatten()
        .unwrap_or_else(|| *Uuid::new_v4().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ordered_by_time_and_never_the_same() {
        let times: Vec<_> = (0..500)
            .map(|second| Timestamp::from_micros(second * 1_000_000).unwrap())
            .collect();
        let ids: Vec<_> = times.iter().map(|time| time_ordered_id(*time)).collect();
        assert!(ids.is_sorted());
        assert!(ids.iter().all(|id| id.get_version_num() == 4));
        let randoms: std::collections::HashSet<_> = ids
            .iter()
            .map(|id| id.as_u128() & ((1 << 62) - 1))
            .collect();
        assert_eq!(randoms.len(), ids.len());
    }
}
