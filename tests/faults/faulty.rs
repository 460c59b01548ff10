//! A store in memory that fails on demand.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Condvar, Mutex};

use capsules::StorageError;
use capsules_tests::hooked::{HookedStorage, Hooks, Operation};

/// When a store fails, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// The first operation that fails, counted from 1.
    pub(crate) at: u32,
    /// How many in a row fail.
    pub(crate) times: u32,
    pub(crate) moment: Moment,
    pub(crate) kind: Kind,
}

impl Fault {
    /// One that never comes.
    pub(crate) const NONE: Self = Self {
        at: u32::MAX,
        times: 0,
        moment: Moment::BeforeTheEffect,
        kind: Kind::Write,
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    BeforeTheEffect,
    AfterTheEffect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Write,
    Locked,
    Read,
    Panic,
}

pub(crate) type Faulty = HookedStorage<Faults>;

#[derive(Debug)]
pub(crate) struct Faults {
    fault: Fault,
    operations: AtomicU32,
    /// Whether an operation that fails waits with that.
    held: Mutex<bool>,
    released: Condvar,
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            operations: AtomicU32::new(0),
            held: Mutex::new(false),
            released: Condvar::new(),
        }
    }
}

impl Faults {
    /// Has operations that fail wait until they are released.
    pub(crate) fn hold(&self) {
        *self.held.lock().unwrap() = true;
    }

    pub(crate) fn release(&self) {
        *self.held.lock().unwrap() = false;
        self.released.notify_all();
    }

    /// Whether an operation has failed, or is about to.
    pub(crate) fn has_failed(&self) -> bool {
        self.operations.load(SeqCst) >= self.fault.at
    }

    fn error(&self) -> StorageError {
        let location = self.location();
        let reason = "injected".to_owned();
        match self.fault.kind {
            Kind::Write => StorageError::Write { location, reason },
            Kind::Locked => StorageError::Locked { location },
            Kind::Read => StorageError::Read { location, reason },
            Kind::Panic => panic!("injected"),
        }
    }
}

impl Hooks for Faults {
    fn around<T>(
        &self,
        _: Operation,
        run: impl FnOnce() -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let Fault { at, times, .. } = self.fault;
        let number = self.operations.fetch_add(1, SeqCst) + 1;
        if !(at..at + times).contains(&number) {
            return run();
        }
        let held = self.held.lock().unwrap();
        drop(self.released.wait_while(held, |held| *held).unwrap());
        if self.fault.moment == Moment::AfterTheEffect {
            run()?;
        }
        Err(self.error())
    }

    fn location(&self) -> String {
        let Fault {
            at, moment, kind, ..
        } = self.fault;
        format!("faulty-{at}-{moment:?}-{kind:?}")
    }
}
