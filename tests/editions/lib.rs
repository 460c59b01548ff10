//! Nothing: the attribute is tested in `main.rs`, once for each edition.
