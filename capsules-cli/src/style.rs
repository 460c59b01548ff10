//! Colours, used for the same thing everywhere.

use anstyle::{AnsiColor, Style};

/// Titles and labels.
pub(crate) const TITLE: Style = Style::new().bold();
/// What was checked and is right.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What is wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What deserves attention.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
/// What matters less.
pub(crate) const DIM: Style = Style::new().dimmed();
/// What was searched for.
pub(crate) const FOUND: Style = AnsiColor::Yellow.on_default().bold();
