//! How safely a capsule is kept before the call returns.

/// How safely a capsule is kept when the audited call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// In the journal: it survives the death of the process, also by `SIGKILL`, at the price of
    /// one `write`. The journal is not synced, so a crash of the whole machine may lose the
    /// last moments.
    #[default]
    Journaled,
    /// In the store, on stable storage. The call waits for it.
    ///
    /// An asynchronous function waits only when its own attribute asks for it, with
    /// `durability = "committed"`: its value is then kept across an await, so that its future is
    /// `Send` only if the value is. Without that, what an instance that is `Committed` records of
    /// asynchronous functions is journaled.
    Committed,
    /// In memory only: what is not yet committed when the process dies is lost.
    Memory,
}

/// What happens to calls while the queue of capsules that are not yet committed is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Overflow {
    /// They wait before their body runs, asynchronous functions without blocking a thread.
    #[default]
    Wait,
    /// They run unrecorded, as without the attribute: inside of one, [`current`](crate::current)
    /// is the capsule of the call around it, which is also the parent of what it calls. A capsule of
    /// type `system` says how many did, and between which times.
    Drop,
}
