//! Forks: the child has a copy of its parent's memory and none of its threads. A lock that one of
//! them held is never released in the child.

use std::sync::OnceLock;

use forkguard::Guard;

/// The process that something belongs to.
///
/// Costs no system call: a handler of `fork` counts. A child that is made past the C library goes
/// unnoticed, and so do all where the system has no memory for that handler.
#[derive(Debug)]
pub(crate) struct Process(Option<Guard>);

impl Process {
    pub(crate) fn running() -> Self {
        Self(Guard::try_new().ok())
    }

    /// Whether it is an ancestor of the running process, which was forked since.
    pub(crate) fn is_ancestor(&self) -> bool {
        self.0
            .clone()
            .is_some_and(|mut guard| guard.detected_fork())
    }
}

/// A value of which each process has one of its own.
#[derive(Debug)]
pub(crate) struct PerProcess<T> {
    process: Process,
    own: T,
    child: OnceLock<Box<Self>>,
}

impl<T> PerProcess<T> {
    pub(crate) fn new(own: T) -> Self {
        Self {
            process: Process::running(),
            own,
            child: OnceLock::new(),
        }
    }

    /// The running process's value. That of a forked child is made of its parent's, of which it
    /// must not wait for any lock.
    pub(crate) fn get(&self, for_child: impl Fn(&T) -> T) -> &T {
        let mut of = self;
        while of.process.is_ancestor() {
            of = of
                .child
                .get_or_init(|| Box::new(Self::new(for_child(&of.own))));
        }
        &of.own
    }
}
