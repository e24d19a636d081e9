//! Data sets of every format, and packing against an independent computation.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod rows;
mod texts;
mod questions;
mod pack;
mod olive;
mod segments;
mod preview;
mod chat;
mod split;

use std::path::{Path, PathBuf};

use olive_kit_testing::fixture;
use olive_kit_text::Tokenizer;

/// A fixture of this crate.
fn own_fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Byte-level BPE with `<unk>`, `<bos>`, `<eos>`, `<pad>` as ids 0 to 3.
fn tokenizer() -> Tokenizer {
    Tokenizer::open(&fixture("tiny-phi3")).unwrap()
}
