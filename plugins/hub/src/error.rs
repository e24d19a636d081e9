//! Why something could not be had from the hub.

use std::io;
use std::path::PathBuf;

use olive_plugin_api::PluginError;
use olive_transport::TransportError;
use thiserror::Error;

/// Why something could not be had from the hub.
#[derive(Debug, Error)]
pub enum HubError {
    /// The host gave no folder for the cache.
    #[error("no folder is known for the cache of the Hugging Face hub")]
    NoCache,
    /// The variable that the reference names is not set.
    #[error("the environment variable `{0}`, which `token` names, is not set")]
    NoToken(String),
    /// No such repository, or one that only others may see.
    #[error("the hub has no repository `{id}`")]
    NoRepository {
        /// Its id.
        id: String,
    },
    /// No such branch, tag or commit.
    #[error("`{id}` has no revision `{revision}`")]
    NoRevision {
        /// The repository.
        id: String,
        /// The revision.
        revision: String,
    },
    /// A file that the repository does not have.
    #[error("`{id}` has no file `{name}` at `{commit}`")]
    NoFile {
        /// The repository.
        id: String,
        /// The file.
        name: String,
        /// The commit.
        commit: String,
    },
    /// The hub does not let this user see it.
    #[error("`{id}` may not be fetched: the hub answers {status}")]
    Refused {
        /// The repository.
        id: String,
        /// What the hub answers.
        status: String,
        /// Page of the repository.
        page: String,
        /// Whether a token was shown.
        has_token: bool,
    },
    /// The hub may not be asked, and the cache has not all.
    #[error("`{id}` at `{revision}` is not in the cache `{}`: {what}", cache.display())]
    Offline {
        /// The repository.
        id: String,
        /// The revision.
        revision: String,
        /// Where it would be.
        cache: PathBuf,
        /// What is missing.
        what: String,
    },
    /// The hub may not be asked, and has not been asked of a data set before.
    #[error("which files of data set `{id}` at `{revision}` are its rows only the hub knows")]
    Unlisted {
        /// Its id.
        id: String,
        /// The revision.
        revision: String,
    },
    /// The hub says what cannot be.
    #[error("`{url}` answers with something odd: {reason}")]
    Odd {
        /// The address.
        url: String,
        /// What is odd.
        reason: String,
    },
    /// The repository holds no model that is read here.
    #[error("`{id}` holds no model that can be read: {reason}")]
    NoModel {
        /// The repository.
        id: String,
        /// What is missing.
        reason: String,
        /// What to do.
        help: &'static str,
    },
    /// The repository has no such rows.
    #[error("data set `{id}` {reason}")]
    NoData {
        /// The repository.
        id: String,
        /// What is missing.
        reason: String,
        /// What to do.
        help: String,
    },
    /// A transfer failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A file of the cache cannot be read or written.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The step was asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl HubError {
    /// The error of an action at a file that the system refuses.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    /// Whether the hub could not be reached, so that it has said nothing.
    pub(crate) fn is_silence(&self) -> bool {
        matches!(
            self,
            Self::Transport(TransportError::Unreachable { .. } | TransportError::Stalled { .. })
        )
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NoCache | Self::Io { .. } => "io",
            Self::NoToken(_) | Self::Refused { .. } => "hub-access",
            Self::NoRepository { .. }
            | Self::NoRevision { .. }
            | Self::NoFile { .. }
            | Self::NoModel { .. }
            | Self::NoData { .. } => "hub-missing",
            Self::Offline { .. } | Self::Unlisted { .. } => "hub-offline",
            Self::Odd { .. } => "hub-answer",
            Self::Transport(_) => "network",
            Self::Cancelled => PluginError::CANCELLED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoCache => Some("set `HF_HOME` to a folder".into()),
            Self::NoToken(name) => Some(format!("set `{name}`, or take `token` out")),
            Self::NoRepository { id } => Some(format!(
                "check the spelling of `{id}`; when it is private, set `HF_TOKEN` to a token that \
                 may read it; a local folder of that name goes before the hub"
            )),
            Self::NoRevision { .. } => {
                Some("name a branch, a tag or a commit that its page on the hub lists".into())
            }
            Self::Refused { page, has_token: false, .. } => Some(format!(
                "accept its licence at {page} if it asks for that, and set `HF_TOKEN` to a token \
                 of your account"
            )),
            Self::Refused { page, has_token: true, .. } => Some(format!(
                "accept its licence at {page} with the account of the token, or use a token that \
                 may read it"
            )),
            Self::Offline { .. } => {
                Some("run once without `HF_HUB_OFFLINE`, or copy the repository there".into())
            }
            Self::Unlisted { .. } => Some(
                "run once without `HF_HUB_OFFLINE`, or name each of its files in `data_files`".into(),
            ),
            Self::NoFile { .. } => {
                Some("take the name from the files that its page on the hub lists".into())
            }
            Self::NoModel { help, .. } => Some((*help).to_owned()),
            Self::NoData { help, .. } => Some(help.clone()),
            Self::Transport(TransportError::Lie { .. }) => {
                Some("run again; if it stays so, the hub or a proxy before it is broken".into())
            }
            Self::Transport(TransportError::Unreachable { .. }) => Some(
                "check the network (a proxy is named by `HTTPS_PROXY`, a mirror by `HF_ENDPOINT`); \
                 what has arrived is kept"
                    .into(),
            ),
            Self::Transport(TransportError::Status { status, .. }) => busy(status),
            Self::Transport(error) => error.help().map(str::to_owned),
            Self::Odd { .. } | Self::Io { .. } | Self::Cancelled => None,
        }
    }
}

/// What to do when the hub answers that it cannot now.
fn busy(status: &str) -> Option<String> {
    match status.as_bytes() {
        [b'4', b'2', b'9', ..] => Some(
            "run again later, and set `HF_TOKEN`: the hub lets whoever it knows ask for more"
                .into(),
        ),
        [b'5', ..] => Some("run again later; what has arrived is kept".into()),
        _ => None,
    }
}

impl From<HubError> for PluginError {
    fn from(error: HubError) -> Self {
        match error {
            HubError::Cancelled | HubError::Transport(TransportError::Cancelled) => {
                Self::cancelled()
            }
            error => {
                let plain = Self::from_error(error.code(), &error);
                match error.hint() {
                    Some(hint) => plain.with_help(hint),
                    None => plain,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::busy;

    #[test]
    fn a_hub_that_cannot_now_is_asked_later() {
        for (status, part) in [
            ("429 Too Many Requests", Some("set `HF_TOKEN`")),
            ("503 Service Unavailable", Some("what has arrived is kept")),
            ("404 Not Found", None),
        ] {
            let help = busy(status);
            let is_told =
                part.is_none_or(|part| help.as_ref().is_some_and(|help| help.contains(part)));
            assert!(is_told && help.is_some() == part.is_some(), "{status}: {help:?}");
        }
    }
}
