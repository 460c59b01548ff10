//! Runs the built `capsules` command.

mod bytes;
mod keys;
mod support;
mod uri;
