//! What the examples in `examples/` share: the quickstart's subject matter and its output.

pub mod lock;
pub mod show;

use std::path::Path;

/// What examples return, so that `?` takes every error.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The names with commas between them.
pub fn join(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let names: Vec<_> = names.into_iter().collect();
    names
        .iter()
        .map(AsRef::as_ref)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The part as a fraction of the whole; 0 of nothing.
#[allow(clippy::cast_precision_loss, reason = "both are small")]
pub fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}
