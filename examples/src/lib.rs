//! The examples live beside this file in `examples/`; this library is empty.
