//! What holds for every store. The module around this one opens an empty store with `open`, or
//! gives `None` where the store cannot be had.

mod append;
mod close;
mod concurrent;
mod filter;
mod read;

use super::open;
