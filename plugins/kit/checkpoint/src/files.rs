//! Files of a folder: how one is written, and what belongs to a model besides config and weights: tokenizer, chat template, generation
//! config. Code in model folders is never among it.

use std::fs::{self, File};
use std::io::{self, Write};
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

/// Start of the name of a file that is not whole yet.
pub const PARTIAL: &str = ".partial-";

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

/// Writes a file so that it is whole or not there, also when the machine goes down meanwhile.
///
/// # Errors
/// When it cannot be written; what was there before stays.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let partial = path.with_file_name(format!("{PARTIAL}{name}"));
    let write = || {
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().inspect_err(|_| {
        // Nothing better can be done about a file that cannot be removed.
        let _ = fs::remove_file(&partial);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        write_whole(&path, b"old").unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        fs::create_dir(dir.path().join("folder")).unwrap();
        assert!(write_whole(&dir.path().join("folder"), b"new").is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

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
