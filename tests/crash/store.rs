//! A store in memory that fails, or never answers, when it is told to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};

use capsules::StorageError;
use capsules_tests::hooked::{HookedStorage, Hooks, Operation};

/// What an append does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Works,
    Fails,
    /// Waits until the mood changes.
    Hangs,
}

pub(crate) type MoodyStorage = HookedStorage<Moods>;

pub(crate) struct Moods {
    mood: Mutex<Mood>,
    changed: Condvar,
    appends: AtomicU64,
}

impl From<Mood> for Moods {
    fn from(mood: Mood) -> Self {
        Self {
            mood: Mutex::new(mood),
            changed: Condvar::new(),
            appends: AtomicU64::new(0),
        }
    }
}

impl Moods {
    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
        self.changed.notify_all();
    }

    /// How many appends have begun.
    pub(crate) fn appends(&self) -> u64 {
        self.appends.load(Ordering::SeqCst)
    }
}

impl Hooks for Moods {
    fn around<T>(
        &self,
        operation: Operation,
        run: impl FnOnce() -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        if operation != Operation::Append {
            return run();
        }
        self.appends.fetch_add(1, Ordering::SeqCst);
        let mood = self.mood.lock().unwrap();
        let hangs = |mood: &mut Mood| *mood == Mood::Hangs;
        let mood = *self.changed.wait_while(mood, hangs).unwrap();
        if mood == Mood::Fails {
            return Err(StorageError::Write {
                location: self.location(),
                reason: "it is told to fail".to_owned(),
            });
        }
        run()
    }

    fn location(&self) -> String {
        "a moody store".to_owned()
    }
}
