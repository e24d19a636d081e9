//! The `olive` program.
fn main() {}
