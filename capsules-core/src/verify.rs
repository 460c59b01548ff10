//! Verification of records and chains.
