//! Outputs that are compared with files, which `BLESS=1` writes anew.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Compares outputs with their files, and at the end tells of all that differ.
#[derive(Default)]
pub(crate) struct Blessed {
    wrong: String,
}

impl Blessed {
    /// Compares what was said of the case `name` with the file at `path`.
    pub(crate) fn check(&mut self, name: &str, path: &Path, actual: &str) {
        if env::var_os("BLESS").is_some() {
            fs::write(path, actual).unwrap();
        }
        let expected = fs::read_to_string(path).unwrap_or_default();
        if expected != actual {
            let _ = write!(self.wrong, "\n== {name}: expected\n{expected}\n== but was\n{actual}");
        }
    }

    /// Fails when any differed.
    pub(crate) fn finish(self) {
        assert!(self.wrong.is_empty(), "{}\n`BLESS=1` writes what is expected anew", self.wrong);
    }
}
