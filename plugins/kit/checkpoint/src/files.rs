//! What belongs to a model besides config and weights: tokenizer, chat template, generation
//! config. Code in model folders is never among it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::CheckpointError;

/// Files of a tokenizer, in every form in use.
pub const TOKENIZER_FILES: [&str; 10] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
];

/// Default settings of generation.
pub const GENERATION_CONFIG: &str = "generation_config.json";

/// Companion files that are in `dir`: those of the tokenizer, then the generation config.
pub fn companions(dir: &Path) -> Vec<PathBuf> {
    let names = TOKENIZER_FILES.into_iter().chain([GENERATION_CONFIG]);
    names.map(|name| dir.join(name)).filter(|path| path.is_file()).collect()
}

/// Copies every companion file of `from` into `to`, and returns the copies.
///
/// # Errors
/// When a file cannot be read or written.
pub fn copy_companions(from: &Path, to: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let copies = companions(from).into_iter().map(|source| copy(&source, to));
    copies.collect()
}

/// Copies one file into the folder `to`, and returns the copy.
///
/// # Errors
/// When the file cannot be read or written.
pub fn copy(source: &Path, to: &Path) -> Result<PathBuf, CheckpointError> {
    let target = to.join(source.file_name().unwrap_or_default());
    // Content only: a read-only source must not make a read-only copy.
    let bytes = fs::read(source).map_err(CheckpointError::read(source))?;
    fs::write(&target, bytes).map_err(CheckpointError::write(&target))?;
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_companions_are_copied() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for name in ["tokenizer.json", "generation_config.json", "modeling.py", "config.json"] {
            fs::write(from.path().join(name), name).unwrap();
        }
        let copies = copy_companions(from.path(), to.path()).unwrap();
        let expected = ["tokenizer.json", "generation_config.json"];
        assert_eq!(copies, expected.map(|name| to.path().join(name)));
        assert_eq!(fs::read_dir(to.path()).unwrap().count(), 2);
    }
}
