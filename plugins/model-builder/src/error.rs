//! Why a model could not be built.

use std::io;
use std::path::PathBuf;

use olive_kit_adapters::AdapterError;
use olive_kit_checkpoint::{CheckpointError, Feature};
use olive_kit_onnx::OnnxError;
use olive_kit_quant::QuantError;
use olive_kit_weights::WeightError;
use olive_plugin_api::{Diagnostic, PluginError};
use rayon::ThreadPoolBuildError;

/// Why a model could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The checkpoint could not be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A weight could not be read.
    #[error(transparent)]
    Weights(#[from] WeightError),
    /// The adapter could not be read.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    /// The graph or its data could not be written.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// A weight could not be quantized.
    #[error("cannot quantize `{weight}`")]
    Quantize {
        /// Initializer that was to be made.
        weight: String,
        /// What is wrong with it.
        source: QuantError,
    },
    /// More layers are asked for than there are.
    #[error("`num_hidden_layers` {asked} is more than the model's {available} layers")]
    Layers {
        /// Layers the options ask for.
        asked: usize,
        /// Layers of the model.
        available: usize,
    },
    /// The model computes something that graphs do not express.
    #[error("the model needs {}, which graphs do not express yet", list(features))]
    Features {
        /// What it needs.
        features: Vec<Feature>,
    },
    /// The attention operator cannot rotate as many entries of a head.
    #[error(
        "the model rotates {rotary_dim} entries of a head, but `GroupQueryAttention` needs a \
         multiple of 16"
    )]
    Rotation {
        /// Rotated entries of a head.
        rotary_dim: usize,
    },
    /// The runtime would gather wrong rows of an embedding that shares its weight.
    #[error(
        "the embedding shares the weight of the logits, and {blocks} blocks of {block_size} a row \
         are an odd number, whose 4-bit zero points ONNX Runtime 1.24 gathers wrongly"
    )]
    OddZeroPoints {
        /// Neighboring weights that share a scale.
        block_size: usize,
        /// Blocks of a row.
        blocks: usize,
    },
    /// The settings or the input cannot be built.
    #[error("{}", .0.message)]
    Refused(Box<Diagnostic>),
    /// The model folder has no tokenizer.
    #[error("`{}` holds no `tokenizer.json`", .0.display())]
    TokenizerMissing(PathBuf),
    /// Neither config nor tokenizer says where a text ends.
    #[error("`{}` names no end-of-sequence token in its configs or tokenizer", .0.display())]
    EosMissing(PathBuf),
    /// A JSON file is damaged.
    #[error("`{}` is not the JSON it should be", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A file could not be read.
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
    /// The threads of the step could not be started.
    #[error("cannot start {threads} threads")]
    Threads {
        /// Threads the step may use.
        threads: usize,
        /// What the system said.
        source: ThreadPoolBuildError,
    },
    /// The listener asked to stop.
    #[error("the build was cancelled")]
    Cancelled,
}

impl BuildError {
    /// Stable name of the error.
    fn code(&self) -> &str {
        match self {
            Self::Refused(problem) => &problem.code,
            _ => "build",
        }
    }

    /// What to try, when something can be.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Checkpoint(error) => error.hint(),
            Self::Weights(error) => error.hint(),
            Self::Adapter(error) => error.hint(),
            Self::OddZeroPoints { .. } => Some(
                "choose a symmetric grid, a block size of which a row has an even number, or \
                 `rtn_last`, whose zero points have 8 bits"
                    .to_owned(),
            ),
            Self::Features { .. } => Some(
                "leave `ModelBuilder` out: the checkpoint itself can be evaluated and used by \
                 transformers"
                    .to_owned(),
            ),
            Self::Refused(problem) => problem.help.clone(),
            Self::TokenizerMissing(_) => {
                Some("save the tokenizer into the model folder as `tokenizer.json`".to_owned())
            }
            Self::EosMissing(_) => Some("set `eos_token_id` in `config.json`".to_owned()),
            _ => None,
        }
    }
}

fn list(features: &[Feature]) -> String {
    features.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl From<Diagnostic> for BuildError {
    fn from(problem: Diagnostic) -> Self {
        Self::Refused(Box::new(problem))
    }
}

impl From<BuildError> for PluginError {
    fn from(error: BuildError) -> Self {
        if matches!(error, BuildError::Cancelled) {
            return Self::cancelled();
        }
        let plugin_error = Self::from_error(error.code(), &error);
        match error.hint() {
            Some(hint) => plugin_error.with_help(hint),
            None => plugin_error,
        }
    }
}
