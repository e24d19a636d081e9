//! Why a chore could not be done.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// Why a chore could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChoreError {
    /// A program could not be started at all.
    #[error("cannot run `{program}`")]
    Start { program: String, source: io::Error },
    /// A program ran and said no.
    #[error("`{command}` ended with {status}{}", said(output))]
    Failed { command: String, status: ExitStatus, output: String },
    /// A file or folder could not be read or written.
    #[error("cannot {action} `{}`", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    /// A file is not the JSON it should be.
    #[error("`{}` is not what was expected: {problem}", path.display())]
    Content { path: PathBuf, problem: String },
    /// There is no client for Python packages.
    #[error("found no Python package client: install Python 3 with `pip`, or `uv`")]
    NoClient,
    /// There is no Node.js, or it has no package client.
    #[error("found no `node` with `npm`: install Node.js")]
    NoNode,
    /// A wheel has no pinned build for this machine.
    #[error("`{wheel}` is pinned for {known}, not for {os} on {arch}; {way_out}")]
    Platform {
        wheel: &'static str,
        known: String,
        os: &'static str,
        arch: &'static str,
        way_out: &'static str,
    },
    /// A wheel does not hold what it should.
    #[error("`{wheel}` holds no `{file}`")]
    NotInWheel { wheel: String, file: String },
    /// The places of the user's cache are all unset.
    #[error("no cache folder: set `OLIVE_CACHE_HOME`, `XDG_CACHE_HOME` or `HOME`")]
    NoCache,
    /// Something that must be there is not.
    #[error("there is no {what} at `{}`", path.display())]
    Missing { what: &'static str, path: PathBuf },
    /// An option that would change nothing.
    #[error("`{option}` is for `cargo xtask {user}` alone: leave it out")]
    Unused { option: &'static str, user: &'static str },
    /// Tests or checks failed; the closing line said how many.
    #[error("not everything passed")]
    NotPassed,
}

impl ChoreError {
    /// An I/O error with what was tried and where, for `map_err`.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}

/// The error and its causes in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}

fn said(output: &str) -> String {
    if output.is_empty() { String::new() } else { format!(":\n{}", output.trim_end()) }
}
