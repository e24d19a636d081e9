//! Readers of what strangers write, on hostile bytes.
//!
//! Each module gives any bytes to one reader of the program and panics when that reader breaks a
//! promise. libFuzzer calls them (`targets/`), and so does a test, with the inputs of `corpus/`.

pub mod config;
pub mod edits;
pub mod events;
pub mod gguf;
pub mod onnx;
pub mod pack;
pub mod safetensors;

use std::fs;
use std::path::PathBuf;

/// A reader by the name of its target, its corpus and its dictionary.
pub type Reader = (&'static str, fn(&[u8]));

/// All of them, sorted.
pub const READERS: [Reader; 7] = [
    ("config", config::read),
    ("edits", edits::read),
    ("events", events::read),
    ("gguf", gguf::read),
    ("onnx", onnx::read),
    ("pack", pack::read),
    ("safetensors", safetensors::read),
];

/// A folder that is gone after the input.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

/// `bytes` as the file `name` in `folder`.
fn file(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a file can be written");
    path
}

/// An error says something. What it quotes is made harmless where the host shows it.
fn check_words(error: &dyn std::error::Error) {
    assert!(!error.to_string().is_empty(), "{error:?}");
}
