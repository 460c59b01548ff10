//! Runs the built `capsules` command.

mod bytes;
mod inspect;
mod keys;
mod list;
mod support;
mod uri;
