//! The passes and their schemas.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod schema;
mod checks;
mod passes;
mod checkpoints;
mod memory;
mod promises;
