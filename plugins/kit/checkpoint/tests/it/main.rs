//! Reading, checking and refusing checkpoints.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod fixtures;
mod families;
mod published;
mod quantized;

use std::path::{Path, PathBuf};

/// A fixture of the repository.
fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/fixtures")).join(name)
}
