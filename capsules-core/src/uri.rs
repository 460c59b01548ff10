//! `capsule://` URIs.
