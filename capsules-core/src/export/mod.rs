//! Exports: sealed records in a JSON file.
//!
//! An export is a JSON array of sealed records, one sealed record, or one on each line as in JSON
//! Lines. [`Records`] reads any of them, [`Writer`] writes arrays and lines.

mod records;
mod writer;

pub use records::{ExportError, Found, Records};
pub use writer::{Format, WriteError, Writer};
