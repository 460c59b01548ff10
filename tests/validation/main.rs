//! Validation of documents and URIs, compared with the published vectors and with the Python
//! implementation.

mod python;
mod vectors;
