//! Validation of content documents.
