//! A store in memory.

/// Keeps records in memory.
#[derive(Debug, Default)]
pub struct MemoryStorage {}
