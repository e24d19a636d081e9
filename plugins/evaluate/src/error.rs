//! Why a checkpoint could not be measured or run.

use olive_kit_inference::InferenceError;
use olive_kit_text::TextError;
use olive_plugin_api::PluginError;
use thiserror::Error;

/// Why a checkpoint could not be measured or run.
#[derive(Debug, Error)]
pub enum EvaluateError {
    /// The checkpoint cannot be run.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// A tokenizer that is missing or cannot be read.
    #[error(transparent)]
    Tokenizer(#[from] TextError),
    /// Threads could not be started.
    #[error("cannot start {threads} threads")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        source: rayon::ThreadPoolBuildError,
    },
}

impl EvaluateError {
    /// Stable name of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Inference(error) => error.code(),
            Self::Tokenizer(_) => "tokenizer",
            Self::Threads { .. } => "threads",
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Inference(error) => error.help(),
            Self::Tokenizer(_) | Self::Threads { .. } => None,
        }
    }
}

impl From<EvaluateError> for PluginError {
    fn from(error: EvaluateError) -> Self {
        let plain = Self::from_error(error.code(), &error);
        match error.help() {
            Some(help) => plain.with_help(help),
            None => plain,
        }
    }
}
