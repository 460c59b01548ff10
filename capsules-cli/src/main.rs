//! The `capsules` command.

fn main() {}
