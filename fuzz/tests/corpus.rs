//! Every input of the corpus goes through its reader: what once made one panic, never does again.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use olive_fuzz::{READERS, Reader};

#[test]
fn every_input_of_the_corpus_is_read() {
    for (name, read) in READERS {
        let inputs = inputs(name);
        assert!(inputs.len() > 10, "{name} has {} inputs", inputs.len());
        for path in inputs {
            let bytes = fs::read(&path).unwrap();
            assert!(catch_unwind(|| read(&bytes)).is_ok(), "{} breaks its reader", path.display());
        }
    }
}

#[test]
fn every_corpus_has_a_reader() {
    let known = READERS.map(|(name, _): Reader| name);
    let corpora = fs::read_dir(folder()).unwrap();
    for corpus in corpora {
        let name = corpus.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&name.as_str()), "{name}");
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn inputs(name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder().join(name)).unwrap();
    let mut inputs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    inputs
}
