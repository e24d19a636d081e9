//! Why an adapter could not be made, read or written.

use std::path::{Path, PathBuf};

use olive_kit_checkpoint::CheckpointError;
use thiserror::Error;

/// Why an adapter could not be made, read or written.
#[derive(Debug, Error)]
pub enum AdapterError {
    /// A file or tensor could not be read or written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The folder does not exist, or is a file.
    #[error("adapter folder `{}` does not exist", .0.display())]
    NoFolder(PathBuf),
    /// A setting is out of range, or its effect is not computed.
    #[error("{problem}")]
    Setting {
        /// The setting, its value and what is possible.
        problem: String,
    },
    /// A setting of a config file is out of range, or its effect is not computed.
    #[error("`{}`: {problem}", path.display())]
    StoredSetting {
        /// The config file.
        path: PathBuf,
        /// The setting, its value and what is possible.
        problem: String,
    },
    /// A tensor of the file belongs to nothing that the config describes.
    #[error("tensor `{name}` in `{}` is no part of a {method} adapter", path.display())]
    UnknownTensor {
        /// Name of the tensor.
        name: String,
        /// The safetensors file.
        path: PathBuf,
        /// The method, as PEFT calls it.
        method: &'static str,
    },
    /// The adapter changes a layer that the model does not have.
    #[error("the adapter changes `{module}`, which is no linear layer of the model")]
    NoLayer {
        /// Module path in the adapter.
        module: String,
    },
    /// The adapter holds a weight or bias that the model does not have.
    #[error("the adapter replaces `{name}`, which the model does not have")]
    NoTensor {
        /// Name of the weight or bias.
        name: String,
    },
    /// A tensor of the adapter has another shape than the model's layers ask for.
    #[error("the adapter's tensor `{name}` has shape {found:?}, but the model needs {expected:?}")]
    Misfit {
        /// Name of the tensor.
        name: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape that fits.
        expected: Vec<usize>,
    },
    /// The model's attributes speak of a quantization that is not computed.
    #[error(
        "the model's attribute `quantization_config` is of no 4-bit quantization of bitsandbytes: \
         {problem}"
    )]
    Quantization {
        /// The setting and its value.
        problem: String,
    },
}

impl AdapterError {
    /// What to try, when something can be.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Checkpoint(error) => error.hint(),
            Self::NoFolder(_) => Some("check the adapter path; it must be a local folder".into()),
            Self::NoLayer { .. } | Self::NoTensor { .. } | Self::Misfit { .. } => {
                Some("use the adapter with the model it was trained on".into())
            }
            Self::Quantization { .. } => {
                Some("remove the attribute to take the weights as they are stored".into())
            }
            Self::Setting { .. } | Self::StoredSetting { .. } | Self::UnknownTensor { .. } => None,
        }
    }

    pub(crate) fn setting(problem: impl Into<String>) -> Self {
        Self::Setting { problem: problem.into() }
    }

    /// The same problem, found in the config file at `path`.
    pub(crate) fn stored(self, path: &Path) -> Self {
        match self {
            Self::Setting { problem } => Self::StoredSetting { path: path.to_owned(), problem },
            other => other,
        }
    }
}
