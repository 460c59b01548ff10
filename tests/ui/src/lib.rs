//! The tests are in `main.rs`, `pass` and `fail`.
