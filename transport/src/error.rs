//! Why a transfer failed.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a transfer failed; each names the address and says what can be done.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The address is none, or of a kind that is not fetched.
    #[error("`{url}` cannot be fetched: {reason}")]
    Address {
        /// The address.
        url: String,
        /// Why.
        reason: String,
    },
    /// No connection, or it broke and stayed so after several tries.
    #[error("cannot reach `{url}`: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// What the network says.
        reason: String,
    },
    /// The server cannot prove that it is the one it says.
    #[error("`{url}` is not trusted: {reason}")]
    Untrusted {
        /// The address.
        url: String,
        /// What is wrong with its certificate.
        reason: String,
    },
    /// The server said no.
    #[error("`{url}` answers {status}")]
    Status {
        /// The address.
        url: String,
        /// Status code and its text.
        status: String,
    },
    /// The server redirects to where no one should follow.
    #[error("`{url}` redirects {place}")]
    Redirect {
        /// The address.
        url: String,
        /// Where to.
        place: String,
    },
    /// What arrived is not what was promised: too long, too short, another digest.
    #[error("`{url}` sends something else than it says: {reason}")]
    Lie {
        /// The address.
        url: String,
        /// What differs.
        reason: String,
    },
    /// More than is taken.
    #[error("`{url}` sends more than the {limit} bytes that are taken")]
    TooLarge {
        /// The address.
        url: String,
        /// Bytes that are taken.
        limit: u64,
    },
    /// What is at a registry's reference is something else.
    #[error("`{url}` is no pack: {reason}")]
    NoPack {
        /// The reference.
        url: String,
        /// What it is.
        reason: String,
    },
    /// Nothing, or next to nothing, arrived for too long.
    #[error("`{url}` {} for {seconds} s", trickle(*bytes))]
    Stalled {
        /// The address.
        url: String,
        /// Bytes that arrived meanwhile.
        bytes: u64,
        /// Seconds waited.
        seconds: u64,
    },
    /// The user's credentials for a registry cannot be had.
    #[error("no credentials for `{registry}`: {reason}")]
    Credentials {
        /// The registry.
        registry: String,
        /// Why.
        reason: String,
    },
    /// A local file cannot be read or written.
    #[error("cannot {action} `{}`: {source}", path.display())]
    File {
        /// What was tried, such as `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The user wants to stop.
    #[error("cancelled")]
    Cancelled,
}

impl TransportError {
    /// What to do about it.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } => Some(
                "check the address and the network (a proxy is named by `HTTPS_PROXY`); \
                 what has arrived is kept, and the same command goes on from there",
            ),
            Self::Stalled { .. } => {
                Some("what has arrived is kept, and the same command goes on from there")
            }
            Self::Untrusted { .. } => Some(
                "when the certificate is your company's, name its authority's PEM file in \
                 `SSL_CERT_FILE`",
            ),
            Self::Status { status, .. } if status.starts_with("401") => {
                Some("sign in by `docker login HOST`, whose configuration is read here too")
            }
            Self::Lie { .. } => Some("ask its publisher; nothing of it has been used"),
            _ => None,
        }
    }

    /// Whether the network failed, so that another try may help.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Stalled { .. })
    }

    /// The error of an action at a file that the system refuses.
    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}

fn trickle(bytes: u64) -> String {
    match bytes {
        0 => "sent nothing".into(),
        bytes => format!("sent only {bytes} bytes"),
    }
}
