//! Tamper-evident audit records for AI agents.
