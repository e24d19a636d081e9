//! Why a component gave no answer: always its own fault, never the config's.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a component gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It is no component, or is cut short.
    #[error("the file is no WebAssembly component: {0}")]
    Malformed(String),
    /// It is larger, deeper or more numerous than allowed.
    #[error("the component has {what}; {limit} are allowed")]
    TooLarge {
        /// What there is too much of, with the amount: `61002 functions`.
        what: String,
        /// The limit.
        limit: String,
    },
    /// It asks for something that is not granted.
    #[error("the component imports `{0}`, and nothing but `olive:plugin/host` is granted")]
    ImportDenied(String),
    /// It was built for another version of the contract.
    #[error("the component speaks `olive:plugin` {found}, this Olive speaks {needed}")]
    ApiVersion {
        /// Version that it exports.
        found: String,
        /// Versions that this host takes.
        needed: String,
    },
    /// It lacks an export, or one has another shape.
    #[error("the component does not fit the contract: {0}")]
    Contract(String),
    /// Compiling it took too long or too much memory.
    #[error("compiling the component was stopped: {0}")]
    Compile(String),
    /// A call ran out of time.
    #[error("the call was stopped after {millis} ms")]
    Timeout {
        /// The limit in milliseconds.
        millis: u64,
    },
    /// A call ran out of instructions.
    #[error("the call was stopped after {fuel} units of fuel")]
    Fuel {
        /// The limit.
        fuel: u64,
    },
    /// It asks for more memory or larger tables than allowed.
    #[error("the component needs more memory than allowed: {0}")]
    Memory(String),
    /// It crashed.
    #[error("the component crashed: {0}")]
    Trap(String),
    /// It answered with more than may leave the sandbox, or flooded the log.
    #[error("the component says more than allowed: {0}")]
    Flood(String),
    /// Its answer is not what the contract says.
    #[error("the component's answer is not valid: {0}")]
    BadOutput(String),
    /// It says itself that it cannot answer.
    #[error("the component refused: {0}")]
    Refused(String),
}

impl Failure {
    /// Stable name of the kind of failure, such as `validator-timeout`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "validator-malformed",
            Self::TooLarge { .. } => "validator-too-large",
            Self::ImportDenied(_) => "validator-import-denied",
            Self::ApiVersion { .. } => "validator-api-version",
            Self::Contract(_) => "validator-contract",
            Self::Compile(_) => "validator-compile",
            Self::Timeout { .. } | Self::Fuel { .. } => "validator-timeout",
            Self::Memory(_) => "validator-out-of-memory",
            Self::Trap(_) => "validator-trap",
            Self::Flood(_) => "validator-flood",
            Self::BadOutput(_) => "validator-bad-output",
            Self::Refused(_) => "validator-refused",
        }
    }
}
