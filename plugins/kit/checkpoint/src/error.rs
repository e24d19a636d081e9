//! Why a checkpoint could not be read or written.

use std::io;
use std::path::{Path, PathBuf};

use olive_kit_quant::StoredError;
use thiserror::Error;

/// Why a checkpoint could not be read or written.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The folder does not exist, or is a file.
    #[error("model folder `{}` does not exist", .0.display())]
    NoFolder(PathBuf),
    /// A file the folder must hold is not there.
    #[error("`{}` does not exist", .0.display())]
    NoFile(PathBuf),
    /// The folder holds no safetensors file.
    #[error("`{}` holds no `model.safetensors` and no `model.safetensors.index.json`", .0.display())]
    NoWeights(PathBuf),
    /// The folder holds weights only as pickle, which runs code when read.
    #[error("`{}` holds its weights only as pickle (`{file}`), which is never read", dir.display())]
    PickleOnly {
        /// The model folder.
        dir: PathBuf,
        /// Name of the pickle file.
        file: String,
    },
    /// A file exists but could not be read.
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
    /// A file is no JSON, or JSON of another form.
    #[error("`{}` is not the JSON it should be", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A setting is missing, out of range or not supported.
    #[error("`{}`: {problem}", path.display())]
    Config {
        /// The config file.
        path: PathBuf,
        /// The setting, its value and what is possible.
        problem: String,
    },
    /// A checkpoint is quantized where floats are needed.
    #[error("`{}`: `quantization_config` is set; only unquantized checkpoints are read here", .0.display())]
    Quantized(PathBuf),
    /// A safetensors file is truncated or damaged.
    #[error("`{}` is not a whole safetensors file: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A tensor is not in the files.
    #[error("tensor `{name}` is not in `{}`", path.display())]
    TensorMissing {
        /// Name of the tensor.
        name: String,
        /// Folder or file that should hold it.
        path: PathBuf,
    },
    /// A tensor has another shape than the config says.
    #[error("tensor `{name}` has shape {found:?}, but {expected:?} is needed")]
    Shape {
        /// Name of the tensor.
        name: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape the config asks for.
        expected: Vec<usize>,
    },
    /// A tensor's values are of a type that is not read.
    #[error("tensor `{name}` holds {found} values; only F32, F16 and BF16 are read as weights")]
    Dtype {
        /// Name of the tensor.
        name: String,
        /// Type in the file.
        found: String,
    },
    /// Codes are of another type than their packer writes.
    #[error("tensor `{name}` holds {found} values, but codes are {expected} here")]
    CodeType {
        /// Name of the tensor.
        name: String,
        /// Type in the file.
        found: String,
        /// Type that is read.
        expected: &'static str,
    },
    /// A packed layer has codes or groups that no kernel reads.
    #[error("layer `{name}` is packed in a way that is not read: {problem}")]
    Packed {
        /// Module path of the layer.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A weight is in 4 bits where floats are needed.
    #[error("weight `{0}` is in 4 bits, but floats are needed")]
    InFourBits(String),
    /// The codes of a weight in 4 bits are too many or too few.
    #[error("weight `{name}` has {found} bytes of 4-bit codes, but {needed} are needed")]
    FourBitLength {
        /// Name of the weight.
        name: String,
        /// Bytes in the file.
        found: usize,
        /// Bytes the config asks for.
        needed: usize,
    },
    /// The tensors of a weight in 4 bits do not fit each other.
    #[error("weight `{name}` in 4 bits cannot be read")]
    FourBitWeight {
        /// Name of the weight.
        name: String,
        /// Why.
        source: StoredError,
    },
    /// Several things are wrong at once.
    #[error("`{}` does not fit its config: {}", path.display(), list(problems))]
    Several {
        /// The model folder.
        path: PathBuf,
        /// Every problem found.
        problems: Vec<CheckpointError>,
    },
}

impl CheckpointError {
    /// What to try, when something can be.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoFolder(_) => Some("check the model path; it must be a local folder".into()),
            Self::NoFile(path) if path.ends_with("config.json") => {
                Some("a checkpoint is a folder with `config.json` and safetensors files".into())
            }
            Self::PickleOnly { .. } => {
                Some("save the model again with `safe_serialization=True`".into())
            }
            Self::Quantized(_) | Self::InFourBits(_) => {
                Some("start from the model in floats, as it was before it was quantized".into())
            }
            Self::Damaged { .. } => Some("download or copy the file again".into()),
            _ => None,
        }
    }

    pub(crate) fn config(path: &Path, problem: impl Into<String>) -> Self {
        Self::Config { path: path.to_owned(), problem: problem.into() }
    }

    pub(crate) fn damaged(path: &Path, problem: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), problem: problem.into() }
    }

    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::NotFound => Self::NoFile(path),
            _ => Self::Read { path, source },
        }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Write { path, source }
    }
}

fn list(problems: &[CheckpointError]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
