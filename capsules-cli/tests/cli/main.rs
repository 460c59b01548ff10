//! Runs the built `capsules` command.

mod bytes;
mod support;
mod uri;
