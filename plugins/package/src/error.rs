//! Why a package could not be made.

use std::io;
use std::path::PathBuf;

use olive_kit_onnx::OnnxError;
use olive_plugin_api::{ModelKind, PluginError};
use thiserror::Error;

/// Why a package could not be made.
#[derive(Debug, Error)]
pub enum PackageError {
    /// A file of a model, or one that goes along, cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The package cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Two files of a package would have one name.
    #[error("a package would have two files `{name}`")]
    Twice {
        /// The name.
        name: String,
    },
    /// The graph of a model is not there.
    #[error("the model has no file `{name}`, which it names as its graph")]
    NoGraph {
        /// Name of the graph's file.
        name: String,
    },
    /// A model does not say which of its files is the graph.
    #[error("the model does not name its graph, and has {found} files `*.onnx`")]
    WhichGraph {
        /// How many there are.
        found: usize,
    },
    /// Weights of a graph are not there.
    #[error("the model has no file `{name}`, in which its graph `{graph}` keeps weights")]
    NoWeights {
        /// Name of the graph's file.
        graph: String,
        /// Name of the file, as the graph says it.
        name: String,
    },
    /// There is nothing to pack.
    #[error("the package has no model")]
    NoModel,
    /// A graph cannot be read.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// A model's `genai_config.json` says too little or too much.
    #[error("`genai_config.json` {why}")]
    Genai {
        /// What is wrong, the end of a sentence.
        why: String,
    },
    /// Only ONNX models have the form of `MLflow` that is asked for.
    #[error("`export_in_mlflow_format` is for ONNX models, not {kind}")]
    Mlflow {
        /// Kind of the model.
        kind: ModelKind,
    },
    /// The step was asked to stop.
    #[error("packing was cancelled")]
    Cancelled,
}

impl PackageError {
    fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } | Self::Write { .. } => "io",
            Self::Twice { .. } => "package-twice",
            Self::NoGraph { .. }
            | Self::WhichGraph { .. }
            | Self::NoWeights { .. }
            | Self::Onnx(_) => "onnx",
            Self::NoModel => "request",
            Self::Genai { .. } => "genai-config",
            Self::Mlflow { .. } => "model-kind",
            Self::Cancelled => PluginError::CANCELLED,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Twice { .. } => Some("rename the file of the model, or choose another package"),
            Self::Genai { .. } => Some("build the model with a pass that writes the file"),
            Self::Mlflow { .. } => Some("leave it out, or end the passes with one that makes ONNX"),
            Self::NoGraph { .. } | Self::WhichGraph { .. } => {
                Some("name the graph in `onnx_file_name` of the model")
            }
            Self::NoWeights { .. } => Some("put the file back, or make the model anew"),
            Self::Read { .. }
            | Self::Write { .. }
            | Self::NoModel
            | Self::Onnx(_)
            | Self::Cancelled => None,
        }
    }
}

impl From<PackageError> for PluginError {
    fn from(error: PackageError) -> Self {
        let told = Self::from_error(error.code(), &error);
        match error.hint() {
            Some(hint) => told.with_help(hint),
            None => told,
        }
    }
}
