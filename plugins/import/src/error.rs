//! Why a model could not be imported.

use std::io;
use std::path::PathBuf;

use olive_kit_checkpoint::CheckpointError;
use olive_plugin_api::PluginError;
use thiserror::Error;

use crate::tensor_type;

/// Why a model could not be imported.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file could not be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is of another format.
    #[error("`{}` is not a GGUF file", .0.display())]
    NotGguf(PathBuf),
    /// The file is of a version that is not read.
    #[error("`{}` is GGUF version {found}; versions 2 and 3 (little-endian) are read", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// The file ends too early.
    #[error("`{}` is truncated: {problem}", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Where it ends.
        problem: String,
    },
    /// The file contradicts itself, or holds what is not read.
    #[error("`{}`: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The model is of a family that is not known.
    #[error("`{}` holds a model of unknown architecture `{found}`; known is llama", path.display())]
    Architecture {
        /// The file.
        path: PathBuf,
        /// Its architecture.
        found: String,
    },
    /// A tensor is stored in a way that is not read.
    #[error(
        "tensor `{name}` of `{}` is stored as {found}; {} are read",
        path.display(),
        tensor_type::known()
    )]
    TensorType {
        /// The file.
        path: PathBuf,
        /// Name of the tensor.
        name: String,
        /// Type of its values.
        found: String,
    },
    /// A tensor's values could not be dequantized.
    #[error("cannot dequantize tensor `{name}`")]
    Dequantize {
        /// Name of the tensor.
        name: String,
        /// What is wrong with it.
        source: candle_core::Error,
    },
    /// A value does not fit the type it is to be stored as.
    #[error("tensor `{name}` holds {value}, which float16 cannot")]
    Range {
        /// Name of the tensor.
        name: String,
        /// The value.
        value: f32,
    },
    /// The checkpoint could not be written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The step was asked to stop.
    #[error("the import was cancelled")]
    Cancelled,
}

impl ImportError {
    fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } | Self::Write { .. } => "io",
            Self::NotGguf(_)
            | Self::Version { .. }
            | Self::Truncated { .. }
            | Self::Content { .. }
            | Self::Dequantize { .. } => "gguf",
            Self::Architecture { .. } => "unknown-architecture",
            Self::TensorType { .. } => "tensor-type",
            Self::Range { .. } => "range",
            Self::Checkpoint(_) => "checkpoint",
            Self::Cancelled => PluginError::CANCELLED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotGguf(_) => Some("give the path of one `.gguf` file".into()),
            Self::Truncated { .. } => Some("download or copy the file again".into()),
            Self::Range { .. } => Some("set `dtype` to `bfloat16` or `float32`".into()),
            Self::Checkpoint(error) => error.hint(),
            _ => None,
        }
    }
}

impl From<ImportError> for PluginError {
    fn from(error: ImportError) -> Self {
        if matches!(error, ImportError::Cancelled) {
            return Self::cancelled();
        }
        let plain = Self::from_error(error.code(), &error);
        match error.hint() {
            Some(hint) => plain.with_help(hint),
            None => plain,
        }
    }
}
