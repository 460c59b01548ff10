//! The SQLite store.

/// Keeps records in a SQLite file.
#[derive(Debug)]
pub struct SqliteStorage {}
