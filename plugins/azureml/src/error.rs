//! Why Azure Machine Learning did not do what it was asked.

use std::io;
use std::path::PathBuf;

use olive_plugin_api::PluginError;
use olive_transport::TransportError;
use thiserror::Error;

/// Why Azure Machine Learning did not do what it was asked.
#[derive(Debug, Error)]
pub enum AzureError {
    /// Settings that cannot be followed.
    #[error("{what}")]
    Settings {
        /// What is wrong.
        what: String,
        /// What to do.
        help: String,
    },
    /// Nobody vouches for the user.
    #[error("no credential for Azure answered: {}", tried.join("; "))]
    NoCredential {
        /// Each way with the reason why it did not.
        tried: Vec<String>,
    },
    /// A credential is there, but it is not accepted.
    #[error("Azure does not accept {credential}: {reason}")]
    Credential {
        /// Which one, such as `the client secret of the environment`.
        credential: &'static str,
        /// What the service says.
        reason: String,
    },
    /// The service says no.
    #[error("{what}: the service answers {status}{reason}")]
    Refused {
        /// What was asked, such as ``job `x` ``.
        what: String,
        /// Status code.
        status: u16,
        /// What it says, with a space before it.
        reason: String,
    },
    /// What is wanted cannot be made.
    #[error("{what} cannot be made: {reason}")]
    Unmade {
        /// What was wanted, such as ``compute `gpus` ``.
        what: String,
        /// What the service says.
        reason: String,
    },
    /// What is there cannot be removed.
    #[error("{what} cannot be removed: {reason}")]
    Kept {
        /// What is there.
        what: String,
        /// What the service says.
        reason: String,
    },
    /// There is no such thing.
    #[error("{what} does not exist")]
    Missing {
        /// What was asked for.
        what: String,
        /// Where to look.
        help: String,
    },
    /// A file is another one than at first.
    #[error("{what}: it has changed since it was listed")]
    Changed {
        /// The file.
        what: String,
    },
    /// The service says what cannot be.
    #[error("{what}: the service answers with something odd: {reason}")]
    Odd {
        /// What was asked.
        what: String,
        /// What is odd.
        reason: String,
    },
    /// A request or its answer did not get through.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A local file cannot be read or written.
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

impl AzureError {
    /// The error of an action at a file that the system refuses.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    /// The error of settings.
    pub(crate) fn settings(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Settings { what: what.into(), help: help.into() }
    }

    /// The error of an answer that lacks what must be in it.
    pub(crate) fn odd(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Odd { what: what.into(), reason: reason.into() }
    }

    /// Word that programs know it by.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Settings { .. } => "azureml-settings",
            Self::NoCredential { .. }
            | Self::Credential { .. }
            | Self::Refused { status: 401 | 403, .. } => "azureml-access",
            Self::Refused { .. } | Self::Unmade { .. } | Self::Kept { .. } => "azureml-refused",
            Self::Missing { .. } => "azureml-missing",
            Self::Changed { .. } => "azureml-changed",
            Self::Odd { .. } => "azureml-answer",
            Self::Transport(_) => "network",
            Self::Io { .. } => "io",
            Self::Cancelled => PluginError::CANCELLED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Settings { help, .. } | Self::Missing { help, .. } => Some(help.clone()),
            Self::Unmade { reason, .. } => way_out(reason).map(str::to_owned),
            Self::NoCredential { .. } => Some(
                "sign in by `az login`, or set `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and \
                 `AZURE_CLIENT_SECRET`"
                    .into(),
            ),
            Self::Changed { .. } => {
                Some("run again once nobody writes to its folder; give each version its own".into())
            }
            Self::Credential { .. } => {
                Some("renew it, or unset its variables so that the next credential is asked".into())
            }
            Self::Refused { status: 401 | 403, .. } => Some(
                "give your identity the role `AzureML Data Scientist` in the workspace, and \
                 `Storage Blob Data Contributor` at its storage"
                    .into(),
            ),
            Self::Transport(
                TransportError::Unreachable { .. } | TransportError::Stalled { .. },
            ) => Some("check the network; a proxy is named by `HTTPS_PROXY`".into()),
            Self::Transport(TransportError::Status { .. })
            | Self::Refused { .. }
            | Self::Kept { .. }
            | Self::Odd { .. }
            | Self::Io { .. }
            | Self::Cancelled => None,
            Self::Transport(error) => error.help().map(str::to_owned),
        }
    }
}

/// What helps where the service makes no compute for this `reason`.
fn way_out(reason: &str) -> Option<&'static str> {
    let reason = reason.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if has(&["quota", "cores"]) {
        return Some("ask for more quota of this size in the region, or take a smaller `vm_size`");
    }
    if has(&["location", "region", "sku", "vmsize", "vm size"]) {
        return Some("take a `vm_size` that the region has, or another `location`");
    }
    has(&["name"]).then_some("take a name of letters, digits and `-` that begins with a letter")
}

impl From<AzureError> for PluginError {
    fn from(error: AzureError) -> Self {
        match error {
            AzureError::Cancelled | AzureError::Transport(TransportError::Cancelled) => {
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
