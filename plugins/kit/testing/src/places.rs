//! Where fixtures lie.

use std::fs;
use std::path::{Path, PathBuf};

/// Fixtures with weights as floats: every family of decoders, each with an adapter and what
/// transformers and PEFT compute of them.
pub const DENSE_MODELS: [&str; 12] = [
    "tiny-gemma",
    "tiny-gemma2",
    "tiny-llama",
    "tiny-llama3",
    "tiny-llama-bias",
    "tiny-mistral",
    "tiny-phi3",
    "tiny-phi3-longrope",
    "tiny-phi4-mini",
    "tiny-qwen2",
    "tiny-qwen3",
    "tiny-smollm",
];

/// The same of fixtures whose weights bitsandbytes has stored in 4 bits.
pub const QUANTIZED_MODELS: [&str; 2] = ["tiny-llama3-nf4", "tiny-phi4-mini-fp4"];

/// The file or folder `name` of `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    root().join("tests/fixtures").join(name)
}

/// The file or folder `name` of the fixtures of adapters, which `make.py` beside them made.
pub fn adapter_fixture(name: &str) -> PathBuf {
    root().join("plugins/kit/adapters/tests/fixtures").join(name)
}

/// Adapters of every method that PEFT made, each with the fixture that it adapts, sorted.
///
/// `reference.safetensors` in each has what PEFT computes of it.
pub fn adapter_folders() -> Vec<(String, PathBuf)> {
    let models = folders(&adapter_fixture(""));
    let of_model = |model: &PathBuf| {
        let name = model.file_name().unwrap().to_str().unwrap().to_owned();
        folders(model).into_iter().map(move |folder| (name.clone(), folder))
    };
    let found: Vec<_> = models.iter().flat_map(of_model).collect();
    assert!(found.len() > 15, "{found:?}");
    found
}

/// Names of the files and folders in `dir`, sorted.
pub fn file_names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

fn folders(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// The folder of the repository, which may have moved since the test was built.
fn root() -> PathBuf {
    let moved = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let package = moved.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let root = package.ancestors().find(|dir| dir.join("Cargo.lock").is_file());
    root.unwrap().to_owned()
}
