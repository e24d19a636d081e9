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
    /// The server said no.
    #[error("`{url}` answers {status}")]
    Status {
        /// The address.
        url: String,
        /// Status code and its text.
        status: String,
    },
    /// What arrived is not what was promised: too long, too short, another digest.
    #[error("`{url}` sends something else than it says: {reason}")]
    Lie {
        /// The address.
        url: String,
        /// What differs.
        reason: String,
    },
    /// Nothing arrived for too long.
    #[error("`{url}` sent nothing for {seconds} s")]
    Stalled {
        /// The address.
        url: String,
        /// Seconds waited.
        seconds: u64,
    },
    /// A local file cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The user wants to stop.
    #[error("cancelled")]
    Cancelled,
}
