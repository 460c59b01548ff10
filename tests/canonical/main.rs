//! Canonical JSON, compared with what other implementations of the protocol write.

mod golden;
