//! Why something about packs cannot be done.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why something about packs cannot be done: one sentence, and a way out.
#[derive(Debug, Error)]
pub enum PackError {
    /// The system refuses.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried, such as `read`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A rule is broken.
    #[error("{message}")]
    Refused {
        /// Code of the rule, such as `pack-traversal`.
        code: &'static str,
        /// What is wrong, with what and where: a sentence without period.
        message: String,
        /// What to do.
        help: Option<String>,
    },
}

impl PackError {
    /// A broken rule.
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::Refused { code, message: message.into(), help: None }
    }

    /// The same with a way out.
    #[must_use]
    pub fn with_help(mut self, text: impl Into<String>) -> Self {
        if let Self::Refused { help, .. } = &mut self {
            *help = Some(text.into());
        }
        self
    }

    /// The same, said of the archive at `path`, for which whoever read it has no name.
    #[must_use]
    pub fn of_archive(self, path: &Path) -> Self {
        match self {
            Self::Refused { code, message, help } => {
                let message = format!("`{}` cannot be used: {message}", path.display());
                Self::Refused { code, message, help }
            }
            Self::Io { action, path: unnamed, source } if unnamed.as_os_str().is_empty() => {
                Self::Io { action, path: path.to_owned(), source }
            }
            other @ Self::Io { .. } => other,
        }
    }

    /// The error of an action at a path that the system refuses.
    pub fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// Code of the rule; `pack-io` when the system refuses.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "pack-io",
            Self::Refused { code, .. } => code,
        }
    }

    /// What to do.
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::Refused { help, .. } => help.as_deref(),
            Self::Io { .. } => None,
        }
    }
}
