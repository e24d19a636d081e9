//! What the host tells about a call.

use serde_json::{Map, Value};

/// What the host tells about a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    /// Language of messages (BCP 47), when the user asked for one.
    pub locale: Option<String>,
    /// Whether warnings end the command as errors do.
    pub strict: bool,
    /// Facts that newer hosts may add to: `olive_version`, …
    pub facts: Map<String, Value>,
}
