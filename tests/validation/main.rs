//! Validation of documents and URIs, compared with the published vectors and with the Python
//! implementation.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod python;
mod vectors;
