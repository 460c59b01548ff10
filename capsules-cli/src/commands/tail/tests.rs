//! Stores that fail while they are followed.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use capsules_core::{Capsule, CapsuleType, Draft, LocalSigner, Position, Seal};
use capsules_tests::hooked::{HookedStorage, Hooks, Operation};

use super::*;

/// A store that another program has locked for so many looks.
type Locked = HookedStorage<Looks>;

struct Looks {
    locked: AtomicU32,
    chains: Vec<Option<String>>,
    /// The list that fails, counted from 1.
    failing: AtomicU32,
}

/// One with so many records, in each of these chains.
fn store(records: u64, chains: &[Option<&str>]) -> Locked {
    let looks = Looks {
        locked: AtomicU32::new(0),
        chains: chains.iter().map(|name| name.map(str::to_owned)).collect(),
        failing: AtomicU32::new(0),
    };
    let store = Locked::new(looks);
    let seal = Seal::with_signer(Arc::new(LocalSigner::generate().unwrap()));
    for _ in 0..records {
        let draft = Draft::new(&Capsule::new(CapsuleType::Tool)).unwrap();
        let append = store.append(None, &mut |head| {
            let record = seal.seal(&draft, &Position::after(head)).unwrap();
            Ok(vec![record])
        });
        append.unwrap();
    }
    store
}

impl Looks {
    fn lock(&self, looks: u32) {
        self.locked.store(looks, Ordering::Relaxed);
    }
}

impl Hooks for Looks {
    fn around<T>(
        &self,
        operation: Operation,
        run: impl FnOnce() -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        // How many there were before this one.
        let count_down = |left: &AtomicU32| {
            let next =
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
            next.unwrap_or(0)
        };
        if operation == Operation::List && count_down(&self.failing) == 1 {
            return Err(StorageError::Unreachable {
                location: self.location(),
                reason: "it is away".to_owned(),
            });
        }
        match count_down(&self.locked) {
            0 => run(),
            _ => Err(StorageError::Locked {
                location: self.location(),
            }),
        }
    }

    fn chains(&self) -> Vec<Option<String>> {
        self.chains.clone()
    }

    fn location(&self) -> String {
        "locked".to_owned()
    }
}

#[test]
fn a_store_that_is_locked_for_long_is_followed_all_the_same() {
    let storage = store(3, &[None]);
    let mut follower = Follower {
        storage: &storage,
        filter: Filter::new(),
        shown: HashMap::from([(None, 0)]),
        failures: 0,
        is_away: false,
    };
    storage.lock(10 * MOST_FAILURES);
    for _ in 0..10 * MOST_FAILURES {
        assert!(follower.next().unwrap().is_none());
    }
    let found = follower.next().unwrap().unwrap();
    assert_eq!(found.len(), 2);
    // In the middle of a look as well.
    follower.shown = HashMap::from([(None, 1)]);
    assert!(follower.next().unwrap().is_some());
    follower.shown = HashMap::new();
    storage.lock(1);
    assert!(follower.next().unwrap().is_none());
    assert_eq!(follower.next().unwrap().unwrap().len(), 3);
}

#[test]
fn what_was_found_before_a_look_failed_is_shown_by_the_next() {
    let storage = store(2, &[None, Some("other")]);
    storage.failing.store(2, Ordering::Relaxed);
    let mut follower = Follower {
        storage: &storage,
        filter: Filter::new(),
        shown: HashMap::new(),
        failures: 0,
        is_away: false,
    };
    assert!(follower.next().unwrap().is_none());
    assert!(follower.is_away);
    assert_eq!(follower.next().unwrap().unwrap().len(), 4);
    assert!(!follower.is_away);
}

#[test]
fn other_failures_end_it_after_some_looks() {
    let storage = store(1, &[None]);
    storage.records().close().unwrap();
    let mut follower = Follower {
        storage: &storage,
        filter: Filter::new(),
        shown: HashMap::new(),
        failures: 0,
        is_away: false,
    };
    for _ in 1..MOST_FAILURES {
        assert!(follower.next().unwrap().is_none());
    }
    assert!(follower.next().is_err());
}

#[test]
fn the_beginning_waits_as_long_as_somebody_follows() {
    let storage = store(2, &[None]);
    storage.lock(100);
    let begin = || Ok(latest(&storage, &Filter::new(), 10)?);
    let pauses = Cell::new(0);
    let pause = || {
        pauses.set(pauses.get() + 1);
        ControlFlow::Continue(())
    };
    let (heads, records) = while_locked(pause, begin).unwrap();
    assert_eq!((heads.get(&None), records.len()), (Some(&1), 2));
    assert_eq!(pauses.get(), 100);
    assert_eq!(records[0].columns.sequence, 0);

    storage.lock(2);
    let given_up = while_locked(|| ControlFlow::Break(()), begin);
    assert!(given_up.is_err());
}
