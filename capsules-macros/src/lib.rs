//! The `#[audit]` attribute. Use it through the `capsules` crate.
