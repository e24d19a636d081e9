//! Dynamic libraries of any system, told from one another without loading them.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use olive_plugin_api::abi::VERSION_SYMBOL;

/// Endings of dynamic libraries' file names.
const SUFFIXES: [&str; 3] = [".so", ".dylib", ".dll"];
/// Bytes that are looked through at once.
const CHUNK: usize = 1 << 20;

/// Whether a file by its name is a dynamic library of some system.
pub(super) fn is_library(file: &str) -> bool {
    SUFFIXES.iter().any(|suffix| file.ends_with(suffix))
}

/// Name of a library without what systems add: `acme_prune` of `libacme_prune.so` and
/// `acme_prune.dll`.
pub(super) fn stem(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or_default();
    match name.rsplit_once('.') {
        Some((name, "dll")) => name,
        Some((name, _)) => name.strip_prefix("lib").unwrap_or(name),
        None => name,
    }
}

/// Whether the library at `path` names the symbol that every plugin exports. Other libraries lie
/// beside plugins because those load them.
///
/// # Errors
/// When it cannot be read.
pub(super) fn is_plugin(path: &Path) -> io::Result<bool> {
    holds(File::open(path)?, VERSION_SYMBOL.as_bytes())
}

/// Whether `content` holds `word`.
fn holds(mut content: impl Read, word: &[u8]) -> io::Result<bool> {
    // The end of a chunk may be the beginning of the word.
    let kept = word.len() - 1;
    let mut bytes = Vec::with_capacity(CHUNK + kept);
    loop {
        let read = content.by_ref().take(CHUNK as u64).read_to_end(&mut bytes)?;
        if find(&bytes, word) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        bytes.drain(..bytes.len().saturating_sub(kept));
    }
}

/// Whether `word` is in `bytes`, by the search of Horspool: most bytes are not looked at.
fn find(bytes: &[u8], word: &[u8]) -> bool {
    let mut skips = [word.len(); 256];
    for (index, &byte) in word[..word.len() - 1].iter().enumerate() {
        skips[usize::from(byte)] = word.len() - 1 - index;
    }
    let mut end = word.len();
    while end <= bytes.len() {
        if bytes[..end].ends_with(word) {
            return true;
        }
        end += skips[usize::from(bytes[end - 1])];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, find, holds, stem};

    #[test]
    fn a_library_has_one_name_on_every_system() {
        for (file, expected) in [
            ("libacme_prune.so", "acme_prune"),
            ("x/libacme_prune.dylib", "acme_prune"),
            ("acme_prune.dll", "acme_prune"),
            ("library.dll", "library"),
        ] {
            assert_eq!(stem(file), expected);
        }
    }

    #[test]
    fn a_word_is_found_wherever_it_is() {
        for (text, expected) in
            [("abc", true), ("xxabcx", true), ("ababc", true), ("ab", false), ("acbabb", false)]
        {
            assert_eq!(find(text.as_bytes(), b"abc"), expected, "{text}");
        }
        for place in [CHUNK - 1, CHUNK, 2 * CHUNK - 2] {
            let mut content = vec![b'a'; 3 * CHUNK];
            content[place..place + 3].copy_from_slice(b"abc");
            assert!(holds(&*content, b"abc").unwrap(), "{place}");
        }
        assert!(!holds(&*vec![b'a'; 3 * CHUNK], b"abc").unwrap());
    }
}
