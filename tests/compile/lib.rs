//! The tests are in `main.rs`.
