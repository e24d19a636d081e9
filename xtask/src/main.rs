//! Chores of this repository as one cargo command.
fn main() {}
