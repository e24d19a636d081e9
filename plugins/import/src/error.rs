//! Why a model could not be imported or exported.

use std::io;
use std::path::PathBuf;

use olive_kit_checkpoint::CheckpointError;
use olive_kit_gguf::GgufError;
use olive_plugin_api::PluginError;
use thiserror::Error;

/// Why a model could not be imported or exported.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file could not be read.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// A file could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
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
    /// The input has an adapter, whose values the file would not have.
    #[error("the input model has an adapter, which the GGUF file would leave out")]
    AdapterPresent,
    /// The name of the file would put it elsewhere.
    #[error("`gguf_file_name` is `{0}`, but must be the name of a file without folders")]
    FileName(String),
    /// The step was asked to stop.
    #[error("the conversion was cancelled")]
    Cancelled,
}

impl ImportError {
    fn code(&self) -> &'static str {
        match self {
            Self::Gguf(error) => gguf_code(error),
            Self::Write { .. } => "io",
            Self::Range { .. } => "range",
            Self::Checkpoint(_) => "checkpoint",
            Self::AdapterPresent => "adapter-present",
            Self::FileName(_) => "file-name",
            Self::Cancelled => PluginError::CANCELLED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Gguf(error) => error.hint(),
            Self::Range { .. } => Some("set `dtype` to `bfloat16` or `float32`".into()),
            Self::Checkpoint(error) => error.hint(),
            Self::AdapterPresent => Some("put `MergeAdapterWeights` before this pass".into()),
            Self::FileName(_) => Some("give a name such as `model.gguf`".into()),
            Self::Write { .. } | Self::Cancelled => None,
        }
    }
}

fn gguf_code(error: &GgufError) -> &'static str {
    match error {
        GgufError::Read { .. } | GgufError::Write { .. } => "io",
        GgufError::Export { .. } => "unsupported",
        GgufError::Range { .. } => "range",
        GgufError::NotGguf(_)
        | GgufError::Version { .. }
        | GgufError::Truncated { .. }
        | GgufError::Content { .. }
        | GgufError::Dequantize { .. }
        | GgufError::Quantize { .. } => "gguf",
        GgufError::Architecture { .. } => "unknown-architecture",
        GgufError::TensorType { .. } => "tensor-type",
        GgufError::Stopped(_) => PluginError::CANCELLED,
        GgufError::Checkpoint(_) => "checkpoint",
    }
}

impl From<ImportError> for PluginError {
    fn from(error: ImportError) -> Self {
        if matches!(error, ImportError::Cancelled | ImportError::Gguf(GgufError::Stopped(_))) {
            return Self::cancelled();
        }
        let plain = Self::from_error(error.code(), &error);
        match error.hint() {
            Some(hint) => plain.with_help(hint),
            None => plain,
        }
    }
}
