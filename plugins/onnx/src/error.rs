//! Why a graph could not be rewritten.

use std::path::PathBuf;

use olive_kit_onnx::{GraphProblem, OnnxError};
use olive_plugin_api::PluginError;
use thiserror::Error;

/// Why a graph could not be rewritten.
#[derive(Debug, Error)]
pub enum RewriteError {
    /// The model could not be read or written.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// The name for external data is that of another file of the model.
    #[error("`external_data_name` is `{0}`, which is the name of another file of the model")]
    NameTaken(String),
    /// The graph that came in is wrong.
    #[error("`{}` is no sound model: {problem}", path.display())]
    Unsound {
        /// The graph.
        path: PathBuf,
        /// The first thing that is wrong.
        problem: GraphProblem,
    },
    /// The graph would be wrong when it was rewritten.
    #[error("the rewritten graph would be no sound model: {0}")]
    Broken(GraphProblem),
    /// The graph is not what the rewrite needs.
    #[error("{edit}: {problem}")]
    Unfit {
        /// The rewrite.
        edit: &'static str,
        /// What it does not find.
        problem: String,
    },
    /// An edit does not fit the graph.
    #[error("`edits[{index}]`, `{kind}`: {problem}")]
    Edit {
        /// Its place in the list.
        index: usize,
        /// What it is called.
        kind: &'static str,
        /// What does not fit.
        problem: String,
    },
    /// The step was asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl RewriteError {
    fn code(&self) -> &'static str {
        match self {
            Self::Onnx(OnnxError::Write { .. } | OnnxError::Copy { .. }) => "write",
            Self::Onnx(OnnxError::WhichGraph { .. }) => "which-graph",
            Self::Onnx(_) | Self::Unsound { .. } => "onnx",
            Self::NameTaken(_) => "name-taken",
            Self::Broken(_) => "broken-graph",
            Self::Unfit { .. } => "unfit-graph",
            Self::Edit { .. } => "unfit-edit",
            Self::Cancelled => PluginError::CANCELLED,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Onnx(OnnxError::WhichGraph { .. }) => {
                Some("name the graph: the file itself, or `onnx_file_name` of the input model")
            }
            Self::NameTaken(_) => Some("choose another name, or leave it out"),
            Self::Broken(_) => Some("the settings do not fit this graph; change or remove them"),
            _ => None,
        }
    }
}

impl From<RewriteError> for PluginError {
    fn from(error: RewriteError) -> Self {
        if matches!(error, RewriteError::Cancelled | RewriteError::Onnx(OnnxError::Stopped)) {
            return Self::cancelled();
        }
        let plain = Self::from_error(error.code(), &error);
        match error.hint() {
            Some(hint) => plain.with_help(hint),
            None => plain,
        }
    }
}
