//! Why a GGUF file could not be read or written.

use std::io;
use std::path::PathBuf;

use olive_kit_checkpoint::CheckpointError;
use thiserror::Error;

use crate::tensor_type;

/// Why a GGUF file could not be read or written.
#[derive(Debug, Error)]
pub enum GgufError {
    /// The file could not be read.
    #[error("cannot read `{}`", path.display())]
    Read {
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
    /// A file could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A checkpoint has something that llama.cpp does not compute, or that has no place in a file.
    #[error("`{}` cannot be written as GGUF: {problem}", path.display())]
    Export {
        /// The checkpoint's folder, or the file of it.
        path: PathBuf,
        /// What stands against it.
        problem: String,
        /// What to try, when something can be.
        help: Option<&'static str>,
    },
    /// A value does not fit the type it is to be stored as.
    #[error("tensor `{name}` holds {value}, which {dtype} cannot")]
    Range {
        /// Name of the tensor.
        name: String,
        /// The value.
        value: f32,
        /// Type of the stored values.
        dtype: &'static str,
    },
    /// A tensor's values could not be quantized.
    #[error("cannot quantize tensor `{name}`")]
    Quantize {
        /// Name of the tensor.
        name: String,
        /// What is wrong with it.
        source: candle_core::Error,
    },
    /// Who watches has asked to stop before the file was whole.
    #[error("writing `{}` was stopped", .0.display())]
    Stopped(PathBuf),
    /// The checkpoint it would be is none that is known.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl GgufError {
    /// What to try, when something can be.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotGguf(_) => Some("give the path of one `.gguf` file".into()),
            Self::Truncated { .. } => Some("download or copy the file again".into()),
            Self::Checkpoint(error) => error.hint(),
            Self::Export { help, .. } => help.map(Into::into),
            Self::Range { .. } => Some("set `outtype` to `f32`".into()),
            _ => None,
        }
    }
}
